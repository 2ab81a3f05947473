/**
 * A block: consecutive entries with the frontier before them and the note that covers them, SPEC section 4.
 * `u64be first || u16be count || frontier || entries || u16be length of note || note`. It verifies by itself, even
 * across a gap: frontier and entries must give the note's size and root. One form for wire and disk.
 */
import { assert } from "../base/assert.ts";
import { concatBytes, equalBytes, fromUtf8, readU64be, utf8, viewOf, writeU64be } from "../base/bytes.ts";
import { HASH_BYTES } from "../base/hash.ts";
import { BLOCK_BYTES_MAX, BLOCK_ENTRIES_MAX, NOTE_BYTES_MAX } from "../base/limits.ts";
import type { Head } from "./checkpoint.ts";
import { TreeGrowth } from "./growth.ts";
import { hashPackedLeaves } from "./merkle.ts";
import { type EntryRun, PACKED_BYTES_MAX } from "./packed-entries.ts";

export interface Block extends EntryRun {
  /** Hashes of the perfect subtrees of [0, first), largest first. */
  readonly frontier: readonly Uint8Array[];
  /** The signed note of a checkpoint of size first + count. */
  readonly note: string;
}

const FIRST_BYTES = 8;
const LENGTH_BYTES = 2;

/** Bytes that an encoded block never exceeds. */
export const ENCODED_BLOCK_BYTES_MAX =
  FIRST_BYTES + LENGTH_BYTES + 53 * HASH_BYTES + PACKED_BYTES_MAX + LENGTH_BYTES + NOTE_BYTES_MAX;

export function encodeBlock(block: Block): Uint8Array {
  assert(block.frontier.length === bitCount(block.first), "a frontier has one hash per bit of its size");
  const header = new Uint8Array(FIRST_BYTES + LENGTH_BYTES);
  writeU64be(header, 0, block.first);
  viewOf(header).setUint16(FIRST_BYTES, block.count);
  const note = utf8(block.note);
  const noteLength = new Uint8Array(LENGTH_BYTES);
  viewOf(noteLength).setUint16(0, note.length);
  return concatBytes(header, ...block.frontier, block.entries, noteLength, note);
}

/** The block in these bytes, its parts views of them, nothing verified yet; undefined if they are none. */
export function decodeBlock(bytes: Uint8Array): Block | undefined {
  if (bytes.length < FIRST_BYTES + LENGTH_BYTES || bytes.length > ENCODED_BLOCK_BYTES_MAX) return undefined;
  const view = viewOf(bytes);
  const first = readU64be(bytes, 0);
  const count = view.getUint16(FIRST_BYTES);
  if (first === undefined || count === 0 || count > BLOCK_ENTRIES_MAX) return undefined;

  const start = FIRST_BYTES + LENGTH_BYTES + bitCount(first) * HASH_BYTES;
  const end = endOfEntries(view, start, count);
  if (end === undefined || end + LENGTH_BYTES > bytes.length) return undefined;
  if (end - start - count * LENGTH_BYTES > BLOCK_BYTES_MAX) return undefined;
  const noteStart = end + LENGTH_BYTES;
  if (noteStart + view.getUint16(end) !== bytes.length) return undefined;
  const note = fromUtf8(bytes.subarray(noteStart));
  if (note === undefined) return undefined;

  const frontier: Uint8Array[] = [];
  for (let at = FIRST_BYTES + LENGTH_BYTES; at < start; at += HASH_BYTES) {
    frontier.push(bytes.subarray(at, at + HASH_BYTES));
  }
  return { first, count, frontier, entries: bytes.subarray(start, end), note };
}

/**
 * The tree that the block's frontier and entries make, or undefined if it is not the one of `head`: what shows that
 * the signed head really covers these entries. The entries are changed while they are hashed, and are as they were after.
 */
export function growthUnder(block: Omit<Block, "note">, head: Head): TreeGrowth | undefined {
  if (block.first + block.count !== head.size) return undefined;
  const growth = new TreeGrowth(block.first, block.frontier, hashPackedLeaves(block.entries, block.count));
  return equalBytes(growth.root, head.root) ? growth : undefined;
}

function endOfEntries(view: DataView, start: number, count: number): number | undefined {
  let at = start;
  for (let i = 0; i < count; i++) {
    if (at + LENGTH_BYTES > view.byteLength) return undefined;
    at += LENGTH_BYTES + view.getUint16(at);
  }
  return at <= view.byteLength ? at : undefined;
}

function bitCount(value: number): number {
  let bits = 0;
  for (let rest = value; rest > 0; rest = Math.floor(rest / 2)) bits += rest % 2;
  return bits;
}
