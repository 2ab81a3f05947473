/**
 * How commands reach the bond's chain, and how they ask before they send: what, from whom, where, and for how much.
 */
import { stdin, stdout } from "node:process";
import { createInterface } from "node:readline/promises";
import type { TransactionReceipt } from "viem";
import { type Hex, toHex } from "../base/bytes.ts";
import { SequencerError } from "../base/errors.ts";
import { addressOfPrivateKey } from "../base/secp256k1.ts";
import type { BondChain } from "../slashing/bond-chain.ts";
import type { LogDomain } from "../slashing/evidence.ts";
import type { Flags, Values } from "./flags.ts";
import { CHAIN_KEY_FLAGS, requiredChainKey } from "./keys.ts";

export const RPC_FLAGS: Flags = {
  l2rpc: { type: "string", value: "URL", help: "JSON-RPC of the bond's chain" },
};

export const SENDING_FLAGS: Flags = {
  ...RPC_FLAGS,
  ...CHAIN_KEY_FLAGS,
  yes: { type: "boolean", help: "send without asking" },
};

/** @throws SequencerError `usage` */
export function rpcUrlOf(values: Values): string {
  const url = values.required("l2rpc");
  if (/^https?:\/\//.test(url) && URL.canParse(url)) return url;
  throw new SequencerError("usage", "-l2rpc must be an http(s) URL");
}

export interface Payer {
  readonly privateKey: Uint8Array;
  readonly address: Hex;
}

export async function payerOf(values: Values): Promise<Payer> {
  const privateKey = await requiredChainKey(values);
  return { privateKey, address: toHex(addressOfPrivateKey(privateKey)) };
}

/** The bond of a log, chain and contract checked; with a payer, able to send. */
export async function openBondOf(values: Values, domain: LogDomain, payer?: Payer): Promise<BondChain> {
  const { openBond } = await import("../slashing/chain.ts");
  return await openBond({
    rpcUrl: rpcUrlOf(values),
    domain,
    ...(payer !== undefined && { privateKey: payer.privateKey }),
  });
}

/** Shows what will be sent and asks for consent, unless -yes gave it. @throws SequencerError if it is not given */
export async function confirmSending(values: Values, facts: Readonly<Record<string, string>>): Promise<void> {
  console.log("About to send:");
  printFacts(facts);
  if (values.isSet("yes")) return;
  if (!stdin.isTTY) {
    throw new SequencerError("configuration", "nothing was sent: nobody is there to confirm it", {
      hint: "Pass -yes",
    });
  }
  const terminal = createInterface({ input: stdin, output: stdout });
  const answer = await terminal.question("Send it? [y/N] ");
  terminal.close();
  if (!/^y(es)?$/i.test(answer.trim())) {
    throw new SequencerError("configuration", "nothing was sent", { hint: "Answer y, or pass -yes" });
  }
}

export function printFacts(facts: Readonly<Record<string, string>>): void {
  const width = Math.max(...Object.keys(facts).map((name) => name.length)) + 2;
  for (const [name, value] of Object.entries(facts)) console.log(`  ${name.padEnd(width)}${value}`);
}

export function printMined(done: string, { transactionHash, blockNumber }: TransactionReceipt): void {
  console.log(`${done}: transaction ${transactionHash} in block ${blockNumber}`);
}
