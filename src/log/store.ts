/**
 * What keeps a log: the contract of its stores and what they hold. A store knows nothing of validity; it takes one
 * commit at a time, all of it or nothing, and it is durable when the promise resolves.
 * `test/log/store-compliance.ts` says the same as a test suite, which every implementation passes.
 */
import { SequencerError } from "../base/errors.ts";
import type { Head } from "./checkpoint.ts";
import type { EntryRun } from "./packed-entries.ts";

/** The last commit: what the store's content adds up to. */
export interface CommittedHead extends Head {
  /** Unix milliseconds of the last entry. */
  readonly lastTimestamp: number;
  /** Sequence number of the first entry of the last commit. */
  readonly lastBlock: number;
}

/** Consecutive entries that are committed together. */
export interface StoredBlock extends EntryRun {
  /** `count` times 32 bytes; zero for genesis, which has no id. */
  readonly ids: Uint8Array;
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
  /** The entries [from, to) as far as they lie together; undefined if there is no entry `from`. */
  piece(from: number, to: number): EntryRun | undefined;
  /** The ids of the entries [from, to) as far as they lie together, 32 bytes each; undefined as above. */
  ids(from: number, to: number): Uint8Array | undefined;
  /** Has the ids [from, to) read from the disk beside this thread, so that `ids` need not wait for it. */
  fetchIds(from: number, to: number): Promise<void>;
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

/** A database that cannot be trusted any more: what every finding of this kind is reported as. */
export function damaged(where: string, finding: string, cause?: unknown): SequencerError {
  return new SequencerError("store", `the database in ${where} is damaged: ${finding}`, {
    cause,
    hint: "Keep a copy, then restore it from a backup or from a replica; a primary refuses a copy older than its sign guard",
  });
}
