/**
 * Which ids the recent log holds: fingerprints and sequence numbers in typed arrays, 12 bytes a slot, confirmed
 * against the id that is stored with its block. Segments grow with the traffic and are dropped whole once their
 * newest entry is older than the retention.
 */
import { equalBytes, isZero } from "../base/bytes.ts";
import { decodeEntry } from "../log/entry.ts";
import type { Log } from "../log/log.ts";
import { decodeOperation, operationId } from "./transaction.ts";

const SLOTS_MIN = 2 ** 12;
const SLOTS_MAX = 2 ** 22;
/** A segment is full at half its slots: probes stay short. */
const LOAD = 0.5;
const EMPTY = 0;

interface Segment {
  readonly fingerprints: Uint32Array;
  readonly sequences: Float64Array;
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

  /** Adds an entry; timestamps never decrease. */
  add(id: Uint8Array, sequence: number, timestamp: number): void {
    let segment = this.#segments.at(-1)!;
    if (segment.count >= segment.fingerprints.length * LOAD) {
      this.#segments = this.#segments.filter(({ newest }) => newest >= timestamp - this.#retentionMs);
      segment = makeSegment(this.#slotsAfter(segment));
      this.#segments.push(segment);
    }
    if (segment.count === 0) segment.oldest = timestamp;
    const mask = segment.fingerprints.length - 1;
    let slot = slotOf(id) & mask;
    while (segment.fingerprints[slot] !== EMPTY) slot = (slot + 1) & mask;
    segment.fingerprints[slot] = fingerprintOf(id);
    segment.sequences[slot] = sequence;
    segment.count++;
    segment.newest = timestamp;
  }

  /** A segment should last about as long as the retention: then two or three of them are all there is. */
  #slotsAfter({ fingerprints: { length: slots }, oldest, newest }: Segment): number {
    const lastedMs = newest - oldest;
    if (lastedMs < this.#retentionMs) return Math.min(SLOTS_MAX, slots * 2);
    return lastedMs > 4 * this.#retentionMs ? Math.max(SLOTS_MIN, slots / 2) : slots;
  }

  /** The sequence number of an id, or undefined if the index does not have it. */
  find(id: Uint8Array): number | undefined {
    const fingerprint = fingerprintOf(id);
    const start = slotOf(id);
    for (let i = this.#segments.length - 1; i >= 0; i--) {
      const { fingerprints, sequences } = this.#segments[i]!;
      const mask = fingerprints.length - 1;
      for (let slot = start & mask; fingerprints[slot] !== EMPTY; slot = (slot + 1) & mask) {
        const sequence = sequences[slot]!;
        if (fingerprints[slot] === fingerprint && equalBytes(this.#idAt(sequence), id)) return sequence;
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
  const horizon = log.committed.lastTimestamp - retentionMs;
  let from = log.committed.size;
  for (const { first, timestamp } of log.blocksFromTail()) {
    from = first;
    if (timestamp < horizon) break;
  }
  // Each by its own timestamp: a block spans time when the commit before it was slow.
  for (const { sequence, entry, id } of log.entries(Math.max(1, from), log.committed.size)) {
    index.add(isZero(id) ? idOf(log, sequence) : id, sequence, decodeEntry(entry)!.timestamp);
  }
  return index;
}

/** A replica that verifies heads alone stores no ids: they are computed from the entries then. */
function idOf(log: Log, sequence: number): Uint8Array {
  const id = log.idOf(sequence);
  if (sequence === 0 || !isZero(id)) return id;
  const { payload } = decodeEntry(log.entry(sequence).entry)!;
  return operationId(log.context, decodeOperation(payload));
}

function makeSegment(slots: number): Segment {
  return {
    fingerprints: new Uint32Array(slots),
    sequences: new Float64Array(slots),
    count: 0,
    oldest: 0,
    newest: 0,
  };
}

// Ids are keccak-256 digests: any of their bytes are a hash already.
function fingerprintOf(id: Uint8Array): number {
  return u32At(id, 0) || 1;
}

function slotOf(id: Uint8Array): number {
  return u32At(id, 4);
}

function u32At(id: Uint8Array, offset: number): number {
  return ((id[offset]! << 24) | (id[offset + 1]! << 16) | (id[offset + 2]! << 8) | id[offset + 3]!) >>> 0;
}
