/**
 * A node's business with the bond's chain: knows the state of the bond, submits evidence until the stake is gone,
 * answers challenges, anchors heads. Whatever fails is tried again; the chain alone says what is done.
 */
import type { Logger } from "pino";
import { isZero, toHex } from "../base/bytes.ts";
import { describeError, SequencerError } from "../base/errors.ts";
import { BOND_LOOK_MS, BOND_RETRY_MS, CHALLENGE_LOOK_MS } from "../base/limits.ts";
import type { Log } from "../log/log.ts";
import { answerChallenges } from "../slashing/answer-challenges.ts";
import type { BondChain, BondState } from "../slashing/bond-chain.ts";
import { openBond } from "../slashing/chain.ts";
import { isUnreachable } from "../slashing/chain-error.ts";
import { describeBond } from "./bond-status.ts";
import { domainOf, type EvidenceKeeper, type Subject } from "./evidence-keeper.ts";
import { submitEvidence } from "./submit-evidence.ts";

export interface ChainSettings {
  readonly rpcUrl: string;
  /** Of the account that pays; without it the chain is only read. */
  readonly privateKey?: Uint8Array;
  /** Commit before slashing, and be owed the reward. */
  readonly reward?: boolean;
  /** Milliseconds between anchors of the newest head; never unless given. */
  readonly anchorEveryMs?: number;
  /** For tests: milliseconds between looks at the chain. */
  readonly lookMs?: number;
}

export interface BondingOptions {
  readonly subject: Subject;
  readonly settings: ChainSettings;
  /** To submit; the operator's own node submits nothing. */
  readonly evidence?: EvidenceKeeper;
  /** To answer challenges from, and to anchor. */
  readonly log?: Log;
  readonly logger: Logger;
}

export class Bonding {
  readonly #options: BondingOptions;
  readonly #stopping = new AbortController();
  #chain: BondChain | undefined;
  #state: BondState | undefined;
  #trouble: string | undefined;
  #answersDueMs = 0;
  #anchorDueMs = 0;
  #answeredOf = 0;
  #wake: (() => void) | undefined;
  #woken = false;
  #running: Promise<void> = Promise.resolve();

  private constructor(options: BondingOptions) {
    this.#options = options;
    options.evidence?.onNew(() => this.#lookSoon());
  }

  /**
   * Begins to look after the bond. A chain that does not answer is asked again later; one that is not what genesis
   * means is refused.
   * @throws SequencerError `chain`, or `configuration` if the log is unbonded
   */
  static async start(options: BondingOptions): Promise<Bonding> {
    if (isZero(options.subject.genesis.bond)) {
      throw new SequencerError(
        "configuration",
        "the log is unbonded: there is nothing on a chain to look at",
        {
          hint: "Leave -l2rpc out, or begin a log with -bond",
        },
      );
    }
    const bonding = new Bonding(options);
    try {
      bonding.#chain = await bonding.#open();
    } catch (error) {
      if (!isUnreachable(error)) throw error;
      bonding.#failed(error);
    }
    bonding.#running = bonding.#run();
    return bonding;
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#lookSoon();
    await this.#running;
  }

  /** For sequencer_info. */
  get status(): unknown {
    const state = this.#state;
    return state === undefined ? { status: "unknown" } : describeBond(state);
  }

  /** Why the log should not be relied on; undefined if nothing is known against it. */
  get notReady(): string | undefined {
    return this.#state?.status === "slashed" ? "bond slashed" : undefined;
  }

  #lookSoon(): void {
    this.#woken = true;
    this.#wake?.();
  }

