/**
 * The transactions of one request as a worker has read and verified them: packed bytes that cross threads as they are.
 * For each transaction `id (32) || sender (20) || u64be expires || u32be end of its payload || verdict (1)`, then the
 * payloads end to end. Views are made when they are asked for: what waits for its block is this one object.
 */
import { setU64be, viewOf } from "../base/bytes.ts";
import { ADDRESS_BYTES } from "../base/eip712.ts";
import { HASH_BYTES } from "../base/hash.ts";

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

const FROM_AT = HASH_BYTES;
const EXPIRES_AT = FROM_AT + ADDRESS_BYTES;
const END_AT = EXPIRES_AT + 8;
const VERDICT_AT = END_AT + 4;
const RECORD_BYTES = VERDICT_AT + 1;

/** Bytes that transactions with these payloads take. */
export function packedBatchLength(payloads: readonly Uint8Array[]): number {
  return payloads.reduce((sum, { length }) => sum + length, payloads.length * RECORD_BYTES);
}

/** Writes transactions into exactly as many bytes as they take. */
export function packBatch(transactions: readonly VerifiedTransaction[], into: Uint8Array): void {
  const view = viewOf(into);
  let end = transactions.length * RECORD_BYTES;
  transactions.forEach(({ id, from, expires, isSigned, payload }, i) => {
    const at = i * RECORD_BYTES;
    into.set(payload, end);
    end += payload.length;
    into.set(id, at);
    into.set(from, at + FROM_AT);
    setU64be(view, at + EXPIRES_AT, expires);
    view.setUint32(at + END_AT, end);
    into[at + VERDICT_AT] = isSigned ? 1 : 0;
  });
}

export class TransactionBatch {
  readonly count: number;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;

  /** @param bytes as `packBatch` made them */
  constructor(count: number, bytes: Uint8Array) {
    this.count = count;
    this.#bytes = bytes;
    this.#view = viewOf(bytes);
  }

  id(i: number): Uint8Array {
    const at = i * RECORD_BYTES;
    return this.#bytes.subarray(at, at + HASH_BYTES);
  }

  from(i: number): Uint8Array {
    const at = i * RECORD_BYTES + FROM_AT;
    return this.#bytes.subarray(at, at + ADDRESS_BYTES);
  }

  /** Unix milliseconds. */
  expires(i: number): number {
    const at = i * RECORD_BYTES + EXPIRES_AT;
    return this.#view.getUint32(at) * 2 ** 32 + this.#view.getUint32(at + 4);
  }

  isSigned(i: number): boolean {
    return this.#bytes[i * RECORD_BYTES + VERDICT_AT] === 1;
  }

  payload(i: number): Uint8Array {
    return this.#bytes.subarray(this.#payloadEnd(i - 1), this.#payloadEnd(i));
  }

  payloadLength(i: number): number {
    return this.#payloadEnd(i) - this.#payloadEnd(i - 1);
  }

  #payloadEnd(i: number): number {
    return i < 0 ? this.count * RECORD_BYTES : this.#view.getUint32(i * RECORD_BYTES + END_AT);
  }
}
