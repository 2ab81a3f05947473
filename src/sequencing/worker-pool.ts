/**
 * Worker threads that do jobs. Small tasks that wait together travel as one job; a worker that breaks is replaced and
 * its tasks are done again, once. What breaks again and again is replaced ever more slowly, and where nothing else is
 * left tasks are refused. What a task's bytes are, only those who make it and the worker's module know.
 */
import { once } from "node:events";
import type { Worker } from "node:worker_threads";
import { assert } from "../base/assert.ts";
import { SequencerError } from "../base/errors.ts";
import {
  VERIFY_BREAKS_MAX,
  VERIFY_JOBS_PER_WORKER,
  VERIFY_PAUSE_MS_MAX,
  VERIFY_PAUSE_MS_MIN,
  VERIFY_TABLES_BYTES_MAX,
  VERIFY_TIMEOUT_MS,
} from "../base/limits.ts";
import { startThread } from "../base/threads.ts";
import type { VerifierMetrics } from "../verify/verify.ts";
import type { JobReply, JobRequest, VerifierSettings } from "./job-server.ts";
import { joinPieces, splitPieces } from "./pieces.ts";
import { type PendingTask, type Task, TaskQueue } from "./task-queue.ts";

interface Job {
  readonly tasks: readonly PendingTask[];
  readonly deadline: NodeJS.Timeout;
}

interface Member {
  readonly worker: Worker;
  /** As of its last results. */
  metrics: Readonly<VerifierMetrics> | undefined;
  readonly jobs: Map<number, Job>;
  /** Ends one that takes too long to load; undefined once it has: what breaks it then is a task. */
  loading: NodeJS.Timeout | undefined;
  /** How often in a row the workers of this place broke. */
  breaks: number;
}

/** What each worker verifies with, what it has to say, and when one had to be replaced. */
export type WorkerEvent =
  | { readonly variant: string }
  | { readonly notice: string }
  | { readonly error: unknown };

export interface WorkerPoolOptions {
  /** The workers' module: it calls `serveJobs`. */
  readonly module: URL;
  readonly workers: number;
  /** How to verify, and the bound of all tables together; the fastest way that passes its self-test unless given. */
  readonly settings?: VerifierSettings;
  readonly onEvent?: (event: WorkerEvent) => void;
}

export class WorkerPool {
  readonly #options: WorkerPoolOptions;
  readonly #members: Member[] = [];
  /** Places that get their next worker after a pause, and how often in a row those before it broke. */
  readonly #gaps = new Map<NodeJS.Timeout, number>();
  readonly #waiting = new TaskQueue();
  #briefing: (() => readonly unknown[]) | undefined;
  #nextJob = 0;
  #assigning = false;
  #closed = false;

  constructor(options: WorkerPoolOptions) {
    assert(options.workers >= 1, "a pool has a worker");
    this.#options = options;
    for (let i = 0; i < options.workers; i++) this.#members.push(this.#hire(0));
  }

