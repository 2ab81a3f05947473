/**
 * Which ids the recent log holds: fingerprints and sequence numbers in typed arrays, 12 bytes a slot, confirmed
 * against the id that is stored with its block. One probe finds an id, whatever the traffic: the table is split into
 * parts by the id's bits, and each part is laid out anew, without what is too old, when it has filled up. A part is
 * small, so nobody waits for that.
 */
import { equalBytes, isZero } from "../base/bytes.ts";
import { HASH_BYTES } from "../base/hash.ts";
import { decodeEntry } from "../log/entry.ts";
import type { Log } from "../log/log.ts";
import { LENGTH_BYTES } from "../log/packed-entries.ts";
import { decodeOperation, operationId } from "./transaction.ts";

const PARTS = 2 ** 10;
const SLOTS_MIN = 2 ** 4;
/** A part is laid out anew at half its slots, so that probes stay short, and then at most a quarter of them is taken. */
const LOAD_MAX = 0.5;
const LOAD_AFTER = 0.25;
/** A slot is the id's fingerprint and the sequence number in two halves. */
const SLOT_WORDS = 3;
const EMPTY = 0;
/** The fingerprint of an id that begins with zeros: of one that was not stored, and of one in 2^32 others. */
const NO_FINGERPRINT = 1;
/** How exactly the age of an entry is known: marks of a whole retention. */
const MARKS = 64;
/** Ids that are read together when the index is built anew. */
const IDS_AT_ONCE = 4_096;

/** The first entry of a moment: what stands before it is as old, or older. */
interface Mark {
  readonly sequence: number;
  readonly timestamp: number;
}

/** What was read ahead: without a use, reading would be optimized away. */
const readAhead = new Uint32Array(1);

export class IdIndex {
  readonly #retentionMs: number;
  readonly #idAt: (sequence: number) => Uint8Array;
  readonly #parts: Uint32Array[];
  readonly #counts = new Uint32Array(PARTS);
  /** Oldest first, one a moment of the retention; the first one says from where on entries are kept. */
  readonly #marks: Mark[] = [];

  /**
   * @param retentionMs how far behind the newest entry an entry is kept, at least
   * @param idAt the stored id of an entry, 32 bytes
   * @param expected ids that are added at once: the table is laid out for them
   */
  constructor(retentionMs: number, idAt: (sequence: number) => Uint8Array, expected = 0) {
    this.#retentionMs = retentionMs;
    this.#idAt = idAt;
    const slots = slotsFor(expected / PARTS / LOAD_MAX);
    // A part that holds nothing is laid out when its first id comes: until then one serves all.
    this.#parts =
      expected === 0 ? Array(PARTS).fill(makePart(1)) : Array.from({ length: PARTS }, () => makePart(slots));
  }

  /** Entries in the index, expired ones that are not given up yet included. */
  get size(): number {
    return this.#counts.reduce((sum, count) => sum + count, 0);
  }

