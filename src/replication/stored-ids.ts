/**
 * The ids of a replica's recent entries, checked and stored: the index of sequencing, plus what is checked and not
 * stored yet.
 */
import { HASH_BYTES, hashKey } from "../base/hash.ts";
import type { Log, SealedBlock } from "../log/log.ts";
import { type IdIndex, rebuildIdIndex } from "../sequencing/id-index.ts";
import type { SeenIds } from "../sequencing/validator.ts";

export class StoredIds implements SeenIds {
  readonly #index: IdIndex | undefined;
  readonly #checked = new Map<string, number>();

  /** @param isComputed false where ids are not looked at: nothing is found then */
  constructor(log: Log, isComputed = true) {
    this.#index = isComputed ? rebuildIdIndex(log) : undefined;
  }

  has(id: Uint8Array): boolean {
    return this.#checked.has(hashKey(id)) || this.#index?.find(id) !== undefined;
  }

  add(id: Uint8Array, sequence: number): void {
    this.#checked.set(hashKey(id), sequence);
  }

  /** The sequence number of a stored id. */
  find(id: Uint8Array): number | undefined {
    return this.#index?.find(id);
  }

  /** Moves what was checked into the index, which confirms ids against the store. */
  stored({ ids, growth, lastTimestamp }: SealedBlock): void {
    if (this.#index === undefined) return;
    for (let i = 0; i < growth.size - growth.first; i++) {
      const id = ids.subarray(i * HASH_BYTES, (i + 1) * HASH_BYTES);
      if (this.#checked.delete(hashKey(id))) this.#index.add(id, growth.first + i, lastTimestamp);
    }
  }
}
