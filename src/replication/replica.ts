/**
 * A replica's heart: judges what gossip brings, hands live blocks to the writer, and closes gaps by range while live
 * blocks wait, bounded. What contradicts the log goes to the watchtower and stops the replica.
 */
import { SequencerError } from "../base/errors.ts";
import {
  GAP_GRACE_MS,
  HEAD_POLL_MS,
  HEAD_POLL_PEERS,
  HEAD_RETRY_MS,
  LIVE_BLOCKS_BYTES_MAX,
  SUSPECTS_MAX,
  SYNC_PEERS_MAX,
} from "../base/limits.ts";
import type { SignedHead } from "../log/checkpoint.ts";
import type { Log } from "../log/log.ts";
import type { NodeReader } from "../log/merkle.ts";
import {
  isBlock,
  isEvidence,
  isStored,
  openBlock,
  sameHashes,
  type VerifiedBlock,
} from "./block-messages.ts";
import { catchUp } from "./catch-up.ts";
import type { MessageId } from "./episub/messages.ts";
import type { Verdict } from "./episub/state.ts";
import type { Follower } from "./follower.ts";
import { askHeads } from "./heads.ts";
import type { SyncPeer } from "./panel.ts";
import { Pause } from "./pause.ts";
import { WaitingBlocks } from "./waiting-blocks.ts";

export interface ReplicaOptions {
  readonly log: Log;
  readonly follower: Follower;
  readonly peers: () => readonly SyncPeer[];
  /** Told how far the log is stored, and how far it is known to reach. */
  readonly onProgress: (stored: number, target: number) => void;
  /**
   * A head that the operator signed and that contradicts the log.
   * @param node the nodes of its tree, where it is larger than the log's newest head and they are known
   */
  readonly onConflict: (head: SignedHead, node?: NodeReader) => void;
  /** Judges evidence that a peer floods. */
  readonly onEvidence: (payload: Uint8Array) => Verdict;
  /** Addresses of the primary, as a peer tells them. */
  readonly onPrimary: (multiaddrs: readonly string[], peer: string) => void;
  readonly onError: (error: unknown) => void;
}

