/**
 * Hashes blocks beside the main thread, which orders meanwhile: at full speed leaves and nodes would be half of its
 * work. Small blocks are hashed at once, for a message to another thread takes longer. One block at a time.
 */
import { once } from "node:events";
import { assert } from "../base/assert.ts";
import { SequencerError } from "../base/errors.ts";
import { HASH_BYTES } from "../base/hash.ts";
import { BLOCK_ENTRIES_MAX, HASH_HERE_ENTRIES_MAX, HASH_TIMEOUT_MS } from "../base/limits.ts";
import { startThread, workerModule } from "../base/threads.ts";
import { FRONTIER_HASHES_MAX, growthBytesMax, type TreeEdge, TreeGrowth } from "../log/growth.ts";
import { hashPackedLeaves } from "../log/merkle.ts";
import { PACKED_BYTES_MAX } from "../log/packed-entries.ts";
import type { HashReply, HashRequest, SharedBlock } from "./block-hasher-worker.ts";

const WORKER = workerModule("./block-hasher-worker", import.meta.url);

/** The tree `before` with `count` packed entries behind it. */
export type Grow = (before: TreeEdge, packed: Uint8Array, count: number) => TreeGrowth | Promise<TreeGrowth>;

export const growHere = ({ size, frontier }: TreeEdge, packed: Uint8Array, count: number): TreeGrowth =>
  new TreeGrowth(size, frontier, hashPackedLeaves(packed, count));

export class BlockHasher {
  readonly #shared: SharedBlock = {
    frontier: new Uint8Array(new SharedArrayBuffer(FRONTIER_HASHES_MAX * HASH_BYTES)),
    packed: new Uint8Array(new SharedArrayBuffer(PACKED_BYTES_MAX)),
    nodes: new Uint8Array(new SharedArrayBuffer(growthBytesMax(BLOCK_ENTRIES_MAX))),
  };
  readonly #worker = startThread(WORKER, this.#shared);
  #waiting: PromiseWithResolvers<number> | undefined;
  #failure: SequencerError | undefined;

  constructor() {
    this.#worker.on("message", (reply: HashReply) => {
      if (reply !== "loaded") this.#waiting?.resolve(reply);
    });
    this.#worker.on("error", (cause) => {
      this.#failure = broken(cause);
      this.#waiting?.reject(this.#failure);
    });
  }

  /** @throws SequencerError `internal` if the worker is broken */
  readonly grow = async (before: TreeEdge, packed: Uint8Array, count: number): Promise<TreeGrowth> => {
    if (count <= HASH_HERE_ENTRIES_MAX) return growHere(before, packed, count);
    if (this.#failure !== undefined) throw this.#failure;
    assert(this.#waiting === undefined, "one block is hashed at a time");
    this.#waiting = Promise.withResolvers();
    const deadline = setTimeout(() => this.#waiting?.reject(broken(undefined)), HASH_TIMEOUT_MS);
    const { size: first, frontier } = before;
    this.#shared.packed.set(packed);
    for (const [i, hash] of frontier.entries()) this.#shared.frontier.set(hash, i * HASH_BYTES);
    this.#worker.postMessage({ first, width: frontier.length, count } satisfies HashRequest);
    try {
      const nodes = this.#shared.nodes.slice(0, await this.#waiting.promise);
      const leaves = nodes.subarray((first % 2) * HASH_BYTES, ((first % 2) + count) * HASH_BYTES);
      return new TreeGrowth(first, frontier, leaves, nodes);
    } finally {
      clearTimeout(deadline);
      this.#waiting = undefined;
    }
  };

  /** Lets the worker end by itself: terminating it inside a native call can take the whole process down with it. */
  async close(): Promise<void> {
    if (this.#failure !== undefined) return;
    const gone = once(this.#worker, "exit", { signal: AbortSignal.timeout(HASH_TIMEOUT_MS) });
    this.#worker.postMessage(null satisfies HashRequest);
    await gone.catch(() => this.#worker.terminate());
  }
}

function broken(cause: unknown): SequencerError {
  return new SequencerError("internal", "the thread that hashes blocks is broken", { cause });
}
