/**
 * The store on disk. A commit of usual size is durable in the journal after one flush of the disk, and goes to the
 * database later, with others in one transaction; until then it is read from memory. A large one, and one that sets
 * roles or comes with ids to index, goes to the database at once, behind all that is in the journal.
 */
import { join } from "node:path";
import { assert } from "../base/assert.ts";
import { equalBytes } from "../base/bytes.ts";
import { SequencerError } from "../base/errors.ts";
import { JOURNAL_HALF_BYTES, JOURNALED_BYTES_MAX, JOURNALED_MS, READ_CACHE_BYTES } from "../base/limits.ts";
import { RlpError } from "../base/rlp.ts";
import { BlockList } from "./block-list.ts";
import { Database, type DatabaseOptions } from "./database.ts";
import { Journal, readJournal } from "./journal.ts";
import { decodeRecord, encodeRecord, type JournaledCommit } from "./journal-record.ts";
import { EMPTY_ROOT } from "./merkle.ts";
import type { EntryRun } from "./packed-entries.ts";
import { type Commit, type CommittedHead, damaged, type Store, type StoredRole } from "./store.ts";

/** A commit that the database does not have yet. */
interface PendingCommit {
  readonly commit: Commit;
  /** The half of the journal that has it. */
  readonly half: 0 | 1;
}

export class LmdbStore implements Store {
  readonly #database: Database;
  readonly #journal: Journal;
  /** The oldest first. */
  readonly #pending: PendingCommit[] = [];
  /** Their tiles; of each the newest. */
  readonly #tiles = new Map<string, Uint8Array>();
  /** The last blocks committed, those of all pending commits among them: readers near the head share them. */
  readonly #recent = new BlockList(READ_CACHE_BYTES);
  #head: CommittedHead | undefined;
  #note: string | undefined;
  #timer: NodeJS.Timeout | undefined;
  /** Writes to the database, one after the other. */
  #writing: Promise<void> = Promise.resolve();
  /** Why nothing can be committed any more. */
  #failure: unknown;
  #closed: Promise<void> | undefined;

  /** @throws SequencerError `locked`, or `store` if this is no database of ours or a damaged one */
  constructor(options: DatabaseOptions) {
    this.#database = new Database(options);
    const { path } = options;
    const journal = join(path, "journal");
    try {
      recover(this.#database, journal, path);
    } catch (error) {
      void this.#database.close();
      throw refusalOf(error, path);
    }
    this.#journal = new Journal(journal, JOURNAL_HALF_BYTES);
    this.#head = this.#database.head;
    this.#note = this.#database.note();
  }

  get head(): CommittedHead | undefined {
    return this.#head;
  }

  get indexesIds(): boolean {
    return this.#database.indexesIds;
  }

  async commit(commit: Commit): Promise<void> {
    const { block, head, note } = commit;
    assert(block.first === (this.#head?.size ?? 0), "a block begins where the last one ended");
    if (this.#failure !== undefined) throw this.#failure;
    await (this.#isJournaled(commit) ? this.#journalCommit(commit) : this.#write(commit));
    this.#recent.add(block);
    this.#head = head;
    this.#note = note ?? this.#note;
  }

  piece(from: number, to: number): EntryRun | undefined {
    return this.#recent.piece(from, to) ?? this.#database.piece(from, to);
  }

  ids(from: number, to: number): Uint8Array | undefined {
    return this.#recent.ids(from, to) ?? this.#database.ids(from, to);
  }

  fetchIds(from: number, to: number): Promise<void> {
    return this.#database.fetchIds(from, to);
  }

  tile(level: number, index: number): Uint8Array | undefined {
    return this.#tiles.get(tileName(level, index)) ?? this.#database.tile(level, index);
  }

  roles(): Iterable<StoredRole> {
    return this.#database.roles();
  }

  note(): string | undefined {
    return this.#note;
  }

  sequenceOf(id: Uint8Array): number | undefined {
    return this.#database.sequenceOf(id);
  }

  freeBytes(): Promise<number> {
    return this.#database.freeBytes();
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    try {
      await this.#write();
    } finally {
      await this.#journal.close();
      await this.#database.close();
    }
  }

  #isJournaled({ block, tiles, roles }: Commit): boolean {
    if (this.#head === undefined || this.indexesIds || roles.length > 0) return false;
    const tileBytes = tiles.reduce((sum, { hashes }) => sum + hashes.length, 0);
    return block.entries.length + block.ids.length + tileBytes <= JOURNALED_BYTES_MAX;
  }

  async #journalCommit(commit: Commit): Promise<void> {
    const record = encodeRecord({ rootBefore: this.#head!.root, commit });
    if (!this.#journal.fits(record.length)) {
      // The other half is free once the database has what is in it.
      if (this.#pending.some(({ half }) => half !== this.#journal.half)) await this.#write();
      this.#journal.turn();
    }
    try {
      await this.#journal.append(record);
    } catch (cause) {
      // A flush that failed may have lost what it was for, and the next one would not say so.
      this.#failure = this.#database.refused(cause);
      throw this.#failure;
    }
    this.#pending.push({ commit, half: this.#journal.half });
    for (const { level, index, hashes } of commit.tiles) this.#tiles.set(tileName(level, index), hashes);
    this.#timer ??= setTimeout(() => void this.#write().catch(() => undefined), JOURNALED_MS);
  }

  /** Writes to the database what the journal alone has, and a commit behind it. */
  #write(last?: Commit): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#writing = this.#writing.then(() => this.#writePending(last));
    this.#writing.catch((error: unknown) => {
      this.#failure = error;
    });
    return this.#writing;
  }

  async #writePending(last: Commit | undefined): Promise<void> {
    const pending = this.#pending.map(({ commit }) => commit);
    const commits = last === undefined ? pending : [...pending, last];
    if (commits.length === 0) return;
    await this.#database.write(commits);
    this.#pending.splice(0, pending.length);
    for (const { level, index, hashes } of pending.flatMap(({ tiles }) => tiles)) {
      const name = tileName(level, index);
      if (this.#tiles.get(name) === hashes) this.#tiles.delete(name);
    }
  }
}

/** What a journal that cannot be recovered is reported as. */
function refusalOf(cause: unknown, path: string): SequencerError {
  if (cause instanceof SequencerError) return cause;
  if (!(cause instanceof RlpError)) return damaged(path, "its journal cannot be read", cause);
  return new SequencerError("store", `the journal in ${path} was written by another release`, {
    cause,
    hint: "Start that release once more and stop it: it writes what is in its journal to the database",
  });
}

function tileName(level: number, index: number): string {
  return `${level}/${index}`;
}

/** Writes to the database what a process that ended early left in its journal. */
function recover(database: Database, path: string, where: string): void {
  const left = new Map<number, JournaledCommit>();
  for (const bytes of readJournal(path, JOURNAL_HALF_BYTES)) {
    const record = decodeRecord(bytes);
    left.set(record.commit.block.first, record);
  }
  const commits: Commit[] = [];
  let head = database.head;
  for (;;) {
    const next = left.get(head?.size ?? 0);
    if (next === undefined || !equalBytes(next.rootBefore, head?.root ?? EMPTY_ROOT)) break;
    commits.push(next.commit);
    head = next.commit.head;
  }
  const newest = Math.max(0, ...[...left.values()].map(({ commit }) => commit.head.size));
  if (newest > (head?.size ?? 0)) {
    throw damaged(where, `it ends at entry ${head?.size ?? 0}, and its journal goes on from a later one`);
  }
  if (commits.length > 0) database.writeNow(commits);
}
