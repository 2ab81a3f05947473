/**
 * Verifying as a worker's task. The batches of a job are verified as one, which is several times faster for small ones.
 */
import type { SignatureBatch, Verifier } from "../verify/verify.ts";
import type { TaskHandler } from "./job-server.ts";
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
