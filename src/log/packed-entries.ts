/**
 * Consecutive entries as one byte string, each `u16be length || entry`: the form of C2SP entry bundles, of blocks on
 * the wire and of blocks on disk, so that none of them is ever repacked.
 */
import { assert } from "../base/assert.ts";
import { setU64be, viewOf } from "../base/bytes.ts";
import { BLOCK_BYTES_MAX, BLOCK_ENTRIES_MAX } from "../base/limits.ts";
import { type Entry, TIMESTAMP_BYTES } from "./entry.ts";

const LENGTH_BYTES = 2;
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

/** Bytes of these entries when they are packed. */
export function packedLength(entries: readonly Entry[]): number {
  let length = 0;
  for (const { payload } of entries) length += LENGTH_BYTES + TIMESTAMP_BYTES + payload.length;
  return length;
}

/** Packs entries from their parts, so that none of them is ever made on its own. */
export function packInto(packed: Uint8Array, entries: readonly Entry[]): void {
  const view = viewOf(packed);
  let offset = 0;
  for (const { timestamp, payload } of entries) {
    view.setUint16(offset, TIMESTAMP_BYTES + payload.length);
    setU64be(view, offset + LENGTH_BYTES, timestamp);
    offset += LENGTH_BYTES + TIMESTAMP_BYTES;
    packed.set(payload, offset);
    offset += payload.length;
  }
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

/** The entries in these bytes, at most `countMax`; undefined unless they end with the bytes. */
export function unpackAvailable(packed: Uint8Array, countMax: number): Uint8Array[] | undefined {
  let count = 0;
  const view = viewOf(packed);
  for (let offset = 0; offset < packed.length; count++) {
    if (offset + LENGTH_BYTES > packed.length || count === countMax) return undefined;
    offset += LENGTH_BYTES + view.getUint16(offset);
  }
  return unpackEntries(packed, count);
}

/** The bytes of entries [start, end) of well-formed packed entries, still packed. */
export function slicePacked(packed: Uint8Array, start: number, end: number): Uint8Array {
  const from = skip(packed, 0, start);
  return packed.subarray(from, skip(packed, from, end - start));
}

function skip(packed: Uint8Array, offset: number, count: number): number {
  const view = viewOf(packed);
  let at = offset;
  for (let i = 0; i < count; i++) at += LENGTH_BYTES + view.getUint16(at);
  assert(at <= packed.length, "stored entries are well formed");
  return at;
}
