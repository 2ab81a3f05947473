/**
 * The ordering point: where a verified operation gets its sequence number and timestamp, or is refused. Role, expiry
 * and duplicates are decided here against everything ordered before, committed or not (SPEC section 1).
 */
import { ADDRESS_BYTES } from "../base/eip712.ts";
import { SequencerError } from "../base/errors.ts";
import { HASH_BYTES } from "../base/hash.ts";
import { BLOCK_BYTES_MAX, BLOCK_ENTRIES_MAX } from "../base/limits.ts";
import type { SignedHead } from "../log/checkpoint.ts";
import { decodeEntry, TIMESTAMP_BYTES } from "../log/entry.ts";
import type { TreeGrowth } from "../log/growth.ts";
import type { Log } from "../log/log.ts";
import type { Permissions, RoleChange } from "../permission/policy.ts";
import type { Clock } from "./clock.ts";
import { type IdIndex, rebuildIdIndex } from "./id-index.ts";
import type { Outcome } from "./outcome.ts";
import { expiryRefusal, refusalAt, writerRefusal } from "./rules.ts";
import type { Submissions } from "./submissions.ts";
import type { OrderableOperation, OrderablePermissionChange } from "./transaction.ts";

/**
 * Neighbours in a request that were ordered in one go: their sequence numbers follow each other, and they have one
 * timestamp. They are ordered, packed and answered together. A permission change is a run of its own.
 */
export interface OrderedRun {
  readonly submissions: Submissions;
  /** The places [from, to) of the request. */
  readonly from: number;
  readonly to: number;
  /** Of the first one. */
  readonly sequence: number;
  /** Unix milliseconds. */
  readonly timestamp: number;
  /** The role that it sets. */
  readonly change: RoleChange | undefined;
}

/** Ids of a request that are looked up at a time: their slots fit the processor's first cache. */
const IDS_AHEAD = 64;

type Settle = (outcome: Outcome) => void;

export class Ordering {
  readonly #log: Log;
  readonly #clock: Clock;
  readonly #onRole: (change: RoleChange) => void;
  readonly #permissions: Permissions;
  readonly #ids: IdIndex;
  /** Ordered and not yet published, in their order; the last one may still grow. */
  readonly #runs: { -readonly [Field in keyof OrderedRun]: OrderedRun[Field] }[] = [];
  /** How many of them are in blocks. */
  #taken = 0;
  /** Entries that wait for a block, and their bytes. */
  #queued = 0;
  #queuedBytes = 0;
  #nextSequence: number;
  #publishedSize: number;
  #lastTimestamp: number;
  /** Who submitted an entry again while it was on its way, by its sequence number. */
  readonly #repeats = new Map<number, Settle[]>();

  /**
   * @param permissions the roles after every committed entry; they become the ordering point's own
   * @param onRole told of every role that changes at the ordering point
   */
  constructor(
    log: Log,
    permissions: Permissions,
    clock: Clock,
    onRole: (change: RoleChange) => void = () => undefined,
  ) {
    this.#log = log;
    this.#clock = clock;
    this.#onRole = onRole;
    this.#permissions = permissions;
    this.#nextSequence = log.committed.size;
    this.#publishedSize = log.committed.size;
    this.#lastTimestamp = log.committed.lastTimestamp;
    this.#ids = rebuildIdIndex(log, (sequence) => this.#unpublishedId(sequence) ?? log.idOf(sequence));
  }

  get permissions(): Permissions {
    return this.#permissions;
  }

  /** Entries that wait for a block. */
  get queued(): number {
    return this.#queued;
  }

  /** True if as much waits as a block may hold. */
  get hasFullBlock(): boolean {
    return this.#queued >= BLOCK_ENTRIES_MAX || this.#queuedBytes >= BLOCK_BYTES_MAX;
  }

