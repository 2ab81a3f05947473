/**
 * How a database keeps a block: cut into values of a few pages, entries and ids apart. LMDB hands out whole values, so
 * whoever wants one entry reads one value, and whoever wants ids reads no entries.
 */
import { HASH_BYTES } from "../base/hash.ts";
import { type EntryRun, entryEnd } from "./packed-entries.ts";

/** A value, and the sequence number of its first entry. */
export interface StoredValue {
  readonly first: number;
  /** A view of the block's bytes: nothing is copied. */
  readonly bytes: Uint8Array;
}

/** LMDB's pages, and the header before a value that has pages of its own: values fill them. */
const PAGE_BYTES = 4_096;
const HEADER_BYTES = 24;
/** Bytes of entries in one value: the smaller it is, the more keys has a block, and the less is read for one entry. */
const ENTRIES_BYTES_MAX = 4 * PAGE_BYTES - HEADER_BYTES;
/** Ids in one value. */
const IDS_MAX = Math.floor((PAGE_BYTES - HEADER_BYTES) / HASH_BYTES);

/** Packed entries in values of ENTRIES_BYTES_MAX; an entry that is larger has one of its own. */
export function* cutEntries({ first, count, entries }: EntryRun): Iterable<StoredValue> {
  let start = 0;
  let startPlace = 0;
  for (let place = 0, end = 0; place < count; place++) {
    const next = entryEnd(entries, end);
    if (next - start > ENTRIES_BYTES_MAX && place > startPlace) {
      yield { first: first + startPlace, bytes: entries.subarray(start, end) };
      start = end;
      startPlace = place;
    }
    end = next;
  }
  yield { first: first + startPlace, bytes: entries.subarray(start) };
}

/** Packed ids in values of IDS_MAX. */
export function* cutIds(first: number, ids: Uint8Array): Iterable<StoredValue> {
  const valueBytes = IDS_MAX * HASH_BYTES;
  for (let start = 0; start < ids.length; start += valueBytes) {
    yield { first: first + start / HASH_BYTES, bytes: ids.subarray(start, start + valueBytes) };
  }
}

/**
 * The entries [from, to) as far as packed entries have them, as a view; undefined if they do not have the first one, or
 * are not well formed that far.
 */
export function entriesIn({ first, bytes }: StoredValue, from: number, to: number): EntryRun | undefined {
  let end = 0;
  let sequence = first;
  for (; sequence < from && end < bytes.length; sequence++) end = entryEnd(bytes, end);
  if (sequence < from) return undefined;
  const start = end;
  for (; sequence < to && end < bytes.length; sequence++) end = entryEnd(bytes, end);
  if (sequence === from || end > bytes.length) return undefined;
  return { first: from, count: sequence - from, entries: bytes.subarray(start, end) };
}

/** The ids [from, to) as far as packed ids have them, as a view; undefined if they do not have the first one. */
export function idsIn({ first, bytes }: StoredValue, from: number, to: number): Uint8Array | undefined {
  const start = (from - first) * HASH_BYTES;
  if (start >= bytes.length || bytes.length % HASH_BYTES !== 0) return undefined;
  return bytes.subarray(start, Math.min(bytes.length, (to - first) * HASH_BYTES));
}
