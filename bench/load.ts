/**
 * The load generator, seen from the benchmark: a process of its own, so that its processor time can be told from the
 * node's. It signs before the clock starts and sends when told to.
 */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import type { Quantiles } from "./histogram.ts";
import type { NodeProcess, NodeUse } from "./node-process.ts";

/** Milliseconds at the beginning of an open loop that are not counted. */
export const WARM_UP_MS = 1_000;

/** What to send: transactions in requests of `batch` calls (1 is a plain call), or one and the same kind of read. */
export type Work =
  | {
      readonly kind: "append";
      readonly batch: number;
      readonly signWhileSending?: boolean;
      /** Over WebSockets, with so many messages under way on each. */
      readonly underWay?: number;
    }
  | { readonly kind: "read"; readonly entries: number; readonly size: number }
  | { readonly kind: "tile" | "bundle"; readonly size: number };

export interface LoadJob {
  /** The node whose log the requests are made for. */
  readonly url: string;
  /** Who gets them, if not that node: a server to compare with. */
  readonly sendTo?: string;
  readonly work: Work;
  readonly requests: number;
  readonly connections: number;
  /**
   * Requests a second, sent when they are due whatever the answers do (open loop); without it, each connection sends
   * its next request when the answer to the last one is there (closed loop).
   */
  readonly rate?: number;
  /** Seconds after which an open loop tells how it went since the last time; never unless given. */
  readonly intervalSeconds?: number;
  /** Number of the first transaction; no two of a log may be the same. */
  readonly firstNonce: number;
}

/** A part of an open loop. */
export interface LoadInterval {
  /** Requests a second that were answered. */
  readonly achieved: number;
  readonly latency: Quantiles;
}

export interface LoadResult {
  readonly seconds: number;
  /** Answers that are not HTTP 200, or hold an error. */
  readonly failures: number;
  /** Requests a second that were answered while more were being sent, the warm-up left out. */
  readonly achieved: number;
  /** Milliseconds from when a request was due to when its answer was there. */
  readonly latency: Quantiles;
  readonly generator: {
    /** Processor seconds between first request and last answer. */
    readonly cpuSeconds: number;
    /** Milliseconds that the generator itself came late to what was due (part of `latency`). */
    readonly late: Quantiles;
    /** Milliseconds of its longest garbage collection. */
    readonly longestCollection: number;
  };
}

export interface MeasuredLoad extends LoadResult {
  /** What the node used meanwhile. */
  readonly node: NodeUse;
  /** Transactions that the log grew by. */
  readonly appended: number;
}

/** What the generator's process says. */
export type GeneratorMessage =
  | { readonly kind: "prepared" }
  | { readonly kind: "interval"; readonly interval: LoadInterval }
  | { readonly kind: "done"; readonly result: LoadResult }
  | { readonly kind: "failed"; readonly reason: string };

/** What it is told. */
export type GeneratorOrder = LoadJob | "go";

type Job = Omit<LoadJob, "url" | "firstNonce">;

export class LoadGenerator {
  readonly #node: NodeProcess;
  readonly #child: ChildProcess;
  #nonce = 0;

  constructor(node: NodeProcess) {
    this.#node = node;
    this.#child = fork(new URL("./load-generator.ts", import.meta.url), { serialization: "advanced" });
  }

  /** Prepares the requests, sends them, and checks that every transaction is in the log afterwards. */
  async run(job: Job, onInterval?: (interval: LoadInterval) => void): Promise<MeasuredLoad> {
    const result = await this.offer(job, onInterval);
    const transactions = job.work.kind === "append" ? job.requests * job.work.batch : 0;
    if (result.failures > 0 || result.appended !== transactions) {
      throw new Error(
        `${result.failures} failures, ${result.appended} of ${transactions} transactions in the log`,
      );
    }
    return result;
  }

  /** The same for a load that the node may refuse. */
  async offer(job: Job, onInterval?: (interval: LoadInterval) => void): Promise<MeasuredLoad> {
    await this.#prepare(job);
    const sizeBefore = await this.#size();
    const use = await this.#node.use();
    const result = await this.#go(onInterval);
    return { ...result, node: await use(), appended: (await this.#size()) - sizeBefore };
  }

  /** Sends requests that were made for the log to somebody else. */
  async runElsewhere(job: Job & Required<Pick<LoadJob, "sendTo">>): Promise<LoadResult> {
    await this.#prepare(job);
    const result = await this.#go();
    if (result.failures > 0) throw new Error(`${result.failures} failures at ${job.sendTo}`);
    return result;
  }

  stop(): void {
    this.#child.disconnect();
  }

  async #prepare(job: Job): Promise<void> {
    const order: LoadJob = { ...job, url: this.#node.url, firstNonce: this.#nonce };
    if (job.work.kind === "append") this.#nonce += job.requests * job.work.batch;
    await this.#exchange(order, "prepared");
  }

  async #go(onInterval?: (interval: LoadInterval) => void): Promise<LoadResult> {
    return (await this.#exchange("go", "done", onInterval)).result;
  }

  async #exchange<K extends GeneratorMessage["kind"]>(
    order: GeneratorOrder,
    answer: K,
    onInterval?: (interval: LoadInterval) => void,
  ): Promise<GeneratorMessage & { kind: K }> {
    this.#child.send(order);
    for (;;) {
      const [message] = (await once(this.#child, "message")) as [GeneratorMessage];
      if (message.kind === answer) return message as GeneratorMessage & { kind: K };
      if (message.kind === "interval") onInterval?.(message.interval);
      else if (message.kind === "failed") throw new Error(`the load generator: ${message.reason}`);
    }
  }

  async #size(): Promise<number> {
    return Number((await this.#node.call("sequencer_info")).size);
  }
}
