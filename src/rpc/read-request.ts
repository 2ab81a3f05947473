/**
 * A request of appends as a worker has read it: packed bytes that cross threads as they are.
 * `u32be calls || batch (1) || for each call: no proof wanted (1) || u32be bytes of the ids || ids as JSON, UTF-8, a line
 * each || TransactionBatch`. No bytes at all stand for a request that is not just valid appends.
 */
import { viewOf } from "../base/bytes.ts";
import { TransactionBatch } from "../sequencing/transaction-batch.ts";
import type { AppendRequest } from "./append-request.ts";

const IS_BATCH_AT = 4;
const ACKS_AT = 5;

const decoder = new TextDecoder();

/** @param transactions as `packBatch` writes them */
export function packReadRequest(
  { isBatch, ids, acks }: Omit<AppendRequest, "payloads">,
  transactions: Uint8Array,
): Uint8Array {
  const lines = Buffer.from(ids.map((id) => JSON.stringify(id)).join("\n"));
  const idsAt = ACKS_AT + ids.length + 4;
  const bytes = Buffer.allocUnsafe(idsAt + lines.length + transactions.length);
  bytes.writeUInt32BE(ids.length, 0);
  bytes[IS_BATCH_AT] = isBatch ? 1 : 0;
  bytes.fill(0, ACKS_AT, idsAt);
  for (const i of acks) bytes[ACKS_AT + i] = 1;
  bytes.writeUInt32BE(lines.length, idsAt - 4);
  bytes.set(lines, idsAt);
  bytes.set(transactions, idsAt + lines.length);
  return bytes;
}

export class ReadRequest {
  readonly isBatch: boolean;
  /** Of each call, as JSON. */
  readonly ids: readonly string[];
  /** True if no id has any other character. */
  readonly isAscii: boolean;
  /** One a call. */
  readonly transactions: TransactionBatch;
  readonly #bytes: Uint8Array;

  /** @param bytes as `packReadRequest` made them */
  constructor(bytes: Uint8Array) {
    const view = viewOf(bytes);
    const count = view.getUint32(0);
    const idsAt = ACKS_AT + count + 4;
    const idsEnd = idsAt + view.getUint32(idsAt - 4);
    this.isBatch = bytes[IS_BATCH_AT] === 1;
    const lines = decoder.decode(bytes.subarray(idsAt, idsEnd));
    this.ids = lines.split("\n");
    this.isAscii = lines.length === idsEnd - idsAt;
    this.transactions = new TransactionBatch(count, bytes.subarray(idsEnd));
    this.#bytes = bytes;
  }

  wantsProof(i: number): boolean {
    return this.#bytes[ACKS_AT + i] === 0;
  }
}
