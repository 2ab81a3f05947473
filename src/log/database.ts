/**
 * The database, in LMDB: blocks' entries and ids, cut into values, with their tiles and roles in the same transaction.
 * `overlappingSync: false`: what is written is on the disk when the promise resolves. The only file that touches LMDB.
 * Keys are one letter and big-endian numbers, so that LMDB's order is the log's.
 */
import { closeSync, existsSync, mkdirSync, openSync, readSync, statSync, truncateSync } from "node:fs";
import { statfs } from "node:fs/promises";
import { join } from "node:path";
import { open, type RootDatabase } from "lmdb";
import { concatBytes, fromUtf8, readU64be, u64be, utf8 } from "../base/bytes.ts";
import { SequencerError } from "../base/errors.ts";
import { lockFile } from "../base/file-lock.ts";
import { HASH_BYTES } from "../base/hash.ts";
import type { EntryRun } from "./packed-entries.ts";
import {
  type Commit,
  type CommittedHead,
  damaged,
  type Store,
  type StoredBlock,
  type StoredRole,
} from "./store.ts";
import { cutEntries, cutIds, entriesIn, idsIn, type StoredValue } from "./stored-values.ts";

export interface DatabaseOptions {
  /** Its directory; made if it does not exist. */
  readonly path: string;
  readonly idIndex?: boolean;
}

const FORMAT = utf8("sequencer-store/2");
const KEY = { format: utf8("f"), head: utf8("h"), note: utf8("n") };
const PREFIX = { entries: utf8("b"), ids: utf8("d"), tile: utf8("t"), role: utf8("r"), id: utf8("i") };

// LMDB meta pages, as far as they are looked at.
const META_BYTES = 160;
const P_META = 8;
const LMDB_MAGIC = 0xbeefc0de;
const LMDB_VERSION = 2;
/** Pages that the file of a sound database may be short of: one was the most in thousands of commits. */
const UNWRITTEN_PAGES_MAX = 16;

/** Reads that wait for the disk at once: as many as Node has threads for that. */
const FETCHES = 4;

const keyOf = (prefix: Uint8Array, first: number): Uint8Array => concatBytes(prefix, u64be(first));
const tileKey = (level: number, index: number): Uint8Array =>
  concatBytes(PREFIX.tile, Uint8Array.of(level), u64be(index));
const roleKey = (account: Uint8Array): Uint8Array => concatBytes(PREFIX.role, account);
const idKey = (id: Uint8Array): Uint8Array => concatBytes(PREFIX.id, id);

/** What a `Store` does but for its commits: see there. */
export class Database implements Omit<Store, "commit"> {
  readonly #database: RootDatabase<Uint8Array, Uint8Array>;
  readonly #path: string;
  readonly indexesIds: boolean;
  readonly #unlock: () => void;
  #head: CommittedHead | undefined;

  /** @throws SequencerError `locked`, or `store` if this is no database of ours or a damaged one */
  constructor({ path, idIndex = false }: DatabaseOptions) {
    this.#path = path;
    this.indexesIds = idIndex;
    this.#unlock = prepareDirectory(path);
    try {
      this.#database = openDatabase(path);
      this.#head = this.#readHead();
    } catch (error) {
      this.#unlock();
      throw error instanceof SequencerError ? error : damaged(path, "LMDB cannot read it", error);
    }
  }

  get head(): CommittedHead | undefined {
    return this.#head;
  }

  /** Writes consecutive commits in one transaction. @throws SequencerError `store` */
  async write(commits: readonly Commit[]): Promise<void> {
    try {
      // A batch is one transaction, written by LMDB's own thread; `transaction` would have this one copy the blocks.
      await this.#database.batch(() => this.#put(commits));
    } catch (cause) {
      throw this.refused(cause);
    }
    this.#head = commits.at(-1)!.head;
  }

  /** The same while nothing else can be done. */
  writeNow(commits: readonly Commit[]): void {
    try {
      this.#database.transactionSync(() => this.#put(commits));
    } catch (cause) {
      throw this.refused(cause);
    }
    this.#head = commits.at(-1)!.head;
  }

