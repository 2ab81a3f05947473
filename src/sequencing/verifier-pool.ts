/**
 * Verification in worker threads: large batches are cut, so that all workers share them.
 */
import { concatBytes } from "../base/bytes.ts";
import { ADDRESS_BYTES } from "../base/eip712.ts";
import { HASH_BYTES } from "../base/hash.ts";
import { VERIFY_JOB_SIGNATURES_MAX } from "../base/limits.ts";
import { SIGNATURE_BYTES } from "../base/secp256k1.ts";
import { workerModule } from "../base/threads.ts";
import type { SignatureBatch } from "../verify/verify.ts";
import type { TaskMessage } from "./job-server.ts";
import type { Verifier } from "./verifier.ts";
import { WorkerPool, type WorkerPoolOptions } from "./worker-pool.ts";

export type VerifierPoolOptions = Omit<WorkerPoolOptions, "module"> &
  Partial<Pick<WorkerPoolOptions, "module">>;

const WORKER = workerModule("./verifier-worker", import.meta.url);

export class VerifierPool extends WorkerPool implements Verifier {
  /** @param options `module`: a worker that does more than verifying */
  constructor(options: VerifierPoolOptions) {
    super({ module: WORKER, ...options });
  }

  async verify(batch: SignatureBatch): Promise<Uint8Array> {
    const pieces: Promise<Uint8Array>[] = [];
    for (let start = 0; start < batch.count; start += VERIFY_JOB_SIGNATURES_MAX) {
      const end = Math.min(batch.count, start + VERIFY_JOB_SIGNATURES_MAX);
      pieces.push(this.run({ weight: end - start, pack: () => pack(batch, start, end) }));
    }
    const verdicts = await Promise.all(pieces);
    return verdicts.length === 1 ? verdicts[0]! : concatBytes(...verdicts);
  }
}

/** A part of a batch in a buffer of its own, which the receiver may have: the three arrays side by side. */
function pack({ digests, signatures, addresses }: SignatureBatch, start: number, end: number): TaskMessage {
  const count = end - start;
  const all = concatBytes(
    digests.subarray(start * HASH_BYTES, end * HASH_BYTES),
    signatures.subarray(start * SIGNATURE_BYTES, end * SIGNATURE_BYTES),
    addresses.subarray(start * ADDRESS_BYTES, end * ADDRESS_BYTES),
  );
  const signaturesAt = count * HASH_BYTES;
  const addressesAt = signaturesAt + count * SIGNATURE_BYTES;
  const body: SignatureBatch = {
    count,
    digests: all.subarray(0, signaturesAt),
    signatures: all.subarray(signaturesAt, addressesAt),
    addresses: all.subarray(addressesAt),
  };
  return { kind: "verify", body, buffer: all.buffer as ArrayBuffer };
}
