/**
 * How many failed signatures each source may still cost us: a token bucket per address. `from` is only a claim until
 * its signature is checked, so it is the sender that pays for junk, never the account it names. SPEC section 1.
 */
import { LRUCache } from "lru-cache";
import {
  FAILED_SIGNATURE_SOURCES_MAX,
  FAILED_SIGNATURES_BURST,
  FAILED_SIGNATURES_PER_SECOND,
} from "../base/limits.ts";

interface Bucket {
  tokens: number;
  /** Monotonic milliseconds of the last refill. */
  at: number;
}

export class FailureBudget {
  readonly #now: () => number;
  readonly #buckets = new LRUCache<string, Bucket>({ max: FAILED_SIGNATURE_SOURCES_MAX });

  /** @param now monotonic milliseconds */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** Milliseconds until this source may try again; 0 if it may now. */
  waitMs(source: string): number {
    const bucket = this.#buckets.get(source);
    if (bucket === undefined) return 0;
    this.#refill(bucket);
    return bucket.tokens >= 1 ? 0 : Math.ceil(((1 - bucket.tokens) / FAILED_SIGNATURES_PER_SECOND) * 1_000);
  }

  /** Takes one failure off the source's budget. */
  spend(source: string): void {
    const bucket = this.#buckets.get(source) ?? { tokens: FAILED_SIGNATURES_BURST, at: this.#now() };
    this.#refill(bucket);
    // Below zero: a batch is admitted as a whole on one token, and what it costs beyond that is owed.
    bucket.tokens = Math.max(-FAILED_SIGNATURES_BURST, bucket.tokens - 1);
    this.#buckets.set(source, bucket);
  }

  #refill(bucket: Bucket): void {
    const now = this.#now();
    const earned = ((now - bucket.at) / 1_000) * FAILED_SIGNATURES_PER_SECOND;
    bucket.tokens = Math.min(FAILED_SIGNATURES_BURST, bucket.tokens + earned);
    bucket.at = now;
  }
}
