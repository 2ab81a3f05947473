/**
 * Which ids the recent log holds: fingerprints and sequence numbers in typed arrays, 12 bytes a slot, confirmed
 * against the id that is stored with its block. Segments grow with the traffic and are dropped whole once their
 * newest entry is older than the retention.
 */
import { equalBytes, isZero } from "../base/bytes.ts";
import { HASH_BYTES } from "../base/hash.ts";
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
  /** Unix milliseconds of the newest entry in it. */
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
      segment = makeSegment(Math.min(SLOTS_MAX, Math.max(SLOTS_MIN, (2 * (this.size + 1)) / LOAD)));
      this.#segments.push(segment);
    }
    const mask = segment.fingerprints.length - 1;
    let slot = slotOf(id) & mask;
    while (segment.fingerprints[slot] !== EMPTY) slot = (slot + 1) & mask;
    segment.fingerprints[slot] = fingerprintOf(id);
    segment.sequences[slot] = sequence;
    segment.count++;
    segment.newest = timestamp;
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

/** Repeats are answered for twice the lifetime (SPEC section 1): read that much of the log's tail back. */
export function rebuildIdIndex(
  log: Log,
  idAt = (sequence: number): Uint8Array => idOf(log, sequence),
): IdIndex {
  const retentionMs = 2 * log.genesis.maxTransactionLifetimeMs;
  const index = new IdIndex(retentionMs, idAt);
  const horizon = log.committed.lastTimestamp - retentionMs;
  let from = log.committed.size;
  for (const { first, timestamp } of log.blocksFromTail()) {
    from = first;
    if (timestamp < horizon) break;
  }
  for (const { first, count, ids, timestamp } of log.blocks(from)) {
    for (let i = first === 0 ? 1 : 0; i < count; i++) {
      const id = ids.subarray(i * HASH_BYTES, (i + 1) * HASH_BYTES);
      index.add(isZero(id) ? idOf(log, first + i) : id, first + i, timestamp);
    }
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

function makeSegment(slotsWanted: number): Segment {
  const slots = 2 ** Math.ceil(Math.log2(slotsWanted));
  return { fingerprints: new Uint32Array(slots), sequences: new Float64Array(slots), count: 0, newest: 0 };
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