  /**
   * Adds an entry; sequence numbers grow and timestamps never decrease.
   * @param at where the id begins in `ids`
   */
  add(ids: Uint8Array, sequence: number, timestamp: number, at = 0): void {
    const last = this.#marks.at(-1);
    if (last === undefined || timestamp >= last.timestamp + this.#retentionMs / MARKS) {
      this.#mark({ sequence, timestamp });
    }
    const part = partOf(ids, at);
    if ((this.#counts[part]! + 1) * SLOT_WORDS > this.#parts[part]!.length * LOAD_MAX) this.#renew(part);
    insert(this.#parts[part]!, fingerprintOf(ids, at), sequence);
    this.#counts[part]!++;
  }

  /**
   * The sequence number of an id, or undefined if the index does not have it.
   * @param at where the id begins in `ids`
   */
  find(ids: Uint8Array, at = 0): number | undefined {
    const slots = this.#parts[partOf(ids, at)]!;
    const fingerprint = fingerprintOf(ids, at);
    for (let slot = firstSlot(slots, fingerprint); slots[slot] !== EMPTY; slot = nextSlot(slots, slot)) {
      if (slots[slot] !== fingerprint) continue;
      const sequence = sequenceAt(slots, slot);
      if (equalBytes(this.#idAt(sequence), ids.subarray(at, at + HASH_BYTES))) return sequence;
    }
    return undefined;
  }

  /**
   * Reads ahead where the ids from `at` up to `end` belong. The table is far larger than the processor's caches, and
   * waiting for memory is most of finding and adding: done in a row, one id waits beside the other.
   */
  prefetch(ids: Uint8Array, at: number, end: number): void {
    for (let id = at; id < end; id += HASH_BYTES) {
      const slots = this.#parts[partOf(ids, id)]!;
      readAhead[0]! ^= slots[firstSlot(slots, fingerprintOf(ids, id))]!;
    }
  }

  #mark(mark: Mark): void {
    this.#marks.push(mark);
    const horizon = mark.timestamp - this.#retentionMs;
    const kept = this.#marks.findLastIndex(({ timestamp }) => timestamp < horizon);
    if (kept > 0) this.#marks.splice(0, kept);
  }

  /** Lays a part out anew: without what is too old, and with as many slots as the rest asks for. */
  #renew(part: number): void {
    const oldest = this.#marks[0]!.sequence;
    const old = this.#parts[part]!;
    let count = 0;
    for (let at = 0; at < old.length; at += SLOT_WORDS) {
      if (old[at] !== EMPTY && sequenceAt(old, at) >= oldest) count++;
    }
    const slots = makePart(slotsFor(count / LOAD_AFTER));
    for (let at = 0; at < old.length; at += SLOT_WORDS) {
      const sequence = sequenceAt(old, at);
      if (old[at] !== EMPTY && sequence >= oldest) insert(slots, old[at]!, sequence);
    }
    this.#parts[part] = slots;
    this.#counts[part] = count;
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
  const { size } = log.committed;
  const from = recentFrom(log);
  const index = new IdIndex(retentionMsOf(log), idAt, size - from);
  // Ids are read without their entries: one timestamp a mark says as much as the index keeps of them.
  const step = Math.max(1, Math.ceil((size - from) / MARKS));
  for (let first = from; first < size; first += step) {
    const timestamp = timestampAt(log, first);
    for (let part = first, end = Math.min(size, first + step); part < end; part += IDS_AT_ONCE) {
      const ids = log.ids(part, Math.min(end, part + IDS_AT_ONCE));
      for (let at = 0, sequence = part; at < ids.length; at += HASH_BYTES, sequence++) {
        if (fingerprintOf(ids, at) !== NO_FINGERPRINT) index.add(ids, sequence, timestamp, at);
        else index.add(idOf(log, sequence), sequence, timestamp);
      }
    }
  }
  return index;
}

/** Has what `rebuildIdIndex` reads read from the disk beside this thread: the disk takes longer than the index. */
export async function fetchRecentIds(log: Log): Promise<void> {
  await log.fetchIds(recentFrom(log), log.committed.size);
}

function retentionMsOf(log: Log): number {
  return 2 * log.genesis.maxTransactionLifetimeMs;
}

/** Where the entries begin whose ids are indexed. */
function recentFrom(log: Log): number {
  return Math.max(1, firstSince(log, log.committed.lastTimestamp - retentionMsOf(log)));
}

/** The first entry that is not older than this. Their timestamps never decrease: no more than 53 are looked at. */
function firstSince(log: Log, timestamp: number): number {
  let low = 0;
  let high = log.committed.size;
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    if (timestampAt(log, middle) < timestamp) low = middle + 1;
    else high = middle;
  }
  return low;
}

function timestampAt(log: Log, sequence: number): number {
  return decodeEntry(log.piece(sequence, sequence + 1).entries.subarray(LENGTH_BYTES))!.timestamp;
}

/** A replica that verifies heads alone stores no ids: they are computed from the entries then. */
function idOf(log: Log, sequence: number): Uint8Array {
  const id = log.idOf(sequence);
  if (sequence === 0 || !isZero(id)) return id;
  const { payload } = decodeEntry(log.entry(sequence).entry)!;
  return operationId(log.context, decodeOperation(payload));
}

/** Slots of a part that has to have this many, and a power of two. */
function slotsFor(wanted: number): number {
  return Math.max(SLOTS_MIN, 2 ** Math.ceil(Math.log2(wanted)));
}

function makePart(slots: number): Uint32Array {
  return new Uint32Array(slots * SLOT_WORDS);
}

function insert(slots: Uint32Array, fingerprint: number, sequence: number): void {
  let at = firstSlot(slots, fingerprint);
  while (slots[at] !== EMPTY) at = nextSlot(slots, at);
  slots[at] = fingerprint;
  slots[at + 1] = sequence / 2 ** 32;
  slots[at + 2] = sequence;
}

function sequenceAt(slots: Uint32Array, at: number): number {
  return slots[at + 1]! * 2 ** 32 + slots[at + 2]!;
}

/** A part has a power of two of slots; a fingerprint's low bits say where it belongs. */
function firstSlot(slots: Uint32Array, fingerprint: number): number {
  return (fingerprint & (slots.length / SLOT_WORDS - 1)) * SLOT_WORDS;
}

function nextSlot(slots: Uint32Array, at: number): number {
  const next = at + SLOT_WORDS;
  return next === slots.length ? 0 : next;
}

// Ids are keccak-256 digests: any of their bytes are a hash already.
function fingerprintOf(ids: Uint8Array, at: number): number {
  return u32At(ids, at) || NO_FINGERPRINT;
}

function partOf(ids: Uint8Array, at: number): number {
  return ((ids[at + 4]! << 8) | ids[at + 5]!) & (PARTS - 1);
}

function u32At(bytes: Uint8Array, at: number): number {
  return ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0;
}
