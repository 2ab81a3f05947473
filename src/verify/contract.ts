/** What the verifier takes, gives and promises. Arrays are packed, so that a batch crosses threads without copies. */
import type { Engine, EngineVariant } from "./engine.ts";
import type { Reference } from "./reference.ts";

export const DIGEST_BYTES = 32;
/** r || s || yParity, the parity as 0 or 1. */
export const SIGNATURE_BYTES = 65;

/** `count` signatures, each array end to end. */
export interface SignatureBatch {
  readonly count: number;
  /** 32 bytes each. */
  readonly digests: Uint8Array;
  /** r || s || yParity, 65 bytes each. */
  readonly signatures: Uint8Array;
  /** 20 bytes each: the account that is said to have signed. */
  readonly addresses: Uint8Array;
}

/** How signatures are verified: by fused multiply-add, by standard SIMD, or by the reference alone. */
export type Variant = EngineVariant | "native" | "javascript";

export interface VerifierOptions {
  /** The first variant to try; the next ones follow if it fails its self-test. Default "auto": "fma". */
  readonly variant?: "auto" | EngineVariant | "native";
  /**
   * Bound of all tables together. The default, 320 MiB, is 1,024 tables; they are allocated as accounts earn
   * them, so twenty accounts take 6 MiB.
   */
  readonly tableBytesMax?: number;
  /** One accepted signature in this many, on average, is checked by the reference. 1 checks all of them. */
  readonly sampleInterval?: number;
  /** Uniform in [0, 1). Which accepts are checked must not be foreseeable by who signs. */
  readonly random?: () => number;
  /** Told once about each fall-back and each disagreement. */
  readonly log?: (message: string) => void;
  /** For tests. */
  readonly selfTest?: (engine: Engine) => boolean;
  readonly reference?: Reference;
}

/** Counters since the start, and two gauges. */
export interface VerifierMetrics {
  /** Signatures accepted by the fast path. */
  accepted: number;
  /** Signatures decided by the reference: no table, or not accepted by the fast path. */
  referred: number;
  /** Accepted signatures that the reference checked again. */
  sampled: number;
  disagreements: number;
  tablesBuilt: number;
  tablesInUse: number;
  tableBytes: number;
}

export interface Verifier {
  readonly variant: Variant;
  readonly metrics: Readonly<VerifierMetrics>;
  /** 1 for each valid signature, 0 for each other one. Throws RangeError if the arrays do not fit the count. */
  verify(batch: SignatureBatch): Uint8Array;
  /**
   * Builds the table of a public key (33, 64 or 65 bytes) at once, whatever its account has signed so far.
   * Returns the account's address. Throws RangeError if it is not a key.
   */
  addKey(publicKey: Uint8Array): Uint8Array;
  /** Forgets an account, for instance one that may no longer write. False if it had no table. */
  removeKey(address: Uint8Array): boolean;
  /** The account that signed, or undefined if the signature is nobody's. By the reference. */
  recoverAddress(digest: Uint8Array, signature: Uint8Array): Uint8Array | undefined;
}