  #open(): Promise<BondChain> {
    const { subject, settings } = this.#options;
    const { rpcUrl, privateKey } = settings;
    return openBond({
      rpcUrl,
      domain: domainOf(subject),
      signal: this.#stopping.signal,
      ...(privateKey !== undefined && { privateKey }),
    });
  }

  async #run(): Promise<void> {
    const { lookMs = BOND_LOOK_MS } = this.#options.settings;
    let waitMs = Math.min(lookMs, BOND_RETRY_MS);
    while (!this.#stopping.signal.aborted) {
      this.#woken = false;
      try {
        await this.#look();
        this.#recovered();
        waitMs = Math.min(lookMs, BOND_RETRY_MS);
        await this.#sleep(lookMs);
      } catch (error) {
        if (this.#stopping.signal.aborted) return;
        this.#failed(error);
        await this.#sleep(waitMs);
        waitMs = Math.min(2 * waitMs, lookMs);
      }
    }
  }

  async #look(): Promise<void> {
    const { subject, settings, evidence, logger } = this.#options;
    this.#chain ??= await this.#open();
    const chain = this.#chain;
    const read = () => chain.state(subject.logId, subject.genesis.operator);
    this.#note(await read());
    if (settings.privateKey === undefined) return;
    if (evidence !== undefined && evidence.held.length > 0) {
      const { privateKey, reward = false } = settings;
      const { signal } = this.#stopping;
      await submitEvidence(chain, evidence.held, { privateKey, reward, logger, signal });
      this.#note(await read());
      return;
    }
    await this.#answer(chain);
    await this.#anchor(chain);
  }

  /** Hourly, and whenever there are more open challenges than before. */
  async #answer(chain: BondChain): Promise<void> {
    const { log, logger, subject } = this.#options;
    const open = this.#state?.openChallenges ?? 0;
    const now = performance.now();
    if (log === undefined || open === 0 || (now < this.#answersDueMs && open <= this.#answeredOf)) return;
    const { size } = log.signed ?? { size: 0 };
    const tree = { size, node: log.node };
    const { answered, unanswerable } = await answerChallenges(
      chain,
      subject.logId,
      subject.genesis.operator,
      tree,
    );
    this.#answersDueMs = now + CHALLENGE_LOOK_MS;
    this.#answeredOf = open;
    if (answered.length > 0)
      logger.warn({ answered: answered.length }, "challenges of the bond were answered");
    for (const { oldSize, newSize } of unanswerable) {
      logger.error({ oldSize, newSize }, "a challenge of the bond cannot be answered from this log");
    }
  }

  async #anchor(chain: BondChain): Promise<void> {
    const { log, settings, subject, logger } = this.#options;
    const head = log?.signed;
    const now = performance.now();
    const status = this.#state?.status;
    if (settings.anchorEveryMs === undefined || head === undefined || now < this.#anchorDueMs) return;
    if (status !== "active" && status !== "exiting") return;
    if (head.size > (this.#state?.anchored?.size ?? 0)) {
      const { transactionHash } = await chain.anchor(subject.logId, head);
      logger.info({ size: head.size, transaction: transactionHash }, "a head was anchored");
    }
    this.#anchorDueMs = now + settings.anchorEveryMs;
  }

  async #sleep(ms: number): Promise<void> {
    const anchorMs = this.#options.settings.anchorEveryMs ?? ms;
    if (this.#woken) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, Math.min(ms, anchorMs)).unref();
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.#wake = undefined;
  }

  #note(state: BondState): void {
    const { logger } = this.#options;
    const before = this.#state?.status;
    this.#state = state;
    if (state.status === before) return;
    const stakeWei = String(state.stakeWei);
    if (state.status === "active") logger.info({ stakeWei }, "the operator is bonded");
    else if (state.status === "none") logger.warn("no stake is registered for this log's operator");
    else if (state.status === "exiting")
      logger.warn({ exitAt: state.exitAtSeconds, stakeWei }, "the operator's stake is about to leave");
    else logger.error({ status: state.status }, "no stake stands behind this log any more");
  }

  #failed(error: unknown): void {
    const text = describeError(error);
    if (text === this.#trouble) return;
    this.#trouble = text;
    if (error instanceof SequencerError) this.#options.logger.error(text);
    else this.#options.logger.error({ err: error }, text);
  }

  #recovered(): void {
    if (this.#trouble === undefined) return;
    this.#trouble = undefined;
    this.#options.logger.info(
      { bond: toHex(this.#options.subject.genesis.bond) },
      "the bond's chain is back",
    );
  }
}
