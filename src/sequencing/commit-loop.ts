/**
 * Commit, then sign: the write order that is law (SPEC section 3). Group commit: a block is sealed as soon as the
 * commit before it is done, from whatever was ordered meanwhile, or before that if it is full; nothing waits when the
 * node is idle.
 *
 * A crash before the commit line loses only what nobody was told of. A crash after it leaves entries that are
 * committed and not signed: start-up signs them through the same guard and signer.
 */
import type { Head } from "../log/checkpoint.ts";
import type { TreeEdge } from "../log/growth.ts";
import type { Log, SealedBlock } from "../log/log.ts";
import type { Grow } from "./block-hasher.ts";
import type { CheckpointSigner } from "./checkpoint-signer.ts";
import type { OrderedRun, Ordering } from "./ordering.ts";
import { sealBlock } from "./seal.ts";
import type { Guard } from "./sign-guard.ts";

/** The points between order and answer at which tests cut the power. */
export type CommitStep = "ordered" | "sealed" | "committed" | "guarded" | "signed" | "published";

export interface CommitLoopOptions {
  readonly log: Log;
  readonly ordering: Ordering;
  readonly guard: Guard;
  readonly signer: CheckpointSigner;
  /** Hashes a block. */
  readonly grow: Grow;
  /** The commit or the guard failed: the process must end at once, and nothing is retried in it. */
  readonly onFatal: (error: unknown) => void;
  /** Called at each step, for tests. */
  readonly onStep?: (step: CommitStep) => void;
}

export class CommitLoop {
  readonly #options: CommitLoopOptions;
  #wake: (() => void) | undefined;
  #stopping = false;
  #isCommitting = false;
  #publishing: Promise<void> = Promise.resolve();
  readonly #done: Promise<void>;

  constructor(options: CommitLoopOptions) {
    this.#options = options;
    this.#done = this.#run().catch((error) => options.onFatal(error));
  }

  /** Says that something was ordered. */
  kick(): void {
    this.#wake?.();
    this.#wake = undefined;
  }

  /** Publishes everything that is ordered, then ends. */
  async stop(): Promise<void> {
    this.#stopping = true;
    this.kick();
    await this.#done;
  }

  async #run(): Promise<void> {
    const { log, ordering, grow } = this.#options;
    let edge: TreeEdge = { size: log.committed.size, frontier: log.frontier };
    let committing: Promise<void> = Promise.resolve();
    while (await this.#somethingToSeal()) {
      const runs = ordering.takeBlock();
      this.#step("ordered");
      const sealed = await sealBlock(edge, runs, grow);
      this.#step("sealed");
      edge = sealed.growth;
      // Full blocks are hashed while the one before is written: one ahead, and no more.
      await committing;
      committing = this.#commit(sealed, runs);
      committing.catch(this.#options.onFatal);
    }
    await committing;
    await this.#publishing;
  }

  /** Waits until a block is to be sealed; false at the end. */
  async #somethingToSeal(): Promise<boolean> {
    const { ordering } = this.#options;
    while (ordering.queued === 0 || (this.#isCommitting && !ordering.hasFullBlock)) {
      if (this.#stopping && ordering.queued === 0) return false;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    return true;
  }

  async #commit(sealed: SealedBlock, runs: readonly OrderedRun[]): Promise<void> {
    const { log } = this.#options;
    const before: Head = log.committed;
    this.#isCommitting = true;
    try {
      await log.commit(sealed);
      // ---- the commit line: from here on the block will be signed, by this process or the next ----
      this.#step("committed");
      // The previous block may still be on its way through the guard: it goes first, and this commit ran beside it.
      await this.#publishing;
      this.#publishing = this.#publish(before, sealed, runs);
      this.#publishing.catch(this.#options.onFatal);
    } finally {
      this.#isCommitting = false;
      this.kick();
    }
  }

  async #publish(before: Head, sealed: SealedBlock, runs: readonly OrderedRun[]): Promise<void> {
    const { log, ordering, guard, signer } = this.#options;
    const { growth } = sealed;
    await guard.advance(before, growth);
    this.#step("guarded");
    const head = signer.sign({ size: growth.size, root: growth.root });
    this.#step("signed");
    log.publish(head, sealed);
    this.#step("published");
    ordering.published(runs, { head, growth });
  }

  #step(step: CommitStep): void {
    this.#options.onStep?.(step);
  }
}
