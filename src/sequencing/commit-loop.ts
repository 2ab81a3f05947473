/**
 * Commit, then sign: the write order that is law (SPEC section 3). Group commit: a block is sealed as soon as the
 * commit before it is done, from whatever was ordered meanwhile; nothing waits when the node is idle.
 *
 * A crash before the commit line loses only what nobody was told of. A crash after it leaves entries that are
 * committed and not signed: start-up signs them through the same guard and signer.
 */
import type { Head } from "../log/checkpoint.ts";
import type { Log, SealedBlock } from "../log/log.ts";
import type { CheckpointSigner } from "./checkpoint-signer.ts";
import type { OrderedEntry, Ordering } from "./ordering.ts";
import { type HashLeaves, sealBlock } from "./seal.ts";
import type { Guard } from "./sign-guard.ts";

/** The points between order and answer at which tests cut the power. */
export type CommitStep = "ordered" | "committed" | "guarded" | "signed" | "published";

export interface CommitLoopOptions {
  readonly log: Log;
  readonly ordering: Ordering;
  readonly guard: Guard;
  readonly signer: CheckpointSigner;
  readonly hashLeaves: HashLeaves;
  /** The commit or the guard failed: the process must end at once, and nothing is retried in it. */
  readonly onFatal: (error: unknown) => void;
  /** Called at each step, for tests. */
  readonly onStep?: (step: CommitStep) => void;
}

export class CommitLoop {
  readonly #options: CommitLoopOptions;
  #wake: (() => void) | undefined;
  #stopping = false;
  readonly #done: Promise<void>;

  constructor(options: CommitLoopOptions) {
    this.#options = options;
    this.#done = this.#run().catch((error) => options.onFatal(error));
  }

  /** Says that something was ordered. */
  kick(): void {
    this.#wake?.();
  }

  /** Publishes everything that is ordered, then ends. */
  async stop(): Promise<void> {
    this.#stopping = true;
    this.kick();
    await this.#done;
  }

  async #run(): Promise<void> {
    const { log, ordering, hashLeaves } = this.#options;
    let publishing: Promise<void> = Promise.resolve();
    for (;;) {
      const entries = ordering.takeBlock();
      if (entries.length === 0) {
        if (this.#stopping) break;
        await this.#sleep();
        continue;
      }
      const before: Head = log.committed;
      const sealed = await sealBlock(log, entries, hashLeaves);
      this.#step("ordered");
      await log.commit(sealed);
      // ---- the commit line: from here on the block will be signed, by this process or the next ----
      this.#step("committed");
      // The previous block may still be on its way through the guard: it goes first, and this commit ran beside it.
      await publishing;
      publishing = this.#publish(before, sealed, entries);
      publishing.catch(this.#options.onFatal);
    }
    await publishing;
  }

  async #publish(before: Head, sealed: SealedBlock, entries: readonly OrderedEntry[]): Promise<void> {
    const { log, ordering, guard, signer } = this.#options;
    const { growth } = sealed;
    await guard.advance(before, growth);
    this.#step("guarded");
    const head = signer.sign({ size: growth.size, root: growth.root });
    this.#step("signed");
    log.publish(head, sealed);
    this.#step("published");
    ordering.published(entries, { head, growth });
  }

  async #sleep(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
    this.#wake = undefined;
  }

  #step(step: CommitStep): void {
    this.#options.onStep?.(step);
  }
}
