/**
 * What keeps a log: the contract of its stores and what they hold. A store knows nothing of validity; it takes one
 * commit at a time, all of it or nothing, and it is durable when the promise resolves.
 * `test/log/store-compliance.ts` says the same as a test suite, which every implementation passes.
 */
import { SequencerError } from "../base/errors.ts";
import { HASH_BYTES } from "../base/hash.ts";
import type { Head } from "./checkpoint.ts";
import { skipPacked } from "./packed-entries.ts";

/** The last commit: what the store's content adds up to. */
export interface CommittedHead extends Head {
  /** Unix milliseconds of the last entry. */
  readonly lastTimestamp: number;
}

/** Consecutive entries as they were committed. */
export interface StoredBlock {
  readonly first: number;
  readonly count: number;
  /** `count` times `u16be length || entry`. */
  readonly entries: Uint8Array;
  /** `count` times 32 bytes; zero for genesis, which has no id. */
  readonly ids: Uint8Array;
  /** All of it as one value, where it was laid out as one: `stored-block.ts`. */
  readonly value?: Uint8Array;
}

/** A tile of hashes, full or as wide as the tree is so far. */
export interface StoredTile {
  readonly level: number;
  readonly index: number;
  readonly hashes: Uint8Array;
}

/** The role of an account after the commit, as its number in SPEC section 1. */
export interface StoredRole {
  readonly account: Uint8Array;
  readonly role: number;
}

export interface Commit {
  readonly block: StoredBlock;
  /** Every tile that the block changed. */
  readonly tiles: readonly StoredTile[];
  readonly roles: readonly StoredRole[];
  readonly head: CommittedHead;
  /** The signed note of the head, where it exists before the commit: on a replica. */
  readonly note?: string;
}

export interface Store {
  /** Undefined in a new store. */
  readonly head: CommittedHead | undefined;
  /**
   * Makes the commit durable. Calls do not overlap.
   * @throws SequencerError `store`; the store is not to be used any further then
   */
  commit(commit: Commit): Promise<void>;
  /** The block that holds this sequence number. */
  blockAt(sequence: number): StoredBlock | undefined;
  /** The entries [from, to) as far as the block that holds `from` has them: cheaper than all of the block. */
  piece(from: number, to: number): StoredBlock | undefined;
  tile(level: number, index: number): Uint8Array | undefined;
  /** Accounts with a role. */
  roles(): Iterable<StoredRole>;
  /** The newest signed note that was committed. */
  note(): string | undefined;
  /** True in a store that indexes all ids (`-idindex`). */
  readonly indexesIds: boolean;
  /** The sequence number of an id, in a store that indexes ids. */
  sequenceOf(id: Uint8Array): number | undefined;
  /** Bytes that are free for further commits; Infinity if nothing bounds them. */
  freeBytes(): Promise<number>;
  close(): Promise<void>;
}

/**
 * A part of a block, as views: the entries [from, to) as far as it has them.
 * @throws SequencerError `store` if the block's entries are not well formed
 */
export function pieceOf({ first, count, entries, ids }: StoredBlock, from: number, to: number): StoredBlock {
  const start = from - first;
  const end = Math.min(to - first, count);
  const startOffset = skipPacked(entries, 0, start);
  const endOffset = skipPacked(entries, startOffset, end - start);
  if (end === count ? endOffset !== entries.length : endOffset > entries.length) {
    throw damaged("-dbpath", `block ${first} is not readable`);
  }
  const pieceIds = ids.subarray(start * HASH_BYTES, end * HASH_BYTES);
  return {
    first: from,
    count: end - start,
    entries: entries.subarray(startOffset, endOffset),
    ids: pieceIds,
  };
}

/** A database that cannot be trusted any more: what every finding of this kind is reported as. */
export function damaged(where: string, finding: string, cause?: unknown): SequencerError {
  return new SequencerError("store", `the database in ${where} is damaged: ${finding}`, {
    cause,
    hint: "Keep a copy, then restore it from a backup or from a replica; a primary refuses a copy older than its sign guard",
  });
}
