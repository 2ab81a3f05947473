/**
 * The journal: a file of fixed size, written in place, in which a record is durable after one flush of the disk, where
 * the database needs two. It has two halves: one is filled while what is in the other is written to the database, and
 * then they change places. Each record `HMAC-SHA-256 of the content || u32be its length || content` begins on a page of
 * its own, so that no write touches a record before it. It knows nothing of what its records are.
 *
 * The first page has the key, random and for this file alone. Behind the last record of a half may lie a page from the
 * middle of an older one, whose bytes somebody else has chosen: without the key no record can be planted there.
 */
import { createHmac, randomBytes } from "node:crypto";
import { existsSync, readFileSync, writevSync } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { dirname } from "node:path";
import { assert } from "../base/assert.ts";
import { equalBytes, viewOf } from "../base/bytes.ts";
import { HASH_BYTES } from "../base/hash.ts";
import { syncDirectory } from "../base/sync-directory.ts";

const PAGE_BYTES = 4_096;
const KEY_BYTES = 32;
const HEADER_BYTES = HASH_BYTES + 4;

interface JournalFile {
  readonly handle: FileHandle;
  readonly key: Uint8Array;
}

/** The records of a file that are whole, in the order of either half; some are older than what was written last. */
export function readJournal(path: string, halfBytes: number): Uint8Array[] {
  if (!existsSync(path)) return [];
  const bytes = new Uint8Array(readFileSync(path));
  const key = bytes.subarray(0, KEY_BYTES);
  const second = PAGE_BYTES + halfBytes;
  const halves = [bytes.subarray(PAGE_BYTES, second), bytes.subarray(second)];
  return halves.flatMap((half) => [...recordsIn(half, key)]);
}

/** What lies behind a record that is not whole is looked for as well: if it is newer, that one was not the last. */
function* recordsIn(half: Uint8Array, key: Uint8Array): Iterable<Uint8Array> {
  for (let at = 0; at + HEADER_BYTES <= half.length; ) {
    const record = recordAt(half, at, key);
    if (record !== undefined) yield record;
    at += record === undefined ? PAGE_BYTES : pagesOf(record.length);
  }
}

function recordAt(half: Uint8Array, at: number, key: Uint8Array): Uint8Array | undefined {
  const length = viewOf(half).getUint32(at + HASH_BYTES);
  const content = half.subarray(at + HEADER_BYTES, at + HEADER_BYTES + length);
  if (length === 0 || content.length < length) return undefined;
  return equalBytes(seal(key, content), half.subarray(at, at + HASH_BYTES)) ? content : undefined;
}

function seal(key: Uint8Array, content: Uint8Array): Uint8Array {
  return createHmac("sha256", key).update(content).digest();
}

/** Bytes of the pages that a record takes. */
function pagesOf(length: number): number {
  return Math.ceil((HEADER_BYTES + length) / PAGE_BYTES) * PAGE_BYTES;
}

export class Journal {
  readonly #path: string;
  readonly #halfBytes: number;
  #file: JournalFile | undefined;
  /** The half that is being filled, and how far it is. */
  #half: 0 | 1 = 0;
  #end = 0;

  /** @param path the file; made anew with the first record, mode 0600 */
  constructor(path: string, halfBytes: number) {
    this.#path = path;
    this.#halfBytes = halfBytes;
  }

  /** The half that the next record goes to. */
  get half(): 0 | 1 {
    return this.#half;
  }

  /** True if that half has room for a record of this length. */
  fits(length: number): boolean {
    return this.#end + pagesOf(length) <= this.#halfBytes;
  }

  /** Goes on with the other half, whose records nobody needs any more. */
  turn(): void {
    this.#half = this.#half === 0 ? 1 : 0;
    this.#end = 0;
  }

  /** Makes a record that fits durable. */
  async append(content: Uint8Array): Promise<void> {
    assert(this.fits(content.length), "a record fits into its half");
    this.#file ??= await makeFile(this.#path, PAGE_BYTES + 2 * this.#halfBytes);
    const { handle, key } = this.#file;
    const header = new Uint8Array(HEADER_BYTES);
    header.set(seal(key, content));
    viewOf(header).setUint32(HASH_BYTES, content.length);
    const at = PAGE_BYTES + this.#half * this.#halfBytes + this.#end;
    // Into the page cache, in no time: only the disk is worth another thread.
    const written = writevSync(handle.fd, [header, content], at);
    assert(written === HEADER_BYTES + content.length, "a record is written whole");
    await handle.datasync();
    this.#end += pagesOf(content.length);
  }

  async close(): Promise<void> {
    await this.#file?.handle.close();
  }
}

/**
 * A file of so many bytes, all of which have their place on the disk: writing to them then changes nothing else. What an
 * earlier process left is gone: it was read and written to the database before.
 */
async function makeFile(path: string, bytes: number): Promise<JournalFile> {
  const key = randomBytes(KEY_BYTES);
  const content = new Uint8Array(bytes);
  content.set(key);
  const handle = await open(path, "w", 0o600);
  await handle.writeFile(content);
  await handle.sync();
  syncDirectory(dirname(path));
  return { handle, key };
}
