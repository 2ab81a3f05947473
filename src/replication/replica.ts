/**
 * A replica's heart: judges what gossip brings, hands live blocks to the writer, and closes gaps by range while live
 * blocks wait, bounded. What contradicts the log goes to the watchtower and stops the replica.
 */

import { equalBytes } from "../base/bytes.ts";
import { SequencerError } from "../base/errors.ts";
import { HEAD_POLL_MS, LIVE_BLOCKS_BYTES_MAX, LIVE_BLOCKS_MAX, SYNC_PEERS_MAX } from "../base/limits.ts";
import type { SignedHead } from "../log/checkpoint.ts";
import type { Log } from "../log/log.ts";
import { unpackEntries } from "../log/packed-entries.ts";
import { isEvidence, openBlock, type VerifiedBlock } from "./block-messages.ts";
import { catchUp } from "./catch-up.ts";
import type { Verdict } from "./episub/state.ts";
import type { Follower } from "./follower.ts";
import type { SyncPeer } from "./panel.ts";

export interface ReplicaOptions {
  readonly log: Log;
  readonly follower: Follower;
  readonly peers: () => readonly SyncPeer[];
  /** Told how far the log is stored, and how far it is known to reach. */
  readonly onProgress: (stored: number, target: number) => void;
  /** A head that the operator signed and that contradicts the log. */
  readonly onConflict: (head: SignedHead) => void;
  /** Judges evidence that a peer floods. */
  readonly onEvidence: (payload: Uint8Array) => Verdict;
  /** Addresses of the primary, as peers tell them. */
  readonly onPrimary: (multiaddrs: readonly string[]) => void;
  readonly onError: (error: unknown) => void;
}

export class Replica {
  readonly #options: ReplicaOptions;
  /** Accepted blocks that wait for the gap before them, by their first entry. */
  readonly #waiting = new Map<number, VerifiedBlock>();
  #waitingBytes = 0;
  /** Blocks that were judged and are about to be delivered, by their bytes. */
  readonly #judged = new WeakMap<Uint8Array, VerifiedBlock>();
  /** How far the log reaches once the writer is done with what it was given. */
  #reach: number;
  #wake: (() => void) | undefined;
  #gap = true;
  readonly #stopping = new AbortController();
  readonly #done: Promise<void>;

  constructor(options: ReplicaOptions) {
    this.#options = options;
    this.#reach = options.log.committed.size;
    this.#done = this.#run();
  }

