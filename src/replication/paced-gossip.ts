/**
 * The primary's pace: a block that comes alone leaves at once; those that follow within GOSSIP_PACE_MS and more are
 * gathered and leave as one, under the newest head, for what a block costs every replica whatever is in it. Where blocks
 * end means nothing (SPEC section 4), so nothing is lost by it. Holds one full block at most.
 */
import { BLOCK_BYTES_MAX, BLOCK_ENTRIES_MAX, GOSSIP_PACE_FULL_MS, GOSSIP_PACE_MS } from "../base/limits.ts";
import type { SignedHead } from "../log/checkpoint.ts";
import type { SealedBlock } from "../log/log.ts";
import { entryBytes } from "../log/packed-entries.ts";
import { blockMessage } from "./gossip.ts";

/** Calls back after so many milliseconds; returns what prevents it. */
export type Timer = (callback: () => void, ms: number) => () => void;

const after: Timer = (callback, ms) => {
  const timer = setTimeout(callback, ms);
  return () => clearTimeout(timer);
};

export class PacedGossip {
  readonly #send: (message: Uint8Array, head: SignedHead) => void;
  readonly #after: Timer;
  /** Consecutive blocks that have not left, and the head that the last one ends at. */
  #gathered: SealedBlock[] = [];
  #head: SignedHead | undefined;
  #count = 0;
  #bytes = 0;
  /** Ends the pause behind the last block that left; undefined where it is over. */
  #endPause: (() => void) | undefined;

  constructor(send: (message: Uint8Array, head: SignedHead) => void, timer: Timer = after) {
    this.#send = send;
    this.#after = timer;
  }

  /** Takes the block that follows the last one, and its signed head. */
  add(head: SignedHead, block: SealedBlock): void {
    const { first, size } = block.growth;
    const count = size - first;
    const bytes = entryBytes({ first, count, entries: block.entries });
    const isFull = this.#count + count > BLOCK_ENTRIES_MAX || this.#bytes + bytes > BLOCK_BYTES_MAX;
    if (isFull) this.#leave();
    this.#gathered.push(block);
    this.#head = head;
    this.#count += count;
    this.#bytes += bytes;
    if (this.#endPause === undefined) this.#leave();
  }

  /** Lets go what is gathered. */
  stop(): void {
    this.#leave();
    this.#endPause?.();
    this.#endPause = undefined;
  }

  #leave(): void {
    const [gathered, head] = [this.#gathered, this.#head];
    if (gathered.length === 0 || head === undefined) return;
    const paceMs = GOSSIP_PACE_MS + GOSSIP_PACE_FULL_MS * (this.#bytes / BLOCK_BYTES_MAX);
    this.#gathered = [];
    this.#count = 0;
    this.#bytes = 0;
    this.#endPause?.();
    this.#endPause = this.#after(() => {
      this.#endPause = undefined;
      this.#leave();
    }, paceMs);
    this.#send(blockMessage(head, gathered), head);
  }
}
