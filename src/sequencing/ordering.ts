/**
 * The ordering point: where a verified operation gets its sequence number and timestamp, or is refused. Role, expiry
 * and duplicates are decided here against everything ordered before, committed or not (SPEC section 1).
 */
import { SequencerError } from "../base/errors.ts";
import { BLOCK_BYTES_MAX, BLOCK_ENTRIES_MAX } from "../base/limits.ts";
import type { SignedHead } from "../log/checkpoint.ts";
import { decodeEntry, type Entry, TIMESTAMP_BYTES } from "../log/entry.ts";
import type { TreeGrowth } from "../log/growth.ts";
import type { Log } from "../log/log.ts";
import type { Permissions, RoleChange } from "../permission/policy.ts";
import type { Clock } from "./clock.ts";
import { type IdIndex, rebuildIdIndex } from "./id-index.ts";
import type { Submission } from "./outcome.ts";
import { refusalAt } from "./rules.ts";
import type { OrderableOperation } from "./transaction.ts";

/** An operation with its place, not yet published. */
export interface OrderedEntry extends Entry {
  readonly sequence: number;
  readonly id: Uint8Array;
  readonly operation: OrderableOperation;
  /** Everybody who submitted it while it was on its way. */
  readonly submissions: Submission[];
}

export class Ordering {
  readonly #log: Log;
  readonly #clock: Clock;
  readonly #onRole: (change: RoleChange) => void;
  readonly #permissions: Permissions;
  readonly #ids: IdIndex;
  /** Ordered and not yet published, in their order. */
  readonly #unpublished: OrderedEntry[] = [];
  /** How many of them are in blocks. */
  #taken = 0;
  #publishedSize: number;
  #lastTimestamp: number;

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
    this.#publishedSize = log.committed.size;
    this.#lastTimestamp = log.committed.lastTimestamp;
    this.#ids = rebuildIdIndex(log, (sequence) => this.#orderedAt(sequence)?.id ?? log.idOf(sequence));
  }

  get permissions(): Permissions {
    return this.#permissions;
  }

  /** Entries that wait for a block. */
  get queued(): number {
    return this.#unpublished.length - this.#taken;
  }

  /**
   * Answers a repeat from what is ordered already; false if this id is new here.
   * No signature is needed: the id was verified when it was ordered.
   */
  answerRepeat(submission: Submission): boolean {
    const sequence = this.#find(submission.id);
    if (sequence === undefined) return false;
    const ordered = this.#orderedAt(sequence);
    if (ordered !== undefined) {
      ordered.submissions.push(submission);
      return true;
    }
    const head = this.#log.signed;
    if (head === undefined) return false;
    const { timestamp } = decodeEntry(this.#log.entry(sequence).entry)!;
    submission.settle({ sequence, id: submission.id, timestamp, head });
    return true;
  }

  /** Where a published id stands in the log, as far back as ids are indexed. */
  sequenceOf(id: Uint8Array): number | undefined {
    const sequence = this.#find(id);
    return sequence !== undefined && sequence < this.#publishedSize ? sequence : undefined;
  }

  /** Why the operation would be refused if it were ordered at `now`; undefined if it would not be. */
  refusal(operation: OrderableOperation, now: number): SequencerError | undefined {
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
    const sequence = this.#publishedSize + this.#unpublished.length;
    this.#lastTimestamp = timestamp;
    if (operation.type === "permission") {
      this.#permissions.apply(operation);
      this.#onRole(operation);
    }
    this.#ids.add(id, sequence, timestamp);
    this.#unpublished.push({ sequence, timestamp, payload, id, operation, submissions: [submission] });
  }

  /** Takes the entries of the next block: as many as a block may hold of those that are in none. */
  takeBlock(): OrderedEntry[] {
    const first = this.#taken;
    const last = Math.min(this.#unpublished.length, first + BLOCK_ENTRIES_MAX);
    let bytes = 0;
    for (; this.#taken < last; this.#taken++) {
      bytes += TIMESTAMP_BYTES + this.#unpublished[this.#taken]!.payload.length;
      if (bytes > BLOCK_BYTES_MAX) break;
    }
    return this.#unpublished.slice(first, this.#taken);
  }

  /** Answers everybody who waited for these entries, the oldest ones, which are published under this head. */
  published(
    entries: readonly OrderedEntry[],
    { head, growth }: { head: SignedHead; growth: TreeGrowth },
  ): void {
    this.#unpublished.splice(0, entries.length);
    this.#taken -= entries.length;
    this.#publishedSize += entries.length;
    for (const { sequence, timestamp, id, submissions } of entries) {
      for (const submission of submissions) submission.settle({ sequence, id, timestamp, head, growth });
    }
  }

  /** Where an id stands in the order, as far back as ids are indexed. */
  #find(id: Uint8Array): number | undefined {
    return this.#ids.find(id) ?? this.#log.sequenceOf(id);
  }

  /** The entry of this sequence number, unless it is published. */
  #orderedAt(sequence: number): OrderedEntry | undefined {
    return this.#unpublished[sequence - this.#publishedSize];
  }
}
