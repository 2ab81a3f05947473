/**
 * The thread that hashes leaves: told how many packed entries lie in the shared memory, it leaves their hashes there.
 */
import { parentPort, workerData } from "node:worker_threads";
import { hashPackedLeaves } from "../log/merkle.ts";

/** Shared with the main thread, which does not touch it while the worker is at work. */
export interface LeafMemory {
  readonly packed: Uint8Array;
  readonly hashes: Uint8Array;
}

const port = parentPort;
if (port !== null) {
  const { packed, hashes } = workerData as LeafMemory;
  // A count asks for as many hashes; null asks the worker to end.
  port.on("message", (count: number | null) => {
    if (count === null) return port.close();
    hashPackedLeaves(packed, count, hashes);
    port.postMessage(count);
  });
}
