/**
 * A primary's worker: verifies signatures, and reads whole requests of appends, from JSON to verified transactions.
 */
import { serveJobs, type TaskHandler } from "../sequencing/job-server.ts";
import { type ReaderNote, TransactionReader } from "../sequencing/transaction-reader.ts";
import { verifyTask } from "../sequencing/verifier-task.ts";
import { parseAppendRequest } from "./append-request.ts";
import { packReadRequest } from "./read-request.ts";

const NOT_JUST_APPENDS = new Uint8Array(0);

/** Does tasks of kind `read`: the body of a request in, a ReadRequest out, or nothing if it is not just appends. */
export function readTask(reader: TransactionReader): TaskHandler {
  return (bodies) => {
    const requests = bodies.map(parseAppendRequest);
    const read = reader.read(requests.map((request) => request?.payloads));
    return read.map((packed, i) =>
      packed === undefined ? NOT_JUST_APPENDS : packReadRequest(requests[i]!, packed),
    );
  };
}

serveJobs((verifier) => {
  const reader = new TransactionReader(verifier);
  return {
    handlers: { verify: verifyTask(verifier), read: readTask(reader) },
    onNote: (note) => reader.note(note as ReaderNote),
  };
});
