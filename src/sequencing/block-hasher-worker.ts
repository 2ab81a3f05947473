/**
 * The thread that hashes blocks: it reads packed entries from shared memory and leaves the nodes of their tree there.
 */
import { parentPort, workerData } from "node:worker_threads";
import { HASH_BYTES } from "../base/hash.ts";
import { growthNodes } from "../log/growth.ts";
import { hashPackedLeaves } from "../log/merkle.ts";

/** Shared with the main thread, which leaves it alone while the worker is at work. */
export interface SharedBlock {
  /** Perfect subtrees of the tree that grows, largest first, 32 bytes each. */
  readonly frontier: Uint8Array;
  /** Packed entries. */
  readonly packed: Uint8Array;
  /** As `growthNodes` makes them. */
  readonly nodes: Uint8Array;
}

/** Leaves and hashes in the frontier of the tree that grows, and by how many entries; null asks the worker to end. */
export type HashRequest = {
  readonly first: number;
  readonly width: number;
  readonly count: number;
} | null;

/** Bytes of the nodes; or that the thread has loaded. */
export type HashReply = number | "loaded";

const port = parentPort;
if (port !== null) {
  const { frontier, packed, nodes } = workerData as SharedBlock;
  port.on("message", (request: HashRequest) => {
    if (request === null) return port.close();
    const { first, width, count } = request;
    const subtrees = Array.from({ length: width }, (_, i) =>
      frontier.subarray(i * HASH_BYTES, (i + 1) * HASH_BYTES),
    );
    const grown = growthNodes(first, subtrees, hashPackedLeaves(packed, count));
    nodes.set(grown);
    port.postMessage(grown.length satisfies HashReply);
  });
  port.postMessage("loaded" satisfies HashReply);
}