  /**
   * The task's result.
   * @throws SequencerError `internal` if two workers broke over it, `unavailable` at the end or while no worker starts
   */
  run(task: Task): Promise<Uint8Array> {
    if (this.#closed) return Promise.reject(closed());
    if (this.#isBroken) return Promise.reject(broken());
    return new Promise((resolve, reject) => {
      this.#waiting.add({ task, resolve, reject, failedBefore: false });
      this.#assignSoon();
    });
  }

  /** What every worker has to know before its next job, those that are hired later included. */
  brief(briefing: () => readonly unknown[]): void {
    this.#briefing = briefing;
    for (const note of briefing()) this.tell(note);
  }

  /** Tells every worker, before whatever it is given from now on. */
  tell(note: unknown): void {
    for (const { worker } of this.#members) worker.postMessage({ note } satisfies JobRequest);
  }

  /** Workers that have nothing to do. */
  get idle(): number {
    const isIdle = ({ loading, jobs }: Member): boolean => loading === undefined && jobs.size === 0;
    return this.#waiting.isEmpty ? this.#members.filter(isIdle).length : 0;
  }

  /** Wherever a worker is, or was, it broke too often in a row. */
  get #isBroken(): boolean {
    const breaks = [...this.#members.map((member) => member.breaks), ...this.#gaps.values()];
    return breaks.every((times) => times >= VERIFY_BREAKS_MAX);
  }

  /** A counter or gauge of the workers, summed. */
  sum(name: keyof VerifierMetrics): number {
    return this.#members.reduce((total, { metrics }) => total + (metrics?.[name] ?? 0), 0);
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const timer of this.#gaps.keys()) clearTimeout(timer);
    for (const { loading } of this.#members) clearTimeout(loading);
    this.#waiting.rejectAll(closed());
    await Promise.all(this.#members.map(dismiss));
  }

  /** Once everything is read that has arrived by now: a message to a worker costs as much as a signature. */
  #assignSoon(): void {
    if (this.#assigning) return;
    this.#assigning = true;
    setImmediate(() => {
      this.#assigning = false;
      this.#assign();
    });
  }

  /** Hands waiting tasks to workers that have loaded and have room, the least busy one first. */
  #assign(): void {
    const loaded = this.#members.filter(({ loading }) => loading === undefined);
    while (!this.#waiting.isEmpty && loaded.length > 0) {
      const member = loaded.reduce((least, other) => (other.jobs.size < least.jobs.size ? other : least));
      if (member.jobs.size >= VERIFY_JOBS_PER_WORKER) return;
      // Small tasks gather while all workers are busy: eight signatures together take as long as two alone.
      if (member.jobs.size > 0 && !this.#waiting.isWorthwhile) return;
      this.#send(member, this.#waiting.takeJob(this.#members.length));
    }
  }

  #send(member: Member, tasks: readonly PendingTask[]): void {
    const job = this.#nextJob++;
    const deadline = setTimeout(() => {
      this.#replace(member, new Error(`no results within ${VERIFY_TIMEOUT_MS} ms`));
    }, VERIFY_TIMEOUT_MS).unref();
    member.jobs.set(job, { tasks, deadline });
    const kinds = tasks.map(({ task }) => task.kind);
    // A copy: another worker may need them, if this one breaks.
    const bodies = joinPieces(tasks.map(({ task }) => task.bytes));
    member.worker.postMessage({ job, kinds, bodies } satisfies JobRequest, [bodies.bytes.buffer]);
  }

  /** @param breaks of the workers that had the place before, in a row */
  #hire(breaks: number): Member {
    const { module, settings, workers } = this.#options;
    const tableBytesMax = (settings?.tableBytesMax ?? VERIFY_TABLES_BYTES_MAX) / workers;
    const workerData: VerifierSettings = { ...settings, tableBytesMax };
    const member: Member = {
      worker: startThread(module, workerData),
      jobs: new Map(),
      metrics: undefined,
      loading: setTimeout(() => {
        this.#replace(member, new Error(`not loaded within ${VERIFY_TIMEOUT_MS} ms`));
      }, VERIFY_TIMEOUT_MS).unref(),
      breaks,
    };
    member.worker.on("message", (reply: JobReply) => {
      if (reply.kind === "ready") this.#welcome(member, reply.variant);
      else if (reply.kind === "notice") this.#options.onEvent?.({ notice: reply.message });
      else this.#deliver(member, reply);
    });
    member.worker.on("error", (error) => this.#replace(member, error));
    for (const note of this.#briefing?.() ?? []) member.worker.postMessage({ note } satisfies JobRequest);
    return member;
  }

  /** A worker that has loaded is given work, whatever went before; only results prove that it is sound. */
  #welcome(member: Member, variant: string): void {
    clearTimeout(member.loading);
    member.loading = undefined;
    member.breaks = Math.min(member.breaks, VERIFY_BREAKS_MAX - 1);
    this.#options.onEvent?.({ variant });
    this.#assign();
  }

  #deliver(member: Member, { job: number, results, metrics }: JobReply & { kind: "done" }): void {
    const job = member.jobs.get(number);
    if (job === undefined) return;
    clearTimeout(job.deadline);
    member.jobs.delete(number);
    member.metrics = metrics;
    member.breaks = 0;
    const each = splitPieces(results);
    job.tasks.forEach(({ resolve }, i) => {
      resolve(each[i]!);
    });
    this.#assign();
  }

  #replace(member: Member, error: unknown): void {
    const index = this.#members.indexOf(member);
    if (this.#closed || index < 0) return;
    const wasBroken = this.#isBroken;
    this.#members.splice(index, 1);
    clearTimeout(member.loading);
    void member.worker.terminate();
    this.#options.onEvent?.({ error });
    this.#refill(member.breaks + 1);
    const [atWork, ...queued] = member.jobs.values();
    for (const { tasks, deadline } of queued) {
      clearTimeout(deadline);
      this.#waiting.putBack(tasks);
    }
    clearTimeout(atWork?.deadline);
    for (const task of atWork?.tasks ?? []) this.#retry(task, error);
    if (this.#isBroken) {
      this.#waiting.rejectAll(broken());
      if (!wasBroken) this.#options.onEvent?.({ notice: broken().message });
    }
    this.#assign();
  }

  /** At once the first time; then after pauses that double. */
  #refill(breaks: number): void {
    if (breaks === 1) {
      this.#members.push(this.#hire(breaks));
      return;
    }
    const pauseMs = Math.min(VERIFY_PAUSE_MS_MAX, VERIFY_PAUSE_MS_MIN * 2 ** (breaks - 2));
    const timer = setTimeout(() => {
      this.#gaps.delete(timer);
      this.#members.push(this.#hire(breaks));
      this.#assign();
    }, pauseMs);
    this.#gaps.set(timer, breaks);
  }

  #retry(pending: PendingTask, cause: unknown): void {
    if (pending.failedBefore) {
      pending.reject(
        new SequencerError("internal", "signatures could not be verified: two workers broke", { cause }),
      );
    } else {
      pending.failedBefore = true;
      this.#waiting.putBack([pending]);
    }
  }
}

const unavailable = (message: string, reason: string): SequencerError =>
  new SequencerError("unavailable", message, { data: { reason } });
const closed = () => unavailable("the node is shutting down", "shutting-down");
const broken = () =>
  unavailable("no worker can be started: what has to be verified is refused", "no-verifier");

/**
 * Lets a worker finish and end by itself: terminating it inside a native call can take the whole process down with it.
 */
async function dismiss({ worker }: Member): Promise<void> {
  const gone = once(worker, "exit", { signal: AbortSignal.timeout(VERIFY_TIMEOUT_MS) });
  worker.postMessage(null satisfies JobRequest);
  await gone.catch(() => worker.terminate());
}
