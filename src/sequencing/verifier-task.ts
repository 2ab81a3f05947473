/**
 * Verifying as a worker's task. The batches of a job are verified as one, which is several times faster for small ones.
 */
import { concatBytes } from "../base/bytes.ts";
import { ADDRESS_BYTES } from "../base/eip712.ts";
import { HASH_BYTES } from "../base/hash.ts";
import { SIGNATURE_BYTES } from "../base/secp256k1.ts";
import type { SignatureBatch, Verifier } from "../verify/verify.ts";
import type { TaskHandler } from "./job-server.ts";
import { joinBatches } from "./verifier.ts";

const SIGNATURES_AT = HASH_BYTES;
const ADDRESSES_AT = SIGNATURES_AT + SIGNATURE_BYTES;
const CLAIM_BYTES = ADDRESSES_AT + ADDRESS_BYTES;

/** Does tasks of kind `verify`: what packPart made in, one byte a signature out. */
export function verifyTask(verifier: Verifier): TaskHandler {
  return (bodies) => {
    const batches = bodies.map(unpack);
    const verdicts = verifier.verify(joinBatches(batches));
    let at = 0;
    return batches.map(({ count }) => {
      at += count;
      return verdicts.subarray(at - count, at);
    });
  };
}

/** A part of a batch: its digests, then its signatures, then its addresses. */
export function packPart(
  { digests, signatures, addresses }: SignatureBatch,
  start: number,
  end: number,
): Uint8Array {
  return concatBytes(
    digests.subarray(start * HASH_BYTES, end * HASH_BYTES),
    signatures.subarray(start * SIGNATURE_BYTES, end * SIGNATURE_BYTES),
    addresses.subarray(start * ADDRESS_BYTES, end * ADDRESS_BYTES),
  );
}

function unpack(bytes: Uint8Array): SignatureBatch {
  const count = bytes.length / CLAIM_BYTES;
  return {
    count,
    digests: bytes.subarray(0, count * SIGNATURES_AT),
    signatures: bytes.subarray(count * SIGNATURES_AT, count * ADDRESSES_AT),
    addresses: bytes.subarray(count * ADDRESSES_AT),
  };
}