  /**
   * Answers a repeat from what is ordered already; false if this id is new here.
   * No signature is needed: the id was verified when it was ordered.
   */
  answerRepeat(id: Uint8Array, settle: Settle): boolean {
    const sequence = this.#find(id, 0);
    if (sequence === undefined) return false;
    if (sequence >= this.#publishedSize) {
      const others = this.#repeats.get(sequence);
      if (others === undefined) this.#repeats.set(sequence, [settle]);
      else others.push(settle);
      return true;
    }
    const head = this.#log.signed;
    if (head === undefined) return false;
    const { timestamp } = decodeEntry(this.#log.entry(sequence).entry)!;
    settle({ sequence, id, timestamp, head });
    return true;
  }

  /** Where a published id stands in the log, as far back as ids are indexed. */
  sequenceOf(id: Uint8Array): number | undefined {
    const sequence = this.#find(id, 0);
    return sequence !== undefined && sequence < this.#publishedSize ? sequence : undefined;
  }

  /** Why the operation would be refused if it were ordered at `now`; undefined if it would not be. */
  refusal(operation: OrderableOperation, now: number): SequencerError | undefined {
    return refusalAt(this.#timestampAt(now), operation, this.#lifetimeMs, this.#permissions);
  }

  /** Orders a verified submission of a request, or settles it: as a repeat, or as refused. */
  order(submissions: Submissions, i: number): void {
    const { batch, changes } = submissions;
    if (i % IDS_AHEAD === 0) {
      const end = Math.min(i + IDS_AHEAD, batch.count);
      this.#ids.prefetch(batch.ids, i * HASH_BYTES, end * HASH_BYTES);
    }
    const isKnown = this.#find(batch.ids, i * HASH_BYTES) !== undefined;
    if (isKnown && this.#answerRepeatAt(submissions, i)) return;
    const now = this.#clock.now();
    if (now === undefined) {
      const data = { reason: "clock-jump" };
      submissions.settle(i, new SequencerError("unavailable", "the node's clock jumped", { data }));
      return;
    }
    const change = changes?.get(i);
    const refusal =
      change === undefined ? this.#transactionRefusal(submissions, i, now) : this.refusal(change, now);
    if (refusal !== undefined) {
      submissions.settle(i, refusal);
      return;
    }
    this.#append(submissions, i, this.#timestampAt(now), change);
  }

  /** Takes the entries of the next block: as many as a block may hold of those that are in none. */
  takeBlock(): OrderedRun[] {
    const first = this.#taken;
    let entries = BLOCK_ENTRIES_MAX;
    let bytes = BLOCK_BYTES_MAX;
    for (; this.#taken < this.#runs.length; this.#taken++) {
      const run = this.#runs[this.#taken]!;
      const count = fitting(run, entries, bytes);
      if (count === 0) break;
      if (count < run.to - run.from) this.#runs.splice(this.#taken, 1, ...split(run, count));
      entries -= count;
      bytes -= entryBytes(run, count);
    }
    this.#queued -= BLOCK_ENTRIES_MAX - entries;
    this.#queuedBytes -= BLOCK_BYTES_MAX - bytes;
    return this.#runs.slice(first, this.#taken);
  }

  /** Answers everybody who waited for these runs, the oldest ones, which are published under this head. */
  published(runs: readonly OrderedRun[], { head, growth }: { head: SignedHead; growth: TreeGrowth }): void {
    this.#runs.splice(0, runs.length);
    this.#taken -= runs.length;
    this.#publishedSize = growth.size;
    for (const { submissions, from, to, sequence: first, timestamp } of runs) {
      for (let i = from; i < to; i++) {
        const sequence = first + i - from;
        const outcome: Outcome = { sequence, id: submissions.batch.id(i), timestamp, head, growth };
        submissions.settle(i, outcome);
        if (this.#repeats.size > 0) this.#settleRepeats(sequence, outcome);
      }
    }
  }

  get #lifetimeMs(): number {
    return this.#log.genesis.maxTransactionLifetimeMs;
  }

  /** Timestamps never decrease. */
  #timestampAt(now: number): number {
    return Math.max(this.#lastTimestamp, now);
  }

  /** `refusal` of a transaction, without making anything of it: nearly everything that is ordered is one, and valid. */
  #transactionRefusal({ batch }: Submissions, i: number, now: number): SequencerError | undefined {
    return (
      expiryRefusal(this.#timestampAt(now), batch.expires(i), this.#lifetimeMs) ??
      writerRefusal(this.#permissions, batch.senders, i * ADDRESS_BYTES)
    );
  }

  #append(
    submissions: Submissions,
    i: number,
    timestamp: number,
    change: OrderablePermissionChange | undefined,
  ): void {
    const { batch } = submissions;
    if (change !== undefined) {
      this.#permissions.apply(change);
      this.#onRole(change);
    }
    const sequence = this.#nextSequence++;
    this.#lastTimestamp = timestamp;
    this.#queued++;
    this.#queuedBytes += TIMESTAMP_BYTES + batch.payloadBytes(i, i + 1);
    this.#ids.add(batch.ids, sequence, timestamp, i * HASH_BYTES);
    const last = this.#runs.length > this.#taken ? this.#runs[this.#runs.length - 1]! : undefined;
    const isNext = last?.submissions === submissions && last.to === i && last.timestamp === timestamp;
    if (isNext && last.change === undefined && change === undefined) last.to++;
    else this.#runs.push({ submissions, from: i, to: i + 1, sequence, timestamp, change });
  }

  /** Where an id stands in the order, as far back as ids are indexed. */
  #find(ids: Uint8Array, at: number): number | undefined {
    const sequence = this.#ids.find(ids, at);
    if (sequence !== undefined || !this.#log.indexesIds) return sequence;
    return this.#log.sequenceOf(ids.subarray(at, at + HASH_BYTES));
  }

  #answerRepeatAt(submissions: Submissions, i: number): boolean {
    return this.answerRepeat(submissions.batch.id(i), (outcome) => submissions.settle(i, outcome));
  }

  #settleRepeats(sequence: number, outcome: Outcome): void {
    for (const settle of this.#repeats.get(sequence) ?? []) settle(outcome);
    this.#repeats.delete(sequence);
  }

  #unpublishedId(sequence: number): Uint8Array | undefined {
    if (sequence < this.#publishedSize) return undefined;
    const { submissions, from, sequence: first } = runOf(this.#runs, sequence);
    return submissions.batch.id(from + sequence - first);
  }
}

/** The run that holds a sequence number. */
function runOf(runs: readonly OrderedRun[], sequence: number): OrderedRun {
  let low = 0;
  let high = runs.length - 1;
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (runs[middle]!.sequence <= sequence) low = middle;
    else high = middle - 1;
  }
  return runs[low]!;
}

/** How many of a run's first entries fit into that much room. */
function fitting(run: OrderedRun, entries: number, bytes: number): number {
  let count = Math.min(run.to - run.from, entries);
  while (count > 0 && entryBytes(run, count) > bytes) count--;
  return count;
}

/** Bytes of a run's first entries, as the bound of a block counts them. */
function entryBytes({ submissions: { batch }, from }: OrderedRun, count: number): number {
  return batch.payloadBytes(from, from + count) + count * TIMESTAMP_BYTES;
}

function split(run: OrderedRun, count: number): [OrderedRun, OrderedRun] {
  const middle = run.from + count;
  return [
    { ...run, to: middle },
    { ...run, from: middle, sequence: run.sequence + count },
  ];
}
