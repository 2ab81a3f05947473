/**
 * What a running node is told of the bond's chain.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { SequencerError } from "../base/errors.ts";
import type { ChainSettings } from "../node/bonding.ts";
import { CHAIN_ID_DEFAULT } from "../sequencing/begin-log.ts";
import { RPC_FLAGS, rpcUrlOf } from "./chain.ts";
import type { Flags, Values } from "./flags.ts";
import { parseAddress } from "./hexadecimal.ts";
import { CHAIN_KEY_FLAGS, chainKey } from "./keys.ts";

export const CHAIN_FLAGS: Flags = {
  ...RPC_FLAGS,
  ...CHAIN_KEY_FLAGS,
  reward: {
    type: "boolean",
    help: "commit before slashing: a minute later, and 5 % are owed to the chain key",
  },
  "anchor-every": { type: "string", value: "SECONDS", help: "anchor the newest head this often" },
};

/** Undefined without -l2rpc. @throws SequencerError `usage` */
export async function chainSettings(values: Values): Promise<ChainSettings | undefined> {
  const anchorSeconds = values.number("anchor-every", 1);
  if (values.text("l2rpc") === undefined) {
    if (anchorSeconds !== undefined) throw new SequencerError("usage", "-anchor-every needs -l2rpc");
    return undefined;
  }
  const privateKey = await chainKey(values);
  if (privateKey === undefined && anchorSeconds !== undefined) {
    throw new SequencerError("usage", "-anchor-every needs a key that pays: -chain-key or CHAIN_PRIVATE_KEY");
  }
  return {
    rpcUrl: rpcUrlOf(values),
    reward: values.isSet("reward"),
    ...(privateKey !== undefined && { privateKey }),
    ...(anchorSeconds !== undefined && { anchorEveryMs: 1_000 * anchorSeconds }),
  };
}

/**
 * The contract that genesis is about to name for ever must be there, and ours. A log that has begun may do without an
 * answer for now.
 * @throws SequencerError `chain`
 */
export async function checkGenesisBond(values: Values, dbPath: string): Promise<void> {
  const bond = values.text("bond");
  if (bond === undefined || values.text("l2rpc") === undefined) return;
  const chainId = values.number("chainid") ?? CHAIN_ID_DEFAULT;
  const { openBond } = await import("../slashing/chain.ts");
  const { isUnreachable } = await import("../slashing/chain-error.ts");
  try {
    await openBond({ rpcUrl: rpcUrlOf(values), domain: { chainId, bond: parseAddress(bond, "bond") } });
  } catch (error) {
    if (!isUnreachable(error) || !existsSync(join(dbPath, "data.mdb"))) throw error;
  }
}
