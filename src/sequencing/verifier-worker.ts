/**
 * A verification worker: batches of signatures in, verdicts out.
 */
import { serveJobs } from "./job-server.ts";
import { verifyTask } from "./verifier-task.ts";

serveJobs((verifier) => ({ handlers: { verify: verifyTask(verifier) } }));
