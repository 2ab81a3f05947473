/**
 * The contract of signature verification: batches in, one verdict a signature out. `test/sequencing/verifier-compliance.ts`
 * holds every implementation to it.
 */
import { assert } from "../base/assert.ts";
import { equalBytes } from "../base/bytes.ts";
import { ADDRESS_BYTES } from "../base/eip712.ts";
import { HASH_BYTES } from "../base/hash.ts";
import { recoverAddress, SIGNATURE_BYTES } from "../base/secp256k1.ts";

/** Signatures side by side, in packed arrays that can be handed to another thread without copying. */
export interface SignatureBatch {
  readonly count: number;
  /** 32 bytes each. */
  readonly digests: Uint8Array;
  /** 65 bytes each: r || s || yParity. */
  readonly signatures: Uint8Array;
  /** 20 bytes each: the account that claims to have signed. */
  readonly addresses: Uint8Array;
}

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

/** Verifies one after the other by public-key recovery, in this thread. */
export function verifyByRecovery(batch: SignatureBatch): Uint8Array {
  assert(batch.signatures.length === batch.count * SIGNATURE_BYTES, "batches are packed");
  const verdicts = new Uint8Array(batch.count);
  for (let i = 0; i < batch.count; i++) {
    const address = recoverAddress(
      batch.digests.subarray(i * HASH_BYTES, (i + 1) * HASH_BYTES),
      batch.signatures.subarray(i * SIGNATURE_BYTES, (i + 1) * SIGNATURE_BYTES),
    );
    const claimed = batch.addresses.subarray(i * ADDRESS_BYTES, (i + 1) * ADDRESS_BYTES);
    verdicts[i] = address !== undefined && equalBytes(address, claimed) ? 1 : 0;
  }
  return verdicts;
}
