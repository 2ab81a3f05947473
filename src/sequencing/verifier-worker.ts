/**
 * A verification worker: batches come in, verdicts go out, one message each.
 */
import { parentPort } from "node:worker_threads";
import { useNativeSecp256k1 } from "./native-secp256k1.ts";
import { type SignatureBatch, verifyByRecovery } from "./verifier.ts";

/** A batch to verify; null asks the worker to end. */
export type VerifyRequest = { readonly job: number; readonly batch: SignatureBatch } | null;

export type VerifyReply =
  | { readonly ready: true; readonly variant: string }
  | { readonly ready: false; readonly job: number; readonly verdicts: Uint8Array };

const port = parentPort;
if (port !== null) {
  const variant = useNativeSecp256k1() ? "libsecp256k1" : "javascript";
  port.on("message", (request: VerifyRequest) => {
    if (request === null) return port.close();
    const { job, batch } = request;
    port.postMessage({ ready: false, job, verdicts: verifyByRecovery(batch) } satisfies VerifyReply);
  });
  port.postMessage({ ready: true, variant } satisfies VerifyReply);
}
