/**
 * A verification worker: batches of signatures in, verdicts out.
 */
import type { SignatureBatch, Verifier } from "../verify/verify.ts";
import { serveJobs, type TaskHandler } from "./job-server.ts";
import { joinBatches } from "./verifier.ts";

/** Does tasks of kind `verify`: a SignatureBatch in, one byte a signature out. */
export function verifyTask(verifier: Verifier): TaskHandler {
  return (bodies) => {
    const batches = bodies as SignatureBatch[];
    const verdicts = verifier.verify(joinBatches(batches));
    let at = 0;
    return batches.map(({ count }) => {
      at += count;
      return { result: verdicts.slice(at - count, at) };
    });
  };
}

serveJobs((verifier) => ({ handlers: { verify: verifyTask(verifier) } }));
