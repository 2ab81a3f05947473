/**
 * The transactions of one request as a worker has read and verified them: packed into one buffer, so that they cross
 * threads without copies.
 */
import { ADDRESS_BYTES } from "../base/eip712.ts";
import { HASH_BYTES } from "../base/hash.ts";

export interface TransactionBatch {
  readonly count: number;
  /** Unix milliseconds. */
  readonly expires: Float64Array;
  /** Where each payload ends in `payloads`; it begins where the one before it ends. */
  readonly ends: Uint32Array;
  /** 32 bytes each. */
  readonly ids: Uint8Array;
  /** The senders, 20 bytes each. */
  readonly accounts: Uint8Array;
  /** 1 if the signature is the sender's, else 0. */
  readonly verdicts: Uint8Array;
  readonly payloads: Uint8Array;
}

/** An empty batch of that many transactions and bytes of payloads, all its arrays in one buffer. */
export function allocateBatch(count: number, payloadBytes: number): TransactionBatch {
  const perTransaction = 8 + 4 + HASH_BYTES + ADDRESS_BYTES + 1;
  const buffer = new ArrayBuffer(count * perTransaction + payloadBytes);
  let offset = 0;
  const take = (length: number): number => {
    const start = offset;
    offset += length;
    return start;
  };
  return {
    count,
    expires: new Float64Array(buffer, take(count * 8), count),
    ends: new Uint32Array(buffer, take(count * 4), count),
    ids: new Uint8Array(buffer, take(count * HASH_BYTES), count * HASH_BYTES),
    accounts: new Uint8Array(buffer, take(count * ADDRESS_BYTES), count * ADDRESS_BYTES),
    verdicts: new Uint8Array(buffer, take(count), count),
    payloads: new Uint8Array(buffer, take(payloadBytes), payloadBytes),
  };
}