  /** Judges a payload before it is passed on: signatures, then the root over frontier and entries. */
  judge(payload: Uint8Array): Verdict {
    const { log, onEvidence } = this.#options;
    if (isEvidence(payload)) return onEvidence(payload);
    const verified = openBlock(payload, log.checkpoints);
    if (verified === undefined) return "reject";
    if (this.#contradicts(verified)) return "ignore";
    this.#judged.set(payload, verified);
    return "accept";
  }

  /** Takes a payload that was judged "accept". */
  deliver(payload: Uint8Array): void {
    const verified = this.#judged.get(payload);
    if (verified === undefined || this.#options.follower.halted !== undefined) return;
    if (verified.block.first <= this.#reach) this.#append(verified);
    else this.#hold(verified, payload.length);
  }

  /** Looks at the peers' heads soon: something is missing. */
  catchUp(): void {
    this.#gap = true;
    this.#wake?.();
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#wake?.();
    await this.#done;
    await this.#options.follower.idle();
  }

  #contradicts({ head, block, growth }: VerifiedBlock): boolean {
    const { log, onConflict } = this.#options;
    const { size } = log.committed;
    const isOld = head.size <= size && !log.holds(head);
    const isOther = block.first === size && !sameHashes(growth.frontierBefore, log.frontierAt(size));
    if (isOld || isOther) onConflict(head);
    return isOld || isOther;
  }

  #append({ block, head }: VerifiedBlock): void {
    if (head.size <= this.#reach) return;
    this.#reach = head.size;
    const entries = unpackEntries(block.entries, block.count)!;
    this.#options.follower
      .extend({ first: block.first, entries, head })
      .catch((error) => this.#failed(error, head));
  }

  #hold(verified: VerifiedBlock, bytes: number): void {
    // What finds no room here is not lost: it lies in the gap that catching up closes.
    if (this.#waiting.size < LIVE_BLOCKS_MAX && this.#waitingBytes + bytes <= LIVE_BLOCKS_BYTES_MAX) {
      this.#waiting.set(verified.block.first, verified);
      this.#waitingBytes += bytes;
    }
    this.catchUp();
  }

  #release(): void {
    const blocks = [...this.#waiting.values()].sort((a, b) => a.block.first - b.block.first);
    this.#waiting.clear();
    this.#waitingBytes = 0;
    for (const verified of blocks) {
      if (verified.block.first <= this.#reach) this.#append(verified);
      else this.#hold(verified, verified.block.entries.length);
    }
  }

  async #run(): Promise<void> {
    while (!this.#stopping.signal.aborted) {
      const wanted = this.#gap;
      this.#gap = false;
      try {
        await this.#look(wanted);
      } catch (error) {
        if (!(error instanceof SequencerError) || error.code !== "network") this.#options.onError(error);
        this.#gap = wanted;
      }
      if (!this.#gap || wanted) await this.#sleep(this.#gap ? HEAD_POLL_MS / 10 : HEAD_POLL_MS);
    }
  }

  /** Asks the peers how far the log reaches; closes what is missing if that is wanted or gossip does not bring it. */
  async #look(wanted: boolean): Promise<void> {
    const { log, follower } = this.#options;
    if (follower.halted !== undefined) return;
    const head = await this.#newestHead();
    if (head === undefined || head.size <= this.#reach) return;
    if (!wanted) {
      // Gossip may still be on its way: wait a moment before asking for the same by range.
      await this.#sleep(HEAD_POLL_MS / 10);
      if (head.size <= this.#reach) return;
    }
    await this.#catchUpTo(head);
    if (log.committed.size >= head.size) this.#release();
  }

  async #catchUpTo(head: SignedHead): Promise<void> {
    const { log, follower, peers, onProgress } = this.#options;
    try {
      await catchUp({ log, follower, head, peers, onProgress: (size) => onProgress(size, head.size) });
    } catch (error) {
      this.#failed(error, head);
      throw error;
    } finally {
      this.#reach = Math.max(this.#reach, log.committed.size);
    }
  }

  /** The largest head that peers hold, each verified; every one of them is held against the log. */
  async #newestHead(): Promise<SignedHead | undefined> {
    const { log, peers, onConflict, onPrimary } = this.#options;
    let newest: SignedHead | undefined;
    const asked = peers().slice(0, SYNC_PEERS_MAX);
    const answers = await Promise.allSettled(asked.map((peer) => peer.ask({ kind: "head" })));
    answers.forEach((answer, i) => {
      if (answer.status === "rejected" || answer.value.kind !== "head") return;
      const head = log.checkpoints.open(answer.value.note);
      if (head === undefined) {
        asked[i]!.reject("its head is not the operator's");
        return;
      }
      if (answer.value.primary.length > 0) onPrimary(answer.value.primary);
      if (head.size <= log.committed.size && !log.holds(head)) onConflict(head);
      else if (newest === undefined || head.size > newest.size) newest = head;
    });
    return newest;
  }

  #failed(error: unknown, head: SignedHead): void {
    if (!(error instanceof SequencerError)) this.#options.onError(error);
    else if (error.code === "equivocation") this.#options.onConflict(head);
    else if (error.code !== "network") this.#options.onError(error);
    this.#reach = this.#options.log.committed.size;
  }

  async #sleep(ms: number): Promise<void> {
    if (this.#stopping.signal.aborted || this.#gap) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.#wake = undefined;
  }
}

function sameHashes(a: readonly Uint8Array[], b: readonly Uint8Array[]): boolean {
  return a.length === b.length && a.every((hash, i) => equalBytes(hash, b[i]!));
}
