/**
 * Bodies of requests to append, and readers of them. Signatures are of no account, and are not looked at: what the
 * reader finds depends on all bytes that it is to verify, and on nothing else.
 */
import { utf8 } from "../../src/base/bytes.ts";
import { ROLES } from "../../src/permission/policy.ts";
import { encodeOperation, type SignedTransaction } from "../../src/sequencing/transaction.ts";
import { TransactionReader } from "../../src/sequencing/transaction-reader.ts";
import type { SignatureBatch } from "../../src/verify/verify.ts";
import { START } from "./stored-log.ts";

export const WRITERS = [1, 2].map((byte) => new Uint8Array(20).fill(byte));

/** A reader and the number of signatures of each batch that it had verified. */
export function openReader(): { reader: TransactionReader; verified: number[] } {
  const verified: number[] = [];
  const verify = (batch: SignatureBatch): Uint8Array => {
    verified.push(batch.count);
    return Uint8Array.from({ length: batch.count }, (_, i) => sum(batch, i) & 1);
  };
  const reader = new TransactionReader({ verify }, () => START);
  const context = { separator: new Uint8Array(32).fill(1), logId: new Uint8Array(32).fill(2) };
  const roles = WRITERS.map((account) => ({ account, role: ROLES.writer }));
  reader.note({ kind: "log", context, lifetimeMs: 60_000, roles });
  return { reader, verified };
}

function sum({ digests, signatures, addresses }: SignatureBatch, i: number): number {
  let total = 0;
  for (const [column, bytes] of [
    [digests, 32],
    [signatures, 65],
    [addresses, 20],
  ] as const) {
    // Each byte with another weight, so that their places matter.
    for (let k = 0; k < bytes; k++) total = (total * 31 + column[bytes * i + k]!) % 1_000_003;
  }
  return total;
}

/** A transaction of a writer, in time, with these fields. */
export function transaction(fields: Partial<Omit<SignedTransaction, "type">>): SignedTransaction {
  const signature = Uint8Array.from({ length: 65 }, (_, i) => (i === 64 ? 1 : 3 * i + 1));
  const [from, data] = [WRITERS[0]!, utf8("data")];
  return { type: "transaction", from, nonce: 5n, expires: START + 1_000, data, signature, ...fields };
}

export function payloadOf(fields: Partial<Omit<SignedTransaction, "type">>): Uint8Array {
  return encodeOperation(transaction(fields));
}

export const DATA_AT_300 = payloadOf({ data: new Uint8Array(300).fill(0xab) });

export function call(fields: { id?: unknown; params: readonly unknown[] }): object {
  return { jsonrpc: "2.0", id: 7, method: "sequencer_append", ...fields };
}

/** So many calls, each with another transaction. */
export function calls(count: number): object[] {
  return Array.from({ length: count }, (_, id) => {
    const from = WRITERS[id % WRITERS.length]!;
    const payload = payloadOf({ from, nonce: BigInt(id), data: new Uint8Array(id % 50).fill(id) });
    return call({ id, params: [`0x${Buffer.from(payload).toString("hex")}`] });
  });
}

export function body(request: unknown): string {
  return JSON.stringify(request);
}
