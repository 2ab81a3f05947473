/**
 * The thread that hashes blocks: it reads packed entries from shared memory and leaves the nodes of their tree there.
 */
import { parentPort, workerData } from "node:worker_threads";
import { growthNodes } from "../log/growth.ts";
import { hashPackedLeaves } from "../log/merkle.ts";

/** Shared with the main thread, which leaves it alone while the worker is at work. */
export interface SharedBlock {
  /** Packed entries. */
  readonly packed: Uint8Array;
  /** As `growthNodes` makes them. */
  readonly nodes: Uint8Array;
}

/** The tree that grows, and by how many entries; null asks the worker to end. */
export type HashRequest = {
  readonly first: number;
  readonly frontier: readonly Uint8Array[];
  readonly count: number;
} | null;

/** Bytes of the nodes. */
export type HashReply = number;

const port = parentPort;
if (port !== null) {
  const { packed, nodes } = workerData as SharedBlock;
  port.on("message", (request: HashRequest) => {
    if (request === null) return port.close();
    const { first, frontier, count } = request;
    const grown = growthNodes(first, frontier, hashPackedLeaves(packed, count));
    nodes.set(grown);
    port.postMessage(grown.length satisfies HashReply);
  });
}
