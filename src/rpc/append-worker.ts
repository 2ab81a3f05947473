/**
 * A primary's worker: verifies signatures, and reads whole requests of appends, from JSON to verified transactions.
 */
import { serveJobs, type TaskHandler } from "../sequencing/job-server.ts";
import { type ReaderNote, TransactionReader } from "../sequencing/transaction-reader.ts";
import { verifyTask } from "../sequencing/verifier-task.ts";
import { parseAppendRequest, type Share } from "./append-request.ts";
import { packReadRequest, READ } from "./read-request.ts";

const NOT_JUST_APPENDS = new Uint8Array(0);

/** Reads requests: the body of one in, a ReadRequest of the share out, or nothing if that is not just appends. */
export function readTask(reader: TransactionReader, share: Share): TaskHandler {
  return (bodies) => {
    const requests = bodies.map((body) => parseAppendRequest(body, share));
    const read = reader.read(requests.map((request) => request?.payloads));
    return read.map((packed, i) =>
      packed === undefined ? NOT_JUST_APPENDS : packReadRequest(requests[i]!, packed),
    );
  };
}

serveJobs((verifier) => {
  const reader = new TransactionReader(verifier);
  return {
    handlers: {
      verify: verifyTask(verifier),
      [READ.whole]: readTask(reader, "all"),
      [READ.first]: readTask(reader, "first half"),
      [READ.second]: readTask(reader, "second half"),
    },
    onNote: (note) => reader.note(note as ReaderNote),
  };
});
