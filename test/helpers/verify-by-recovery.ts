/**
 * The plainest verifier there can be: public-key recovery, one signature after the other, in this thread.
 */
import { equalBytes } from "../../src/base/bytes.ts";
import { ADDRESS_BYTES } from "../../src/base/eip712.ts";
import { HASH_BYTES } from "../../src/base/hash.ts";
import { recoverAddress, SIGNATURE_BYTES } from "../../src/base/secp256k1.ts";
import type { SignatureBatch } from "../../src/verify/verify.ts";

export function verifyByRecovery(batch: SignatureBatch): Uint8Array {
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
