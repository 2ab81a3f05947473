/**
 * The load generator, seen from the benchmark: a process of its own, so that its processor time can be told from the
 * node's. It signs before the clock starts and sends when told to.
 */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import type { NodeProcess } from "./node-process.ts";

/** Milliseconds at the beginning of an open loop that are not counted. */
export const WARM_UP_MS = 1_000;

/** What to send: transactions in requests of `batch` calls (1 is a plain call), or one and the same kind of read. */
export type Work =
  | { readonly kind: "append"; readonly batch: number; readonly signWhileSending?: boolean }
  | { readonly kind: "read"; readonly entries: number; readonly size: number }
  | { readonly kind: "tile" | "bundle"; readonly size: number };

export interface LoadJob {
  readonly url: string;
  readonly work: Work;
  readonly requests: number;
  readonly connections: number;
  /**
   * Requests a second, sent when they are due whatever the answers do (open loop); without it, each connection sends
   * its next request when the answer to the last one is there (closed loop).
   */
  readonly rate?: number;
  /** Number of the first transaction; no two of a log may be the same. */
  readonly firstNonce: number;
}

export interface LoadResult {
  readonly seconds: number;
  /** Answers that are not HTTP 200, or hold an error. */
  readonly failures: number;
  /** Processor seconds of the load generator between first request and last answer. */
  readonly cpuSeconds: number;
  /** Milliseconds from when a request was due to when its answer was there. */
  readonly latency: {
    readonly p50: number;
    readonly p90: number;
    readonly p99: number;
    readonly max: number;
  };
}

export interface MeasuredLoad extends LoadResult {
  /** Processor seconds of the node meanwhile. */
  readonly nodeCpuSeconds: number;
  /** Transactions that the log grew by. */
  readonly appended: number;
}

export class LoadGenerator {
  readonly #node: NodeProcess;
  readonly #child: ChildProcess;
  #nonce = 0;

  constructor(node: NodeProcess) {
    this.#node = node;
    this.#child = fork(new URL("./load-generator.ts", import.meta.url), { serialization: "advanced" });
  }

  /** Prepares the requests, sends them, and checks that every transaction is in the log afterwards. */
  async run(job: Omit<LoadJob, "url" | "firstNonce">): Promise<MeasuredLoad> {
    const result = await this.offer(job);
    const transactions = job.work.kind === "append" ? job.requests * job.work.batch : 0;
    if (result.failures > 0 || result.appended !== transactions) {
      throw new Error(
        `${result.failures} failures, ${result.appended} of ${transactions} transactions in the log`,
      );
    }
    return result;
  }

  /** The same for a load that the node may refuse. */
  async offer(job: Omit<LoadJob, "url" | "firstNonce">): Promise<MeasuredLoad> {
    const transactions = job.work.kind === "append" ? job.requests * job.work.batch : 0;
    const whole: LoadJob = { ...job, url: this.#node.url, firstNonce: this.#nonce };
    this.#nonce += transactions;
    await this.#exchange(whole);
    const sizeBefore = await this.#size();
    const before = this.#node.cpuSeconds();
    const result = (await this.#exchange("go")) as LoadResult;
    const nodeCpuSeconds = this.#node.cpuSeconds() - before;
    const appended = (await this.#size()) - sizeBefore;
    return { ...result, nodeCpuSeconds, appended };
  }

  get pid(): number {
    return this.#child.pid!;
  }

  stop(): void {
    this.#child.kill();
  }

  async #size(): Promise<number> {
    return Number((await this.#node.call("sequencer_info")).size);
  }

  async #exchange(message: LoadJob | "go"): Promise<unknown> {
    const [reply] = await Promise.all([once(this.#child, "message"), this.#child.send(message)]);
    return reply[0];
  }
}
