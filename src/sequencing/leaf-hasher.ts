/**
 * Hashes the leaves of a block beside the main thread, which orders meanwhile: at full speed they would be a third of
 * its work. Small blocks are hashed at once, for a message to another thread takes longer. One block at a time.
 */
import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { assert } from "../base/assert.ts";
import { SequencerError } from "../base/errors.ts";
import { HASH_BYTES } from "../base/hash.ts";
import { BLOCK_ENTRIES_MAX, HASH_HERE_ENTRIES_MAX, HASH_TIMEOUT_MS } from "../base/limits.ts";
import { hashPackedLeaves } from "../log/merkle.ts";
import { PACKED_BYTES_MAX } from "../log/packed-entries.ts";
import type { LeafMemory } from "./leaf-worker.ts";

/** The worker's module has this module's extension: TypeScript in the source tree, JavaScript in a build. */
const WORKER = new URL(
  `./leaf-worker${import.meta.url.slice(import.meta.url.lastIndexOf("."))}`,
  import.meta.url,
);

export class LeafHasher {
  readonly #memory: LeafMemory = {
    packed: new Uint8Array(new SharedArrayBuffer(PACKED_BYTES_MAX)),
    hashes: new Uint8Array(new SharedArrayBuffer(BLOCK_ENTRIES_MAX * HASH_BYTES)),
  };
  readonly #worker: Worker = new Worker(WORKER, { workerData: this.#memory });
  #waiting: { resolve: () => void; reject: (error: unknown) => void } | undefined;

  constructor() {
    this.#worker.on("message", () => this.#waiting?.resolve());
    this.#worker.on("error", (cause) => this.#waiting?.reject(broken(cause)));
  }

  /**
   * The leaf hashes of `count` packed entries, packed.
   * @throws SequencerError `internal` if the worker is broken
   */
  readonly hash = async (packed: Uint8Array, count: number): Promise<Uint8Array> => {
    if (count <= HASH_HERE_ENTRIES_MAX) return hashPackedLeaves(packed, count);
    assert(this.#waiting === undefined, "one block is hashed at a time");
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#waiting = { resolve, reject };
    const deadline = setTimeout(() => reject(broken(undefined)), HASH_TIMEOUT_MS);
    this.#memory.packed.set(packed);
    this.#worker.postMessage(count);
    try {
      await promise;
    } finally {
      clearTimeout(deadline);
      this.#waiting = undefined;
    }
    return this.#memory.hashes.slice(0, count * HASH_BYTES);
  };

  /** Lets the worker end by itself: terminating it inside a native call can take the whole process down with it. */
  async close(): Promise<void> {
    const gone = once(this.#worker, "exit", { signal: AbortSignal.timeout(HASH_TIMEOUT_MS) });
    this.#worker.postMessage(null);
    await gone.catch(() => this.#worker.terminate());
  }
}

function broken(cause: unknown): SequencerError {
  return new SequencerError("internal", "the thread that hashes blocks is broken", { cause });
}