  /** What a commit that fails is reported as. */
  refused(cause: unknown): SequencerError {
    // LMDB's own promise of the reason, which nobody else waits for.
    const { commitError } = cause as { readonly commitError?: Promise<never> };
    commitError?.catch(() => undefined);
    return new SequencerError("store", `the database in ${this.#path} refused a commit`, {
      cause,
      hint: "Look at the disk (space, health) before starting again; nothing acknowledged is lost",
    });
  }

  piece(from: number, to: number): EntryRun | undefined {
    const value = this.#read(PREFIX.entries, from);
    const piece = value && entriesIn(value, from, to);
    return piece && { ...piece, entries: new Uint8Array(piece.entries) };
  }

  ids(from: number, to: number): Uint8Array | undefined {
    const value = this.#read(PREFIX.ids, from);
    const ids = value && idsIn(value, from, to);
    return ids && new Uint8Array(ids);
  }

  async fetchIds(from: number, to: number): Promise<void> {
    const range = { start: keyOf(PREFIX.ids, from), end: keyOf(PREFIX.ids, to) };
    const keys = await this.#database.getKeys(range).asArray;
    const share = Math.ceil(keys.length / FETCHES);
    const shares = Array.from({ length: FETCHES }, (_, i) => keys.slice(i * share, (i + 1) * share));
    await Promise.all(shares.map((some) => this.#database.prefetch(some)));
  }

  tile(level: number, index: number): Uint8Array | undefined {
    return this.#database.getBinary(tileKey(level, index));
  }

  *roles(): Iterable<StoredRole> {
    const end = Uint8Array.of(PREFIX.role[0]! + 1);
    for (const { key, value } of this.#database.getRange({ start: PREFIX.role, end })) {
      yield { account: Uint8Array.from(key.subarray(1)), role: value[0]! };
    }
  }

  note(): string | undefined {
    const bytes = this.#database.getBinary(KEY.note);
    return bytes === undefined ? undefined : fromUtf8(bytes);
  }

  sequenceOf(id: Uint8Array): number | undefined {
    if (!this.indexesIds) return undefined;
    const bytes = this.#database.getBinary(idKey(id));
    return bytes === undefined ? undefined : readU64be(bytes, 0);
  }

  async freeBytes(): Promise<number> {
    const { bavail, bsize } = await statfs(this.#path);
    return bavail * bsize;
  }

  async close(): Promise<void> {
    await this.#database.close();
    this.#unlock();
  }

  /**
   * The value of a kind that holds a sequence number, if any does. Its bytes are LMDB's own buffer and stay until the
   * next read: most readers want a part of them. Whoever reads on from a value to the next one needs no cursor.
   */
  #read(prefix: Uint8Array, sequence: number): StoredValue | undefined {
    const key = keyOf(prefix, sequence);
    const exact = this.#database.getBinaryFast(key);
    if (exact !== undefined) return { first: sequence, bytes: exact.subarray(0, exact.length) };
    for (const before of this.#database.getKeys({ start: key, end: prefix, reverse: true, limit: 1 })) {
      const bytes = this.#database.getBinaryFast(before)!;
      return { first: readU64be(before, 1)!, bytes: bytes.subarray(0, bytes.length) };
    }
    return undefined;
  }

  #put(commits: readonly Commit[]): void {
    const database = this.#database;
    if (this.#head === undefined) database.put(KEY.format, FORMAT);
    for (const { block, tiles, roles, note } of commits) {
      for (const { first, bytes } of cutEntries(block)) database.put(keyOf(PREFIX.entries, first), bytes);
      for (const { first, bytes } of cutIds(block.first, block.ids)) {
        database.put(keyOf(PREFIX.ids, first), bytes);
      }
      for (const { level, index, hashes } of tiles) database.put(tileKey(level, index), hashes);
      for (const { account, role } of roles) this.#putRole(account, role);
      if (this.indexesIds) this.#putIds(block);
      if (note !== undefined) database.put(KEY.note, utf8(note));
    }
    database.put(KEY.head, encodeHead(commits.at(-1)!.head));
  }

  #putRole(account: Uint8Array, role: number): void {
    if (role === 0) this.#database.remove(roleKey(account));
    else this.#database.put(roleKey(account), Uint8Array.of(role));
  }

  #putIds(block: StoredBlock): void {
    for (let i = 0; i < block.count; i++) {
      const id = block.ids.subarray(i * HASH_BYTES, (i + 1) * HASH_BYTES);
      this.#database.put(idKey(id), u64be(block.first + i));
    }
  }

