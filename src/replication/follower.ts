/**
 * The writer of a replica: takes verified stretches of the log, live or from catching up, and appends each to the
 * store after it has checked the entries. One commit at a time, in the log's order; live blocks that queue up behind a
 * commit share the next one. A stretch that contradicts the log is never stored.
 */
import { concatBytes, equalBytes, toHexDigits } from "../base/bytes.ts";
import { SequencerError } from "../base/errors.ts";
import { HASH_BYTES } from "../base/hash.ts";
import { BLOCK_BYTES_MAX, BLOCK_ENTRIES_MAX } from "../base/limits.ts";
import type { Head, SignedHead } from "../log/checkpoint.ts";
import type { TreeEdge, TreeGrowth } from "../log/growth.ts";
import type { Log, SealedBlock } from "../log/log.ts";
import { hashPackedLeaves } from "../log/merkle.ts";
import { blocksOf, type EntryRun, entryBytes, skipPacked } from "../log/packed-entries.ts";
import type { StoredRole } from "../log/store.ts";
import { sameHashes } from "./block-messages.ts";
import type { CheckedEntries, EntryChecker } from "./entry-checker.ts";

/** Consecutive entries, well formed, and the tree that they end in. */
export interface Stretch extends EntryRun {
  /** A signed head that the entries end at, if they do: it is published with them. */
  readonly head?: SignedHead;
  /** The leaf hash of each entry, packed, where they were computed to verify it. */
  readonly leaves?: Uint8Array;
  /** The root of the stretch's tree at any size within it; without it, only the head says where the stretch belongs. */
  readonly rootAt?: (size: number) => Promise<Uint8Array>;
  /** The tree that grew by exactly these entries to the head, where that was verified already. */
  readonly growth?: TreeGrowth;
}

/** A verified block. */
type LiveStretch = Stretch & Required<Pick<Stretch, "head" | "growth">>;

/** What was handed over and has not had its turn. */
interface Waiting<T extends Stretch = Stretch> {
  readonly stretch: T;
  readonly resolve: () => void;
  readonly reject: (reason: unknown) => void;
}

export class Follower {
  readonly #log: Log;
  readonly #checker: EntryChecker;
  readonly #onStored: (block: SealedBlock) => void;
  /** Its bytes are the caller's to bound. */
  readonly #queue: Waiting[] = [];
  #writing: Promise<void> | undefined;
  #halted: unknown;
  /** What is stored and not published yet: the last block, with the roles that it and those before it set. */
  #unpublished: SealedBlock | undefined;

  /** @param onStored told of every block once it is durable, published or not */
  constructor(log: Log, checker: EntryChecker, onStored: (block: SealedBlock) => void) {
    this.#log = log;
    this.#checker = checker;
    this.#onStored = onStored;
  }

  /** Why the log is not followed any further; undefined while it is. */
  get halted(): unknown {
    return this.#halted;
  }

  /** Stops following for good: a contradiction, or an entry that is not valid. */
  halt(reason: unknown): void {
    this.#halted ??= reason;
  }

