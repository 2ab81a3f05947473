/**
 * What one request brings, as a worker has read and verified it: packed bytes that cross threads as they are. Column by
 * column `ids (32 each) || senders (20) || u64be expires || u32be end of the entry || verdicts (1)`, then the entries,
 * packed as a block packs them, without their timestamps: a block takes a run of them in one copy. Nothing is made for
 * a single transaction: what waits for its block is this one object.
 */
import { setU64be, viewOf } from "../base/bytes.ts";
import { ADDRESS_BYTES } from "../base/eip712.ts";
import { HASH_BYTES } from "../base/hash.ts";
import { TIMESTAMP_BYTES } from "../log/entry.ts";
import { LENGTH_BYTES } from "../log/packed-entries.ts";
import type { TransactionColumns, Verification } from "./transaction-columns.ts";

/** What is known of a transaction when it was verified. */
export interface VerifiedTransaction {
  /** 32 bytes. */
  readonly id: Uint8Array;
  /** The sender, 20 bytes. */
  readonly from: Uint8Array;
  /** Unix milliseconds. */
  readonly expires: number;
  /** True if the signature is the sender's. */
  readonly isSigned: boolean;
  readonly payload: Uint8Array;
}

// Where each column begins, in bytes for each transaction of the batch.
const SENDERS_AT = HASH_BYTES;
const EXPIRES_AT = SENDERS_AT + ADDRESS_BYTES;
const ENDS_AT = EXPIRES_AT + 8;
const VERDICTS_AT = ENDS_AT + 4;
const ENTRIES_AT = VERDICTS_AT + 1;
/** What stands before each payload: the entry's length and its timestamp. */
const HEADER_BYTES = LENGTH_BYTES + TIMESTAMP_BYTES;

/** Bytes that transactions with these payloads take. */
export function packedBatchLength(payloads: readonly Uint8Array[]): number {
  return payloads.reduce((sum, { length }) => sum + length, payloads.length * (ENTRIES_AT + HEADER_BYTES));
}

/** Writes transactions into exactly as many bytes as they take. */
export function packBatch(transactions: readonly VerifiedTransaction[], into: Uint8Array): void {
  const view = viewOf(into);
  const count = transactions.length;
  let end = count * ENTRIES_AT;
  transactions.forEach(({ id, from, expires, isSigned, payload }, i) => {
    into.set(id, i * HASH_BYTES);
    into.set(from, count * SENDERS_AT + i * ADDRESS_BYTES);
    setU64be(view, count * EXPIRES_AT + i * 8, expires);
    into[count * VERDICTS_AT + i] = isSigned ? 1 : 0;
    view.setUint16(end, TIMESTAMP_BYTES + payload.length);
    into.set(payload, end + HEADER_BYTES);
    end += HEADER_BYTES + payload.length;
    view.setUint32(count * ENDS_AT + i * 4, end);
  });
}

/** Bytes that the transactions at the places [from, to) of columns take. */
export function packedColumnsLength({ entryOffsets }: TransactionColumns, from: number, to: number): number {
  return (to - from) * ENTRIES_AT + entryOffsets[to]! - entryOffsets[from]!;
}

/** Writes them into exactly as many bytes as they take. */
export function packColumns(
  { senders, expires, entries, entryOffsets }: TransactionColumns,
  { ids, verdicts }: Verification,
  from: number,
  to: number,
  into: Uint8Array,
): void {
  const count = to - from;
  const copy = (column: Uint8Array, bytes: number, at: number) =>
    into.set(column.subarray(from * bytes, to * bytes), count * at);
  copy(ids, HASH_BYTES, 0);
  copy(senders, ADDRESS_BYTES, SENDERS_AT);
  copy(expires, 8, EXPIRES_AT);
  copy(verdicts, 1, VERDICTS_AT);
  into.set(entries.subarray(entryOffsets[from], entryOffsets[to]), count * ENTRIES_AT);
  const view = viewOf(into);
  const moved = count * ENTRIES_AT - entryOffsets[from]!;
  for (let i = 0; i < count; i++) {
    view.setUint32(count * ENDS_AT + i * 4, moved + entryOffsets[from + i + 1]!);
  }
}

export class TransactionBatch {
  readonly count: number;
  /** Packed, 32 and 20 bytes each. */
  readonly ids: Uint8Array;
  readonly senders: Uint8Array;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;

  /** @param bytes as `packBatch` made them */
  constructor(count: number, bytes: Uint8Array) {
    this.count = count;
    this.#bytes = bytes;
    this.#view = viewOf(bytes);
    this.ids = bytes.subarray(0, count * HASH_BYTES);
    this.senders = bytes.subarray(count * SENDERS_AT, count * EXPIRES_AT);
  }

  id(i: number): Uint8Array {
    return this.ids.subarray(i * HASH_BYTES, (i + 1) * HASH_BYTES);
  }

  /** Unix milliseconds. */
  expires(i: number): number {
    const at = this.count * EXPIRES_AT + i * 8;
    return this.#view.getUint32(at) * 2 ** 32 + this.#view.getUint32(at + 4);
  }

  /** One byte each: 1 if the signature is the sender's. */
  get verdicts(): Uint8Array {
    return this.#bytes.subarray(this.count * VERDICTS_AT, this.count * ENTRIES_AT);
  }

  payload(i: number): Uint8Array {
    return this.#bytes.subarray(this.#end(i - 1) + HEADER_BYTES, this.#end(i));
  }

  /** Bytes of the payloads from place `from` up to place `to`. */
  payloadBytes(from = 0, to = this.count): number {
    return this.packedLength(from, to) - (to - from) * HEADER_BYTES;
  }

  /** Bytes of the packed entries from place `from` up to place `to`. */
  packedLength(from: number, to: number): number {
    return this.#end(to - 1) - this.#end(from - 1);
  }

  /** Packs those entries, all with one timestamp, into a block at `offset`. */
  packInto(packed: Uint8Array, offset: number, from: number, to: number, timestamp: number): void {
    const start = this.#end(from - 1);
    packed.set(this.#bytes.subarray(start, this.#end(to - 1)), offset);
    const view = viewOf(packed);
    for (let i = from; i < to; i++) {
      setU64be(view, offset + this.#end(i - 1) - start + LENGTH_BYTES, timestamp);
    }
  }

  #end(i: number): number {
    return i < 0 ? this.count * ENTRIES_AT : this.#view.getUint32(this.count * ENDS_AT + i * 4);
  }
}
