/**
 * How commands reach a node: its URL, the log they trust, and the account they sign with.
 */
import { isHex, toHex } from "../base/bytes.ts";
import { SequencerError } from "../base/errors.ts";
import { connect, type SequencerClient } from "../client/client.ts";
import { useNativeSecp256k1 } from "../sequencing/native-secp256k1.ts";
import type { Flags, Values } from "./flags.ts";
import { signingKey } from "./keys.ts";

export const NODE_FLAGS: Flags = {
  url: { type: "string", value: "URL", help: "API of the node", default: "http://127.0.0.1:24444" },
  log: { type: "string", value: "0x…", help: "the log to trust; without it, whatever the node serves" },
};

/** A client that only reads. */
export async function connectReader(values: Values): Promise<SequencerClient> {
  useNativeSecp256k1();
  return await connect(values.required("url"), trustOf(values));
}

/** A client that signs with the command's key. */
export async function connectWriter(values: Values): Promise<SequencerClient> {
  useNativeSecp256k1();
  const { privateKeyToAccount } = await import("viem/accounts");
  const account = privateKeyToAccount(toHex(await signingKey(values)));
  return await connect(values.required("url"), { ...trustOf(values), account });
}

export function trustOf(values: Values): { logId?: `0x${string}` } {
  const logId = values.text("log");
  if (logId === undefined || logId === "") return {};
  if (isHex(logId) && logId.length === 66) return { logId };
  throw new SequencerError("usage", "-log must be the log's id: 0x and 64 hexadecimal digits");
}
