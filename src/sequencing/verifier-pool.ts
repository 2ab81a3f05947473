/**
 * Verification in worker threads: large batches are cut, so that all workers share them.
 */
import { concatBytes } from "../base/bytes.ts";
import { VERIFY_JOB_SIGNATURES_MAX } from "../base/limits.ts";
import { workerModule } from "../base/threads.ts";
import type { SignatureBatch } from "../verify/verify.ts";
import type { Verifier } from "./verifier.ts";
import { packPart } from "./verifier-task.ts";
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
      pieces.push(this.run({ kind: "verify", weight: end - start, bytes: packPart(batch, start, end) }));
    }
    const verdicts = await Promise.all(pieces);
    return verdicts.length === 1 ? verdicts[0]! : concatBytes(...verdicts);
  }
}
