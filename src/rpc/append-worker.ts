/**
 * A primary's worker: verifies signatures, and reads whole requests of appends, from JSON to verified transactions.
 */
import { serveJobs, type TaskHandler } from "../sequencing/job-server.ts";
import { type ReaderNote, TransactionReader } from "../sequencing/transaction-reader.ts";
import { verifyTask } from "../sequencing/verifier-task.ts";
import { type AppendRequest, parseAppendRequest } from "./append-request.ts";

/** A request as it comes back: what to order, and what its answer needs besides. */
export interface ReadRequest extends Omit<AppendRequest, "payloads"> {
  /** Of a TransactionBatch with as many transactions as there are ids. */
  readonly packed: Uint8Array;
}

/** Does tasks of kind `read`: the body of a request in, a ReadRequest out, or undefined if it is not just appends. */
export function readTask(reader: TransactionReader): TaskHandler {
  return (bodies) => {
    const requests = bodies.map((body) => parseAppendRequest(body as Uint8Array));
    return reader.read(requests.map((request) => request?.payloads)).map((packed, i) => {
      if (packed === undefined) return { result: undefined };
      const { isBatch, ids, acks } = requests[i]!;
      const result: ReadRequest = { isBatch, ids, acks, packed };
      return { result, buffer: packed.buffer as ArrayBuffer };
    });
  };
}

serveJobs((verifier) => {
  const reader = new TransactionReader(verifier);
  return {
    handlers: { verify: verifyTask(verifier), read: readTask(reader) },
    onNote: (note) => reader.note(note as ReaderNote),
  };
});