  #readHead(): CommittedHead | undefined {
    const bytes = this.#database.getBinary(KEY.head);
    if (bytes === undefined) return undefined;
    const size = readU64be(bytes, 0);
    const lastTimestamp = readU64be(bytes, 8);
    const lastBlock = readU64be(bytes, 16);
    if (
      bytes.length !== 24 + HASH_BYTES ||
      size === undefined ||
      lastTimestamp === undefined ||
      lastBlock === undefined
    ) {
      throw damaged(this.#path, "its head is not readable");
    }
    return { size, lastTimestamp, lastBlock, root: Uint8Array.from(bytes.subarray(24)) };
  }
}

function prepareDirectory(path: string): () => void {
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 });
  } catch (cause) {
    throw new SequencerError("store", `cannot use ${path} as a database directory`, {
      cause,
      hint: "Check -dbpath",
    });
  }
  return lockFile(join(path, "lock"), "the database");
}

function openDatabase(path: string): RootDatabase<Uint8Array, Uint8Array> {
  if (!hasMetaPages(join(path, "data.mdb"))) throw damaged(path, "data.mdb is cut short or not of LMDB");
  const options = {
    path,
    // LMDB would take a directory whose name has a dot in it for a file.
    noSubdir: false,
    encoding: "binary",
    keyEncoding: "binary",
    overlappingSync: false,
    // Each write is a batch already. Around it LMDB would make one more, and nobody could tell that it failed.
    eventTurnBatching: false,
    noMemInit: false,
    // Whoever asks for an old entry or tile wants 16 KiB at most: the kernel would read up to megabytes around each page.
    noReadAhead: true,
  } as const;
  const database = open<Uint8Array, Uint8Array>(options);
  const { lastPageNumber, pageSize, entryCount } = database.getStats() as Record<string, number>;
  checkLength(path, (lastPageNumber! + 1) * pageSize!, pageSize!);
  const format = database.getBinary(KEY.format);
  if (format === undefined ? entryCount! > 0 : fromUtf8(format) !== fromUtf8(FORMAT)) {
    throw new SequencerError("store", `${path} holds a database of another program or release`, {
      hint: "Choose another -dbpath; a log of another release moves by way of a new replica that catches up from it",
    });
  }
  return database;
}

/**
 * A read past the end of the file ends the process with SIGBUS: look before reading anything. A sound file may lack a
 * page or so, which its last commit took and gave back without writing it: zeros stand in for those.
 */
function checkLength(path: string, length: number, pageSize: number): void {
  const file = join(path, "data.mdb");
  const missing = length - statSync(file).size;
  if (missing > UNWRITTEN_PAGES_MAX * pageSize)
    throw damaged(path, "the file is shorter than its index says");
  if (missing > 0) truncateSync(file, length);
}

/**
 * LMDB ends the process with SIGSEGV if the file does not begin with its two meta pages: look before it does. Each has
 * the flag P_META at 18, a magic number and the format's version at 24, and the size of a page at 48.
 */
function hasMetaPages(file: string): boolean {
  if (!existsSync(file)) return true;
  const descriptor = openSync(file, "r");
  try {
    const page = Buffer.alloc(META_BYTES);
    let pageSize = 0;
    for (let i = 0; i < 2; i++) {
      const bytes = readSync(descriptor, page, 0, META_BYTES, i * pageSize);
      if (bytes === 0 && i === 0) return true;
      if (bytes < META_BYTES || (page.readUInt16LE(18) & P_META) === 0) return false;
      if (page.readUInt32LE(24) !== LMDB_MAGIC || page.readUInt32LE(28) !== LMDB_VERSION) return false;
      pageSize = page.readUInt32LE(48);
    }
    return true;
  } finally {
    closeSync(descriptor);
  }
}

function encodeHead({ size, root, lastTimestamp, lastBlock }: CommittedHead): Uint8Array {
  return concatBytes(u64be(size), u64be(lastTimestamp), u64be(lastBlock), root);
}
