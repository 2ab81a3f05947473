/**
 * Transactions of whole requests, column by column, as they are read in WebAssembly: nothing is made for a single one.
 * Their number stands beside them, for the columns are memory that is used again.
 */
import type { FieldColumns } from "../verify/digests.ts";

export interface TransactionColumns extends FieldColumns {
  /** 65 bytes each, r || s || yParity. */
  readonly signatures: Uint8Array;
  /**
   * Packed as a block packs them, their timestamps zero: that of transaction i from entryOffsets[i] to
   * entryOffsets[i + 1], the first from 0.
   */
  readonly entries: Uint8Array;
  readonly entryOffsets: Uint32Array;
}

/** What is known of transactions once they are verified, in the same order. */
export interface Verification {
  /** 32 bytes each. */
  readonly ids: Uint8Array;
  /** One byte each: 1 if the signature is the sender's. */
  readonly verdicts: Uint8Array;
}