export class Replica {
  readonly #options: ReplicaOptions;
  /** Accepted blocks that wait for the gap before them, or for the writer. */
  readonly #waiting = new WaitingBlocks();
  /** Blocks that were judged and are about to be delivered, by their bytes. */
  readonly #judged = new WeakMap<Uint8Array, VerifiedBlock>();
  /** Heads that contradict what is stored, until the newest signed head is large enough to prove it. */
  #suspects: SignedHead[] = [];
  /** How far the log reaches once the writer is done with what it was given. */
  #reach: number;
  /** Bytes of entries that the writer was given and has not stored. */
  #queuedBytes = 0;
  #gap = true;
  #isCatchingUp = false;
  #reported: unknown;
  readonly #stopping = new AbortController();
  readonly #pause = new Pause(this.#stopping.signal);
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
    const isOver = this.#stopping.signal.aborted || this.#options.follower.halted !== undefined;
    if (verified !== undefined && !isOver) this.#take(verified);
  }

  /**
   * True for a block that gossip need not be asked for: it is stored, or all that is missing is being fetched by range.
   */
  isKnown(id: MessageId): boolean {
    return isStored(id, this.#options.log) || (this.#isCatchingUp && isBlock(id));
  }

  /** Looks at the peers' heads soon: something is missing. */
  catchUp(): void {
    this.#gap = true;
    this.#pause.wake();
  }

  /** Ends; what the writer was given is stored before. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#waiting.clear();
    await this.#done;
    await this.#options.follower.idle();
  }

  #contradicts({ head, block, growth }: VerifiedBlock): boolean {
    const { log } = this.#options;
    const { size } = log.committed;
    const isOld = head.size <= size && !log.holds(head);
    const isOther = block.first === size && !sameHashes(growth.frontierBefore, log.frontier);
    if (isOld || isOther) this.#accuse(head);
    return isOld || isOther;
  }

  /** Two heads prove something only with the larger one's tree: what is ahead of the signed head waits for it. */
  #accuse(head: SignedHead): void {
    const { log, onConflict } = this.#options;
    if (head.size <= (log.signed?.size ?? 0)) onConflict(head);
    else if (this.#suspects.length < SUSPECTS_MAX) this.#suspects.push(head);
  }

  #reviewSuspects(): void {
    const { log, onConflict } = this.#options;
    const size = log.signed?.size ?? 0;
    const ripe = this.#suspects.filter((head) => head.size <= size);
    if (ripe.length === 0) return;
    this.#suspects = this.#suspects.filter((head) => head.size > size);
    for (const head of ripe) if (!log.holds(head)) onConflict(head);
  }

  #take(verified: VerifiedBlock): void {
    const { block } = verified;
    const hasRoom = this.#queuedBytes + block.entries.length <= LIVE_BLOCKS_BYTES_MAX;
    if (block.first <= this.#reach && hasRoom) {
      this.#append(verified);
      return;
    }
    // What finds no room is not lost: it lies in the gap that catching up closes.
    if (!this.#waiting.add(verified)) this.#gap = true;
    this.#pause.wake();
  }

  /** A block that lies within reach already goes to the writer all the same: it may be of another history. */
  #append({ block, head, growth }: VerifiedBlock): void {
    const { follower } = this.#options;
    this.#reach = Math.max(this.#reach, head.size);
    this.#queuedBytes += block.entries.length;
    follower
      .extend({ first: block.first, count: block.count, entries: block.entries, head, growth })
      .catch((error) => this.#failed(error, head))
      .finally(() => {
        this.#queuedBytes -= block.entries.length;
        this.#release();
      });
    this.#release();
  }

  /** Hands over what waited and has its turn. */
  #release(): void {
    if (this.#stopping.signal.aborted || this.#options.follower.halted !== undefined) {
      this.#waiting.clear();
      return;
    }
    this.#reviewSuspects();
    while (this.#queuedBytes < LIVE_BLOCKS_BYTES_MAX) {
      const next = this.#waiting.takeUpTo(this.#reach);
      if (next === undefined) return;
      this.#append(next);
    }
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      const isWanted = this.#isWanted();
      this.#gap = false;
      const isDone = await this.#look(isWanted);
      if (!isDone) this.#gap = true;
      // Gossip repairs most gaps by itself, and nobody is asked again and again without a pause.
      await this.#pause.for(isDone ? GAP_GRACE_MS : HEAD_RETRY_MS);
      await this.#pause.until(HEAD_POLL_MS, () => this.#isWanted());
      if (isDone && this.#isWanted()) await this.#pause.for(GAP_GRACE_MS);
    }
  }

  #isWanted(): boolean {
    return this.#gap || this.#waiting.size > 0;
  }

  /**
   * Asks the peers how far the log reaches, and closes what is missing if gossip does not bring it.
   * @param isWanted a gap is known: no need to wait for gossip
   * @returns false if it has to be tried again
   */
  async #look(isWanted: boolean): Promise<boolean> {
    const { log, follower, peers, onPrimary } = this.#options;
    if (follower.halted !== undefined) return true;
    try {
      const count = isWanted ? SYNC_PEERS_MAX : HEAD_POLL_PEERS;
      const heads = await askHeads(log, peers(), count, onPrimary, this.#stopping.signal);
      for (const head of heads) if (head.size <= log.committed.size && !log.holds(head)) this.#accuse(head);
      this.#reviewSuspects();
      const newest = heads.reduce<SignedHead | undefined>(
        (a, b) => (a && a.size >= b.size ? a : b),
        undefined,
      );
      if (newest === undefined) return false;
      if (newest.size > this.#reach && !isWanted) await this.#pause.for(HEAD_RETRY_MS);
      if (newest.size > this.#reach || (this.#waiting.size > 0 && newest.size > log.committed.size)) {
        return await this.#catchUpTo(newest);
      }
      if (newest.size > (log.signed?.size ?? 0) && newest.size === log.committed.size)
        await follower.publish(newest);
    } catch (error) {
      if (!this.#stopping.signal.aborted) this.#options.onError(error);
    }
    return true;
  }

  async #catchUpTo(head: SignedHead): Promise<boolean> {
    const { log, follower, peers, onProgress, onConflict } = this.#options;
    const { signal } = this.#stopping;
    this.#isCatchingUp = true;
    try {
      await catchUp({
        ...{ log, follower, head, peers, signal },
        onProgress: (size) => onProgress(size, head.size),
        onFork: (node) => {
          onConflict(head, node);
          follower.halt(new SequencerError("equivocation", "a newer signed head does not extend the log"));
        },
      });
      return true;
    } catch (error) {
      if (!signal.aborted) this.#failed(error, head);
      return false;
    } finally {
      this.#isCatchingUp = false;
      this.#reach = Math.max(this.#reach, log.committed.size);
      this.#release();
    }
  }

  #failed(error: unknown, head: SignedHead): void {
    const { log, follower, onConflict, onError } = this.#options;
    this.#reach = log.committed.size;
    if (error instanceof SequencerError && error.code === "network") return;
    if (error instanceof SequencerError && error.code === "equivocation") {
      if (follower.halted === undefined || follower.halted === error) onConflict(head);
      follower.halt(error);
    }
    // Everything that was handed over after a failure fails in the same way.
    if (error !== this.#reported) onError(error);
    this.#reported = error;
  }
}
