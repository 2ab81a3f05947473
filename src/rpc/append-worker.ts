/**
 * A primary's worker: verifies signatures, and reads whole requests of appends, from JSON to verified transactions.
 */
import { serveJobs } from "../sequencing/job-server.ts";
import { type ReaderNote, TransactionReader } from "../sequencing/transaction-reader.ts";
import { verifyTask } from "../sequencing/verifier-task.ts";
import { readTask } from "./read-appends.ts";

serveJobs((verifier) => {
  const reader = new TransactionReader(verifier);
  return {
    handlers: { verify: verifyTask(verifier), read: readTask(reader) },
    onNote: (note) => reader.note(note as ReaderNote),
  };
});
