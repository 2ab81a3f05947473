/**
 * A verification worker: batches come in, verdicts and counters go out, one message each.
 */
import { parentPort, workerData } from "node:worker_threads";
import {
  createVerifier,
  type SignatureBatch,
  type VerifierMetrics,
  type VerifierOptions,
} from "../verify/verify.ts";

/** A batch to verify; null asks the worker to end. */
export type VerifyRequest = { readonly job: number; readonly batch: SignatureBatch } | null;

export type VerifyReply =
  | { readonly kind: "ready"; readonly variant: string }
  | { readonly kind: "notice"; readonly message: string }
  | {
      readonly kind: "verdicts";
      readonly job: number;
      readonly verdicts: Uint8Array;
      readonly metrics: Readonly<VerifierMetrics>;
    };

/** What the pool tells its workers. */
export type VerifierSettings = Pick<VerifierOptions, "variant" | "tableBytesMax">;

const port = parentPort;
if (port !== null) {
  const post = (reply: VerifyReply): void => port.postMessage(reply);
  const verifier = createVerifier({
    ...(workerData as VerifierSettings),
    log: (message) => post({ kind: "notice", message }),
  });
  port.on("message", (request: VerifyRequest) => {
    if (request === null) return port.close();
    const { job, batch } = request;
    post({ kind: "verdicts", job, verdicts: verifier.verify(batch), metrics: verifier.metrics });
  });
  post({ kind: "ready", variant: verifier.variant });
}