  /**
   * Appends what of the stretch is new. Entries that the log has already must be the same.
   * @throws SequencerError `equivocation` if they are not, `verification` if an entry is not valid
   */
  extend(stretch: Stretch): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#queue.push({ stretch, resolve, reject });
      this.#writing ??= Promise.resolve().then(() => this.#write());
    });
  }

  /** Publishes a head whose entries are all stored. */
  publish(head: SignedHead): Promise<void> {
    return this.extend({ first: head.size, count: 0, entries: new Uint8Array(0), head });
  }

  /** Resolves once everything that was handed over is stored or refused. */
  async idle(): Promise<void> {
    await this.#writing;
  }

  async #write(): Promise<void> {
    while (this.#queue.length > 0) {
      const live = this.#takeLive();
      const group = live.length > 0 ? live : this.#queue.splice(0, 1);
      try {
        if (this.#halted !== undefined) throw this.#halted;
        const stored = live.length > 0 ? await this.#append(live) : await this.#extend(group[0]!);
        for (const { resolve } of group.splice(0, stored)) resolve();
        // What was not stored has its turn again, and is told why not.
        this.#queue.unshift(...group);
      } catch (error) {
        for (const { reject } of group) reject(error);
      }
    }
    this.#writing = undefined;
  }

  /** The blocks at the head of the queue that continue the log, as many as fit into one. */
  #takeLive(): Waiting<LiveStretch>[] {
    const taken: Waiting<LiveStretch>[] = [];
    let tree: TreeEdge = { size: this.#log.committed.size, frontier: this.#log.frontier };
    let count = 0;
    let bytes = 0;
    for (let next = this.#queue[0]; next !== undefined; next = this.#queue[0]) {
      if (!isLive(next) || !continues(next.stretch.growth, tree)) break;
      count += next.stretch.count;
      bytes += entryBytes(next.stretch);
      if (taken.length > 0 && (count > BLOCK_ENTRIES_MAX || bytes > BLOCK_BYTES_MAX)) break;
      taken.push(next);
      tree = next.stretch.growth;
      this.#queue.shift();
    }
    return taken;
  }

  /** Stores verified blocks, each the next one's beginning, as one. @returns how many, up to the first invalid one */
  async #append(live: readonly Waiting<LiveStretch>[]): Promise<number> {
    const checked: CheckedEntries[] = [];
    try {
      for (const { stretch } of live) checked.push(await this.#checker.check(stretch));
    } catch (error) {
      this.halt(error);
      if (checked.length === 0) throw error;
    }
    const valid = live.slice(0, checked.length).map(({ stretch }) => stretch);
    const { head, growth } = valid.at(-1)!;
    if (valid.length === 1) {
      await this.#store(growth, valid[0]!.entries, checked[0]!, head);
    } else {
      const hashes = concatBytes(...valid.map((one) => one.growth.newNodes(0)));
      const entries = concatBytes(...valid.map((one) => one.entries));
      await this.#store(this.#log.grow(hashes), entries, joined(checked), head);
    }
    return valid.length;
  }

  async #extend({ stretch }: Waiting): Promise<number> {
    const { first, count, entries, head, rootAt, leaves } = stretch;
    const { size, root } = this.#log.committed;
    if (first > size)
      throw new SequencerError("internal", `a gap: entries from ${first} on a log of ${size}`);
    if (head !== undefined && head.size <= size) {
      this.#confirm(head);
      return 1;
    }
    const known = Math.min(count, size - first);
    const fresh = {
      first: size,
      count: count - known,
      entries: entries.subarray(skipPacked(entries, 0, known)),
    };
    try {
      // Live blocks may have been stored since the stretch was asked for, and they may be of another history.
      if (fresh.count > 0 && rootAt !== undefined && !equalBytes(await rootAt(size), root))
        throw contradiction(size, this.#log.committed);
      for (const block of blocksOf(fresh)) {
        const start = (block.first - first) * HASH_BYTES;
        const hashes = leaves?.subarray(start, start + block.count * HASH_BYTES);
        const growth = this.#log.grow(hashes ?? hashPackedLeaves(block.entries, block.count));
        const isLast = growth.size === head?.size;
        if (isLast && !equalBytes(growth.root, head.root)) throw contradiction(head.size, growth);
        await this.#store(growth, block.entries, await this.#checker.check(block), isLast ? head : undefined);
      }
    } catch (error) {
      if (!(error instanceof SequencerError) || error.code !== "network") this.halt(error);
      throw error;
    }
    return 1;
  }

  /** @param head the signed head of exactly this tree, if there is one */
  async #store(
    growth: TreeGrowth,
    entries: Uint8Array,
    checked: CheckedEntries,
    head: SignedHead | undefined,
  ): Promise<void> {
    const sealed: SealedBlock = { growth, entries, ...checked };
    try {
      await this.#log.commit(sealed, head?.note);
    } catch (error) {
      this.halt(error);
      throw error;
    }
    this.#onStored(sealed);
    const roles = newestRoles([...(this.#unpublished?.roles ?? []), ...sealed.roles]);
    this.#unpublished = { ...sealed, roles };
    if (head !== undefined) this.#publish(head);
  }

  /** A head whose entries are all stored: it must be of this log, and is published if it is the newest. */
  #confirm(head: SignedHead): void {
    if (!this.#log.holds(head)) throw contradiction(head.size, this.#log.committed);
    if (head.size === this.#log.committed.size && head.size > (this.#log.signed?.size ?? 0))
      this.#publish(head);
  }

  #publish(head: SignedHead): void {
    const block = this.#unpublished;
    this.#unpublished = undefined;
    if (block === undefined) this.#log.restore(head);
    else this.#log.publish(head, block);
  }
}

function isLive(waiting: Waiting): waiting is Waiting<LiveStretch> {
  return waiting.stretch.head !== undefined && waiting.stretch.growth !== undefined;
}

/** True if the growth began with exactly this tree: its root is then that of a tree that extends it. */
function continues(growth: TreeGrowth, { size, frontier }: TreeEdge): boolean {
  return growth.first === size && sameHashes(growth.frontierBefore, frontier);
}

/** What was checked of consecutive blocks, as of one. */
function joined(checked: readonly CheckedEntries[]): CheckedEntries {
  return {
    ids: concatBytes(...checked.map(({ ids }) => ids)),
    roles: newestRoles(checked.flatMap(({ roles }) => roles)),
    lastTimestamp: checked.at(-1)!.lastTimestamp,
  };
}

/** The last role of each account. */
function newestRoles(roles: readonly StoredRole[]): StoredRole[] {
  return [...new Map(roles.map((role) => [toHexDigits(role.account), role])).values()];
}

/** A head that the operator signed, and a tree that it does not fit. */
function contradiction(size: number, own: Head): SequencerError {
  return new SequencerError(
    "equivocation",
    `the signed head of size ${size} contradicts the log that was stored`,
    {
      data: { size: own.size },
      hint: "The evidence is kept; do not trust this log any further",
    },
  );
}
