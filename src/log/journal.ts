/**
 * The journal: a file of fixed size, written in place, in which a record is durable after one flush of the disk, where
 * the database needs two. It has two halves: one is filled while what is in the other is written to the database, and
 * then they change places. Each record `SHA-256 of the content || u32be its length || content` begins on a page of its
 * own, so that no write touches a record before it. It knows nothing of what its records are.
 */
import { existsSync, readFileSync, writevSync } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { dirname } from "node:path";
import { assert } from "../base/assert.ts";
import { equalBytes, viewOf } from "../base/bytes.ts";
import { HASH_BYTES, sha256 } from "../base/hash.ts";
import { syncDirectory } from "../base/sync-directory.ts";

const PAGE_BYTES = 4_096;
const HEADER_BYTES = HASH_BYTES + 4;

/** The records of a file that are whole, in the order of either half; they may be older than what was written last. */
export function readJournal(path: string, halfBytes: number): Uint8Array[] {
  if (!existsSync(path)) return [];
  const bytes = new Uint8Array(readFileSync(path));
  return [...recordsIn(bytes.subarray(0, halfBytes)), ...recordsIn(bytes.subarray(halfBytes))];
}

function* recordsIn(half: Uint8Array): Iterable<Uint8Array> {
  for (let at = 0; at + HEADER_BYTES <= half.length; ) {
    const length = viewOf(half).getUint32(at + HASH_BYTES);
    const content = half.subarray(at + HEADER_BYTES, at + HEADER_BYTES + length);
    if (length === 0 || content.length < length) return;
    if (!equalBytes(sha256(content), half.subarray(at, at + HASH_BYTES))) return;
    yield content;
    at += pagesOf(length);
  }
}

/** Bytes of the pages that a record takes. */
function pagesOf(length: number): number {
  return Math.ceil((HEADER_BYTES + length) / PAGE_BYTES) * PAGE_BYTES;
}

export class Journal {
  readonly #path: string;
  readonly #halfBytes: number;
  #file: FileHandle | undefined;
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
    this.#file ??= await makeFile(this.#path, 2 * this.#halfBytes);
    const header = new Uint8Array(HEADER_BYTES);
    header.set(sha256(content));
    viewOf(header).setUint32(HASH_BYTES, content.length);
    const at = this.#half * this.#halfBytes + this.#end;
    // Into the page cache, in no time: only the disk is worth another thread.
    const written = writevSync(this.#file.fd, [header, content], at);
    assert(written === HEADER_BYTES + content.length, "a record is written whole");
    await this.#file.datasync();
    this.#end += pagesOf(content.length);
  }

  async close(): Promise<void> {
    await this.#file?.close();
  }
}

/**
 * A file of so many bytes, all of which have their place on the disk: writing to them then changes nothing else. What an
 * earlier process left is gone: it was read and written to the database before.
 */
async function makeFile(path: string, bytes: number): Promise<FileHandle> {
  const file = await open(path, "w", 0o600);
  await file.writeFile(new Uint8Array(bytes));
  await file.sync();
  syncDirectory(dirname(path));
  return file;
}
