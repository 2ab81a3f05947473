/**
 * A block as a store keeps it, one value: `u32be count || u32be length of entries || entries || ids`. Whoever seals a
 * block lays it out like this to begin with, so that a megabyte is written once and never copied.
 */
import { viewOf } from "../base/bytes.ts";
import { HASH_BYTES } from "../base/hash.ts";
import type { StoredBlock } from "./store.ts";

const HEADER_BYTES = 8;

/** Memory for a block of `count` entries, `entriesBytes` when packed: its header is written, the rest is the caller's. */
export function layOutBlock(
  count: number,
  entriesBytes: number,
): Required<Pick<StoredBlock, "entries" | "ids" | "value">> {
  const value = new Uint8Array(HEADER_BYTES + entriesBytes + count * HASH_BYTES);
  viewOf(value).setUint32(0, count);
  viewOf(value).setUint32(4, entriesBytes);
  const end = HEADER_BYTES + entriesBytes;
  return { value, entries: value.subarray(HEADER_BYTES, end), ids: value.subarray(end) };
}

export function encodeStoredBlock({ count, entries, ids, value }: StoredBlock): Uint8Array {
  if (value !== undefined) return value;
  const laidOut = layOutBlock(count, entries.length);
  laidOut.entries.set(entries);
  laidOut.ids.set(ids);
  return laidOut.value;
}

/** The block in these bytes, its parts views of them; undefined if they are none. */
export function decodeStoredBlock(first: number, value: Uint8Array): StoredBlock | undefined {
  if (value.length < HEADER_BYTES) return undefined;
  const count = viewOf(value).getUint32(0);
  const end = HEADER_BYTES + viewOf(value).getUint32(4);
  if (value.length !== end + count * HASH_BYTES) return undefined;
  return { first, count, entries: value.subarray(HEADER_BYTES, end), ids: value.subarray(end) };
}
