/**
 * A store in memory: `-dbpath ""`, and tests. It holds what a disk would hold and forgets it at the end.
 */
import { assert } from "../base/assert.ts";
import { fromHex } from "../base/bytes.ts";
import { HASH_BYTES, hashKey } from "../base/hash.ts";
import { BlockList } from "./block-list.ts";
import type { EntryRun } from "./packed-entries.ts";
import type { Commit, CommittedHead, Store, StoredRole } from "./store.ts";

export interface MemoryStoreOptions {
  readonly idIndex?: boolean;
}

export class MemoryStore implements Store {
  readonly #blocks = new BlockList();
  readonly #tiles = new Map<string, Uint8Array>();
  readonly #roles = new Map<string, number>();
  readonly #ids: Map<string, number> | undefined;
  #head: CommittedHead | undefined;
  #note: string | undefined;

  constructor({ idIndex = false }: MemoryStoreOptions = {}) {
    this.#ids = idIndex ? new Map() : undefined;
  }

  get head(): CommittedHead | undefined {
    return this.#head;
  }

  get indexesIds(): boolean {
    return this.#ids !== undefined;
  }

  async commit({ block, tiles, roles, head, note }: Commit): Promise<void> {
    assert(block.first === (this.#head?.size ?? 0), "a block begins where the last one ended");
    this.#blocks.add(block);
    for (const { level, index, hashes } of tiles) this.#tiles.set(`${level}/${index}`, hashes);
    for (const { account, role } of roles) this.#roles.set(hashKey(account), role);
    for (let i = 0; i < (this.#ids === undefined ? 0 : block.count); i++) {
      this.#ids?.set(hashKey(block.ids.subarray(i * HASH_BYTES, (i + 1) * HASH_BYTES)), block.first + i);
    }
    this.#head = head;
    this.#note = note ?? this.#note;
  }

  piece(from: number, to: number): EntryRun | undefined {
    return this.#blocks.piece(from, to);
  }

  ids(from: number, to: number): Uint8Array | undefined {
    return this.#blocks.ids(from, to);
  }

  async fetchIds(): Promise<void> {}

  tile(level: number, index: number): Uint8Array | undefined {
    return this.#tiles.get(`${level}/${index}`);
  }

  *roles(): Iterable<StoredRole> {
    for (const [digits, role] of this.#roles) {
      if (role !== 0) yield { account: fromHex(`0x${digits}`), role };
    }
  }

  note(): string | undefined {
    return this.#note;
  }

  sequenceOf(id: Uint8Array): number | undefined {
    return this.#ids?.get(hashKey(id));
  }

  async freeBytes(): Promise<number> {
    return Number.POSITIVE_INFINITY;
  }

  async close(): Promise<void> {}
}
