/**
 * Consecutive entries as one byte string, each `u16be length || entry`: the form of C2SP entry bundles, of blocks on
 * the wire and of blocks on disk, so that none of them is ever repacked.
 */
import { viewOf } from "../base/bytes.ts";
import { BLOCK_BYTES_MAX, BLOCK_ENTRIES_MAX } from "../base/limits.ts";

/** Consecutive entries of a log. */
export interface EntryRun {
  /** Sequence number of the first entry. */
  readonly first: number;
  readonly count: number;
  /** `count` times `u16be length || entry`. */
  readonly entries: Uint8Array;
}

/** The same with what was computed to verify them. */
export interface HashedRun extends EntryRun {
  /** The leaf hash of each entry, packed. */
  readonly leaves: Uint8Array;
}

/** Bytes of the length before each entry. */
export const LENGTH_BYTES = 2;
/** Bytes that a block's entries never exceed when they are packed. */
export const PACKED_BYTES_MAX = BLOCK_BYTES_MAX + BLOCK_ENTRIES_MAX * LENGTH_BYTES;

export function packEntries(entries: readonly Uint8Array[]): Uint8Array {
  let length = 0;
  for (const entry of entries) length += LENGTH_BYTES + entry.length;
  const packed = new Uint8Array(length);
  const view = viewOf(packed);
  let offset = 0;
  for (const entry of entries) {
    view.setUint16(offset, entry.length);
    packed.set(entry, offset + LENGTH_BYTES);
    offset += LENGTH_BYTES + entry.length;
  }
  return packed;
}

/** The entries, as views; undefined unless the bytes are exactly `count` of them. */
export function unpackEntries(packed: Uint8Array, count: number): Uint8Array[] | undefined {
  const entries: Uint8Array[] = [];
  const view = viewOf(packed);
  let offset = 0;
  while (entries.length < count) {
    const start = offset + LENGTH_BYTES;
    if (start > packed.length) return undefined;
    offset = start + view.getUint16(offset);
    if (offset > packed.length) return undefined;
    entries.push(packed.subarray(start, offset));
  }
  return offset === packed.length ? entries : undefined;
}

/** Bytes of the entries in a run, their lengths not counted. */
export function entryBytes({ entries, count }: EntryRun): number {
  return entries.length - count * LENGTH_BYTES;
}

/** Calls back with where each of well-formed packed entries starts and ends, and its place. */
export function eachPacked(
  { entries, count }: EntryRun,
  visit: (start: number, end: number, place: number) => void,
): void {
  const view = viewOf(entries);
  for (let place = 0, end = 0; place < count; place++) {
    const start = end + LENGTH_BYTES;
    end = start + view.getUint16(end);
    visit(start, end, place);
  }
}

/** A run in pieces of at most one block each. */
export function blocksOf(run: EntryRun): EntryRun[] {
  const blocks: EntryRun[] = [];
  let place = 0;
  let offset = 0;
  const cutBefore = (nextPlace: number, nextOffset: number): void => {
    const entries = run.entries.subarray(offset, nextOffset);
    blocks.push({ first: run.first + place, count: nextPlace - place, entries });
    [place, offset] = [nextPlace, nextOffset];
  };
  eachPacked(run, (start, end, next) => {
    const before = start - LENGTH_BYTES;
    const bytes = end - offset - (next + 1 - place) * LENGTH_BYTES;
    if (next - place === BLOCK_ENTRIES_MAX || bytes > BLOCK_BYTES_MAX) cutBefore(next, before);
  });
  if (run.count > place) cutBefore(run.count, run.entries.length);
  return blocks;
}

/** How many entries these bytes are; undefined if they are more than `countMax`, or end within one. */
export function countPacked(packed: Uint8Array, countMax: number): number | undefined {
  let count = 0;
  for (let offset = 0; offset < packed.length; count++) {
    if (offset + LENGTH_BYTES > packed.length || count === countMax) return undefined;
    offset = entryEnd(packed, offset);
    if (offset > packed.length) return undefined;
  }
  return count;
}

/** Where the entry ends whose length stands at `offset` of well-formed packed entries: its bytes begin LENGTH_BYTES later. */
export function entryEnd(packed: Uint8Array, offset: number): number {
  return offset + LENGTH_BYTES + ((packed[offset]! << 8) | packed[offset + 1]!);
}

/** Where `count` entries from `offset` on end: beyond the bytes if there are not that many. */
export function skipPacked(packed: Uint8Array, offset: number, count: number): number {
  let at = offset;
  for (let i = 0; i < count; i++) at = entryEnd(packed, at);
  return at;
}
