/**
 * A request of appends as a worker has read it: packed bytes that cross threads as they are.
 * `u32be calls || batch (1) || for each call: no proof wanted (1) || u32be bytes of the ids || ids as JSON, UTF-8, a line
 * each || TransactionBatch`. No bytes at all stand for a request that is not just valid appends.
 */
import { TransactionBatch } from "../sequencing/transaction-batch.ts";
import type { AppendRequest } from "./append-request.ts";

const IS_BATCH_AT = 4;
const ACKS_AT = 5;
const NEW_LINE = 0x0a;
const ASCII_MAX = 0x7f;

/** @param transactions as `packBatch` writes them */
export function packReadRequest(
  { isBatch, ids, acks }: Omit<AppendRequest, "payloads">,
  transactions: Uint8Array,
): Uint8Array {
  const lines = Buffer.from(ids.map((id) => JSON.stringify(id)).join("\n"));
  const { bytes, room } = beginReadRequest(isBatch, ids.length, lines, transactions.length);
  for (const i of acks) bytes[ACKS_AT + i] = 1;
  room.set(transactions);
  return bytes;
}

/**
 * All of a request but its transactions, and the room for so many bytes of them; every call wants a proof.
 * @param lines the ids, as above
 */
export function beginReadRequest(
  isBatch: boolean,
  calls: number,
  lines: Uint8Array,
  transactionsBytes: number,
): { readonly bytes: Uint8Array; readonly room: Uint8Array } {
  const idsAt = ACKS_AT + calls + 4;
  const transactionsAt = idsAt + lines.length;
  const bytes = Buffer.allocUnsafe(transactionsAt + transactionsBytes);
  bytes.writeUInt32BE(calls, 0);
  bytes[IS_BATCH_AT] = isBatch ? 1 : 0;
  bytes.fill(0, ACKS_AT, idsAt);
  bytes.writeUInt32BE(lines.length, idsAt - 4);
  bytes.set(lines, idsAt);
  return { bytes, room: bytes.subarray(transactionsAt) };
}

export class ReadRequest {
  readonly isBatch: boolean;
  readonly calls: number;
  /** True if no id has any other character. */
  readonly isAscii: boolean;
  /** One a call. */
  readonly transactions: TransactionBatch;
  readonly #bytes: Buffer;
  /** Where the id of each call begins; the last one is where another would. */
  readonly #idsAt: Uint32Array;

  /** @param bytes as `packReadRequest` made them */
  constructor({ buffer, byteOffset, byteLength }: Uint8Array) {
    const bytes = Buffer.from(buffer, byteOffset, byteLength);
    const calls = bytes.readUInt32BE(0);
    const idsAt = ACKS_AT + calls + 4;
    const idsEnd = idsAt + bytes.readUInt32BE(idsAt - 4);
    this.isBatch = bytes[IS_BATCH_AT] === 1;
    this.calls = calls;
    this.transactions = new TransactionBatch(calls, bytes.subarray(idsEnd));
    this.#bytes = bytes;
    this.#idsAt = new Uint32Array(calls + 1);
    let next = 0;
    let isAscii = true;
    this.#idsAt[next++] = idsAt;
    for (let at = idsAt; at < idsEnd; at++) {
      if (bytes[at] === NEW_LINE) this.#idsAt[next++] = at + 1;
      if (bytes[at]! > ASCII_MAX) isAscii = false;
    }
    this.#idsAt[next] = idsEnd + 1;
    this.isAscii = isAscii;
  }

  /** The id of a call as JSON, in UTF-8. */
  id(i: number): Buffer {
    return this.#bytes.subarray(this.#idsAt[i], this.#idsAt[i + 1]! - 1);
  }

  wantsProof(i: number): boolean {
    return this.#bytes[ACKS_AT + i] === 0;
  }
}
