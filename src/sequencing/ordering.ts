/**
 * The ordering point: where a verified operation gets its sequence number and timestamp, or is refused. Role, expiry
 * and duplicates are decided here against everything ordered before, committed or not (SPEC section 1).
 */
import { SequencerError } from "../base/errors.ts";
import { hashKey } from "../base/hash.ts";
import { BLOCK_BYTES_MAX, BLOCK_ENTRIES_MAX } from "../base/limits.ts";
import { decodeEntry, encodeEntry } from "../log/entry.ts";
import type { Log } from "../log/log.ts";
import type { Permissions } from "../permission/policy.ts";
import type { Clock } from "./clock.ts";
import { IdIndex } from "./id-index.ts";
import type { Appended, Submission } from "./outcome.ts";
import { refusalAt } from "./rules.ts";
import type { Operation } from "./transaction.ts";

/** An operation with its place, not yet published. */
export interface OrderedEntry {
  readonly sequence: number;
  readonly timestamp: number;
  readonly entry: Uint8Array;
  readonly id: Uint8Array;
  readonly operation: Operation;
  /** Everybody who submitted it while it was on its way. */
  readonly submissions: Submission[];
}

export class Ordering {
  readonly #log: Log;
  readonly #clock: Clock;
  readonly #permissions: Permissions;
  readonly #ids: IdIndex;
  /** Ordered and not yet published, by id. */
  readonly #pending = new Map<string, OrderedEntry>();
  /** Ordered and not yet taken into a block. */
  #queue: OrderedEntry[] = [];
  #nextSequence: number;
  #lastTimestamp: number;

  /** @param permissions the roles after every committed entry; they become the ordering point's own */
  constructor(log: Log, permissions: Permissions, clock: Clock) {
    this.#log = log;
    this.#clock = clock;
    this.#permissions = permissions;
    this.#nextSequence = log.committed.size;
    this.#lastTimestamp = log.committed.lastTimestamp;
    this.#ids = rebuildIdIndex(log);
  }

  get permissions(): Permissions {
    return this.#permissions;
  }

  /** Entries that wait for a block. */
  get queued(): number {
    return this.#queue.length;
  }

  /**
   * Answers a repeat from what is ordered already; false if this id is new here.
   * No signature is needed: the id was verified when it was ordered.
   */
  answerRepeat(submission: Submission): boolean {
    const pending = this.#pending.get(hashKey(submission.id));
    if (pending !== undefined) {
      pending.submissions.push(submission);
      return true;
    }
    const sequence = this.sequenceOf(submission.id);
    const head = this.#log.signed;
    if (sequence === undefined || head === undefined) return false;
    const { timestamp } = decodeEntry(this.#log.entry(sequence).entry)!;
    submission.settle({ sequence, id: submission.id, timestamp, head });
    return true;
  }

  /** Where a published id stands in the log, as far back as ids are indexed. */
  sequenceOf(id: Uint8Array): number | undefined {
    return this.#ids.find(id) ?? this.#log.sequenceOf(id);
  }

  /** Why the operation would be refused if it were ordered at `now`; undefined if it would not be. */
  refusal(operation: Operation, now: number): SequencerError | undefined {
    const timestamp = Math.max(this.#lastTimestamp, now);
    return refusalAt(timestamp, operation, this.#log.genesis.maxTransactionLifetimeMs, this.#permissions);
  }

  /** Orders a verified submission, or settles it: as a repeat, or as refused. */
  order(submission: Submission): void {
    if (this.answerRepeat(submission)) return;
    const { operation, payload, id } = submission;
    const now = this.#clock.now();
    if (now === undefined) {
      submission.settle(
        new SequencerError("unavailable", "the node's clock jumped", { data: { reason: "clock-jump" } }),
      );
      return;
    }
    const refusal = this.refusal(operation, now);
    if (refusal !== undefined) {
      submission.settle(refusal);
      return;
    }
    const timestamp = Math.max(this.#lastTimestamp, now);
    const entry = encodeEntry({ timestamp, payload });
    const ordered = {
      sequence: this.#nextSequence,
      timestamp,
      entry,
      id,
      operation,
      submissions: [submission],
    };
    this.#nextSequence++;
    this.#lastTimestamp = timestamp;
    if (operation.type === "permission") this.#permissions.apply(operation);
    this.#pending.set(hashKey(id), ordered);
    this.#queue.push(ordered);
  }

  /** Takes the entries of the next block off the queue: as many as a block may hold. */
  takeBlock(): OrderedEntry[] {
    let bytes = 0;
    let count = 0;
    for (const { entry } of this.#queue) {
      bytes += entry.length;
      if (bytes > BLOCK_BYTES_MAX || count === BLOCK_ENTRIES_MAX) break;
      count++;
    }
    if (count === this.#queue.length) {
      const all = this.#queue;
      this.#queue = [];
      return all;
    }
    return this.#queue.splice(0, count);
  }

  /** Answers everybody who waited for these entries, which are published under the outcome's head. */
  published(entries: readonly OrderedEntry[], under: Pick<Appended, "head" | "growth">): void {
    for (const { sequence, timestamp, id, submissions } of entries) {
      this.#pending.delete(hashKey(id));
      this.#ids.add(id, sequence, timestamp);
      for (const submission of submissions) submission.settle({ sequence, id, timestamp, ...under });
    }
  }
}

/** Repeats are answered for twice the lifetime (SPEC section 1): read that much of the log's tail back. */
function rebuildIdIndex(log: Log): IdIndex {
  const retentionMs = 2 * log.genesis.maxTransactionLifetimeMs;
  const index = new IdIndex(retentionMs, (sequence) => log.idOf(sequence));
  const horizon = log.committed.lastTimestamp - retentionMs;
  let from = log.committed.size;
  for (const { first, timestamp } of log.blocksFromTail()) {
    from = first;
    if (timestamp < horizon) break;
  }
  // Each by its own timestamp: a block spans time when the commit before it was slow.
  for (const { sequence, entry, id } of log.entries(Math.max(1, from), log.committed.size)) {
    index.add(id, sequence, decodeEntry(entry)!.timestamp);
  }
  return index;
}
