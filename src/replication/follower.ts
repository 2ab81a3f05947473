/**
 * The writer of a replica: takes verified stretches of the log, live or from catching up, and appends each to the
 * store after it has checked the entries. One at a time, in the log's order; a stretch that contradicts the log is
 * never stored.
 */
import { equalBytes, toHexDigits } from "../base/bytes.ts";
import { SequencerError } from "../base/errors.ts";
import { BLOCK_BYTES_MAX, BLOCK_ENTRIES_MAX } from "../base/limits.ts";
import type { Head, SignedHead } from "../log/checkpoint.ts";
import type { Log, SealedBlock } from "../log/log.ts";
import { leafHashes } from "../log/merkle.ts";
import { packEntries } from "../log/packed-entries.ts";
import type { StoredRole } from "../log/store.ts";
import type { EntryChecker } from "./entry-checker.ts";

/** Consecutive entries, and the tree that they end in. */
export interface Stretch {
  readonly first: number;
  readonly entries: readonly Uint8Array[];
  /** A signed head that the entries end at, if they do: it is published with them. */
  readonly head?: SignedHead;
  /** The root of the stretch's tree at any size within it; without it, only the head says where the stretch belongs. */
  readonly rootAt?: (size: number) => Promise<Uint8Array>;
}

export class Follower {
  readonly #log: Log;
  readonly #checker: EntryChecker;
  readonly #onStored: (block: SealedBlock) => void;
  #queue: Promise<unknown> = Promise.resolve();
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
    const done = this.#queue.then(() => this.#extend(stretch));
    this.#queue = done.catch(() => undefined);
    return done;
  }

  /** Resolves once everything that was handed over is stored or refused. */
  async idle(): Promise<void> {
    await this.#queue;
  }

  /** Publishes a head whose entries are all stored. */
  publish(head: SignedHead): Promise<void> {
    return this.extend({ first: head.size, entries: [], head });
  }

  async #extend({ first, entries, head, rootAt }: Stretch): Promise<void> {
    if (this.#halted !== undefined) throw this.#halted;
    const { size, root } = this.#log.committed;
    if (first > size)
      throw new SequencerError("internal", `a gap: entries from ${first} on a log of ${size}`);
    const fresh = entries.slice(size - first);
    if (head !== undefined && head.size <= size) return this.#confirm(head);
    try {
      // Live blocks may have been stored since the stretch was asked for, and they may be of another history.
      if (fresh.length > 0 && rootAt !== undefined && !equalBytes(await rootAt(size), root)) {
        throw contradiction(size, this.#log.committed);
      }
      for (const piece of blocksOf(fresh)) await this.#store(piece, head);
    } catch (error) {
      if (!(error instanceof SequencerError) || error.code !== "network") this.halt(error);
      throw error;
    }
  }

  async #store(entries: readonly Uint8Array[], head: SignedHead | undefined): Promise<void> {
    const growth = this.#log.grow(leafHashes(entries));
    const isLast = growth.size === head?.size;
    if (isLast && !equalBytes(growth.root, head.root)) throw contradiction(head.size, growth);
    const checked = await this.#checker.check(growth.first, entries);
    const sealed: SealedBlock = { growth, entries: packEntries(entries), ...checked };
    await this.#log.commit(sealed, isLast ? head.note : undefined);
    this.#onStored(sealed);
    const roles = newestRoles([...(this.#unpublished?.roles ?? []), ...sealed.roles]);
    this.#unpublished = { ...sealed, roles };
    if (isLast) this.#publish(head);
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

/** Entries in pieces of at most one block. */
function* blocksOf(entries: readonly Uint8Array[]): Iterable<Uint8Array[]> {
  let block: Uint8Array[] = [];
  let bytes = 0;
  for (const entry of entries) {
    if (block.length === BLOCK_ENTRIES_MAX || bytes + entry.length > BLOCK_BYTES_MAX) {
      yield block;
      block = [];
      bytes = 0;
    }
    block.push(entry);
    bytes += entry.length;
  }
  if (block.length > 0) yield block;
}
