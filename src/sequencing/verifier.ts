/**
 * The contract of signature verification: batches in, one verdict a signature out. `test/sequencing/verifier-compliance.ts`
 * holds every implementation to it.
 */
import { concatBytes } from "../base/bytes.ts";
import { ADDRESS_BYTES } from "../base/eip712.ts";
import { HASH_BYTES } from "../base/hash.ts";
import { SIGNATURE_BYTES } from "../base/secp256k1.ts";
import type { SignatureBatch } from "../verify/verify.ts";

export interface Verifier {
  /** One byte a signature: 1 if it is the claimed account's over the digest (SPEC section 1), else 0. */
  verify(batch: SignatureBatch): Promise<Uint8Array>;
  close(): Promise<void>;
}

export interface SignatureClaim {
  readonly digest: Uint8Array;
  readonly signature: Uint8Array;
  readonly address: Uint8Array;
}

export function packSignatures(claims: readonly SignatureClaim[]): SignatureBatch {
  const count = claims.length;
  const batch: SignatureBatch = {
    count,
    digests: new Uint8Array(count * HASH_BYTES),
    signatures: new Uint8Array(count * SIGNATURE_BYTES),
    addresses: new Uint8Array(count * ADDRESS_BYTES),
  };
  for (let i = 0; i < count; i++) {
    const { digest, signature, address } = claims[i]!;
    batch.digests.set(digest, i * HASH_BYTES);
    batch.signatures.set(signature, i * SIGNATURE_BYTES);
    batch.addresses.set(address, i * ADDRESS_BYTES);
  }
  return batch;
}

/** Several batches as one, in their order. */
export function joinBatches(batches: readonly SignatureBatch[]): SignatureBatch {
  if (batches.length === 1) return batches[0]!;
  return {
    count: batches.reduce((sum, { count }) => sum + count, 0),
    digests: concatBytes(...batches.map(({ digests }) => digests)),
    signatures: concatBytes(...batches.map(({ signatures }) => signatures)),
    addresses: concatBytes(...batches.map(({ addresses }) => addresses)),
  };
}
