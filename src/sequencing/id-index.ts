/**
 * Which ids the recent log holds: fingerprints and sequence numbers in typed arrays, 8 bytes a slot, confirmed
 * against the id that is stored with its block. Segments grow with the traffic and are dropped whole once their
 * newest entry is older than the retention.
 */
import { equalBytes, isZero } from "../base/bytes.ts";
import { HASH_BYTES } from "../base/hash.ts";
import { decodeEntry } from "../log/entry.ts";
import type { Log } from "../log/log.ts";
import { entryEnd, LENGTH_BYTES } from "../log/packed-entries.ts";
import { decodeOperation, operationId } from "./transaction.ts";

const SLOTS_MIN = 2 ** 12;
const SLOTS_MAX = 2 ** 22;
/** A segment is full at half its slots: probes stay short. */
const LOAD = 0.5;
const EMPTY = 0;
/** The fingerprint of an id that begins with zeros: of one that was not stored, and of one in 2^32 others. */
const NO_FINGERPRINT = 1;

interface Segment {
  /**
   * A fingerprint and a sequence number, counted from the segment's first, side by side for each slot: what is looked
   * up is in no cache, and so is missed once instead of twice.
   */
  readonly slots: Uint32Array;
  readonly mask: number;
  first: number;
  count: number;
  /** Unix milliseconds of the oldest and the newest entry in it. */
  oldest: number;
  newest: number;
}

export class IdIndex {
  readonly #retentionMs: number;
  readonly #idAt: (sequence: number) => Uint8Array;
  /** Oldest first; the last one is written to. */
  #segments: Segment[] = [makeSegment(SLOTS_MIN)];

  /**
   * @param retentionMs how far behind the newest entry an entry is kept, at least
   * @param idAt the stored id of an entry, 32 bytes
   */
  constructor(retentionMs: number, idAt: (sequence: number) => Uint8Array) {
    this.#retentionMs = retentionMs;
    this.#idAt = idAt;
  }

  /** Entries in the index, expired ones that share a segment with others included. */
  get size(): number {
    return this.#segments.reduce((sum, segment) => sum + segment.count, 0);
  }

  /**
   * Adds an entry; sequence numbers grow, timestamps never decrease.
   * @param at where the id begins in `ids`
   */
  add(ids: Uint8Array, sequence: number, timestamp: number, at = 0): void {
    let segment = this.#segments.at(-1)!;
    if (segment.count > segment.mask * LOAD) {
      this.#segments = this.#segments.filter(({ newest }) => newest >= timestamp - this.#retentionMs);
      segment = makeSegment(this.#slotsAfter(segment));
      this.#segments.push(segment);
    }
    if (segment.count === 0) {
      segment.oldest = timestamp;
      segment.first = sequence;
    }
    const { slots, mask, first } = segment;
    let slot = slotOf(ids, at) & mask;
    while (slots[2 * slot] !== EMPTY) slot = (slot + 1) & mask;
    slots[2 * slot] = fingerprintOf(ids, at);
    slots[2 * slot + 1] = sequence - first;
    segment.count++;
    segment.newest = timestamp;
  }

  /** A segment should last about as long as the retention: then two or three of them are all there is. */
  #slotsAfter({ mask, oldest, newest }: Segment): number {
    const slots = mask + 1;
    const lastedMs = newest - oldest;
    if (lastedMs < this.#retentionMs) return Math.min(SLOTS_MAX, slots * 2);
    return lastedMs > 4 * this.#retentionMs ? Math.max(SLOTS_MIN, slots / 2) : slots;
  }

  /** The sequence number of an id, or undefined if the index does not have it. */
  find(id: Uint8Array): number | undefined {
    const fingerprint = fingerprintOf(id, 0);
    const start = slotOf(id, 0);
    for (let i = this.#segments.length - 1; i >= 0; i--) {
      const { slots, mask, first } = this.#segments[i]!;
      for (let slot = start & mask; slots[2 * slot] !== EMPTY; slot = (slot + 1) & mask) {
        if (slots[2 * slot] !== fingerprint) continue;
        const sequence = first + slots[2 * slot + 1]!;
        if (equalBytes(this.#idAt(sequence), id)) return sequence;
      }
    }
    return undefined;
  }
}

/**
 * Repeats are answered for twice the lifetime (SPEC section 1): read that much of the log's tail back.
 * @param idAt the id of an entry that is added later too
 */
export function rebuildIdIndex(
  log: Log,
  idAt: (sequence: number) => Uint8Array = (sequence) => idOf(log, sequence),
): IdIndex {
  const retentionMs = 2 * log.genesis.maxTransactionLifetimeMs;
  const index = new IdIndex(retentionMs, idAt);
  const from = firstSince(log, log.committed.lastTimestamp - retentionMs);
  for (const { first, count, entries, ids } of log.pieces(Math.max(1, from), log.committed.size)) {
    let start = 0;
    for (let i = 0; i < count; i++) {
      // Each by its own timestamp: a block spans time when the commit before it was slow.
      const time = start + LENGTH_BYTES;
      const timestamp = u32At(entries, time) * 2 ** 32 + u32At(entries, time + 4);
      const at = i * HASH_BYTES;
      if (fingerprintOf(ids, at) === NO_FINGERPRINT) index.add(idOf(log, first + i), first + i, timestamp);
      else index.add(ids, first + i, timestamp, at);
      start = entryEnd(entries, start);
    }
  }
  return index;
}

/** The first entry that is not older than this. Their timestamps never decrease: no more than 53 are looked at. */
function firstSince(log: Log, timestamp: number): number {
  let low = 0;
  let high = log.committed.size;
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    if (decodeEntry(log.entry(middle).entry)!.timestamp < timestamp) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** A replica that verifies heads alone stores no ids: they are computed from the entries then. */
function idOf(log: Log, sequence: number): Uint8Array {
  const id = log.idOf(sequence);
  if (sequence === 0 || !isZero(id)) return id;
  const { payload } = decodeEntry(log.entry(sequence).entry)!;
  return operationId(log.context, decodeOperation(payload));
}

function makeSegment(slots: number): Segment {
  return { slots: new Uint32Array(2 * slots), mask: slots - 1, first: 0, count: 0, oldest: 0, newest: 0 };
}

// Ids are keccak-256 digests: any of their bytes are a hash already.
function fingerprintOf(ids: Uint8Array, at: number): number {
  return u32At(ids, at) || NO_FINGERPRINT;
}

function slotOf(ids: Uint8Array, at: number): number {
  return u32At(ids, at + 4);
}

function u32At(bytes: Uint8Array, at: number): number {
  return ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0;
}
