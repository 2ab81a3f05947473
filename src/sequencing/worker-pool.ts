/**
 * Worker threads that do jobs. Small tasks that wait together travel as one job; a worker that breaks is replaced and
 * its tasks are done again, once. What a task is, only those who make it and the worker's module know.
 */
import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { assert } from "../base/assert.ts";
import { SequencerError } from "../base/errors.ts";
import {
  VERIFY_JOB_SIGNATURES_MAX,
  VERIFY_JOB_SIGNATURES_MIN,
  VERIFY_JOBS_PER_WORKER,
  VERIFY_TABLES_BYTES_MAX,
  VERIFY_TIMEOUT_MS,
} from "../base/limits.ts";
import type { VerifierMetrics } from "../verify/verify.ts";
import type { JobReply, JobRequest, TaskMessage, VerifierSettings } from "./job-server.ts";

/** Something for a worker to do. */
export interface Task {
  /** Signatures in it, or about as many as it takes as long as. */
  readonly weight: number;
  /** What to send, its buffers the worker's from then on; called again if the first worker broke. */
  pack(): TaskMessage;
}

interface PendingTask extends Task {
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: unknown) => void;
  failedBefore: boolean;
}

interface Job {
  readonly tasks: readonly PendingTask[];
  readonly deadline: NodeJS.Timeout;
}

interface Member {
  readonly worker: Worker;
  /** As of its last results. */
  metrics: Readonly<VerifierMetrics> | undefined;
  readonly jobs: Map<number, Job>;
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
  #waiting: PendingTask[] = [];
  #briefing: (() => readonly unknown[]) | undefined;
  #nextJob = 0;
  #assigning = false;
  #closed = false;

  constructor(options: WorkerPoolOptions) {
    assert(options.workers >= 1, "a pool has a worker");
    this.#options = options;
    for (let i = 0; i < options.workers; i++) this.#members.push(this.#hire());
  }

  /** The task's result. @throws SequencerError `internal` if two workers broke over it, `unavailable` at the end */
  run<Result>(task: Task): Promise<Result> {
    if (this.#closed) return Promise.reject(closed());
    return new Promise<unknown>((resolve, reject) => {
      this.#waiting.push({
        weight: task.weight,
        pack: () => task.pack(),
        resolve,
        reject,
        failedBefore: false,
      });
      this.#assignSoon();
    }) as Promise<Result>;
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

  /** A counter or gauge of the workers, summed. */
  sum(name: keyof VerifierMetrics): number {
    return this.#members.reduce((total, { metrics }) => total + (metrics?.[name] ?? 0), 0);
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const { reject } of this.#waiting.splice(0)) reject(closed());
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

  /** Hands waiting tasks to workers with room, the least busy one first. */
  #assign(): void {
    while (this.#waiting.length > 0) {
      const member = this.#members.reduce((least, other) =>
        other.jobs.size < least.jobs.size ? other : least,
      );
      if (member.jobs.size >= VERIFY_JOBS_PER_WORKER) return;
      // Small tasks gather while all workers are busy: eight signatures together take as long as two alone.
      if (member.jobs.size > 0 && this.#waitingWeight() < VERIFY_JOB_SIGNATURES_MIN) return;
      this.#send(member, this.#takeJob());
    }
  }

  /** As much as lets all workers share what waits, within the bounds of a job. */
  #takeJob(): PendingTask[] {
    const share = Math.ceil(this.#waitingWeight() / this.#members.length);
    const limit = Math.min(VERIFY_JOB_SIGNATURES_MAX, Math.max(VERIFY_JOB_SIGNATURES_MIN, share));
    let total = 0;
    let taken = 0;
    // What broke a worker goes alone, so that it takes nobody with it if it does so again.
    const alone = this.#waiting[0]?.failedBefore;
    for (const { weight, failedBefore } of this.#waiting) {
      if (taken > 0 && (alone || failedBefore || total + weight > limit)) break;
      total += weight;
      taken++;
    }
    return this.#waiting.splice(0, taken);
  }

  #waitingWeight(): number {
    return this.#waiting.reduce((sum, { weight }) => sum + weight, 0);
  }

  #send(member: Member, tasks: readonly PendingTask[]): void {
    const job = this.#nextJob++;
    const deadline = setTimeout(() => {
      this.#replace(member, new Error(`no results within ${VERIFY_TIMEOUT_MS} ms`));
    }, VERIFY_TIMEOUT_MS).unref();
    member.jobs.set(job, { tasks, deadline });
    const messages = tasks.map((task) => task.pack());
    member.worker.postMessage(
      { job, tasks: messages } satisfies JobRequest,
      messages.map(({ buffer }) => buffer),
    );
  }

  #hire(): Member {
    const { module, settings, workers } = this.#options;
    const tableBytesMax = (settings?.tableBytesMax ?? VERIFY_TABLES_BYTES_MAX) / workers;
    const workerData: VerifierSettings = { ...settings, tableBytesMax };
    const member: Member = {
      worker: new Worker(module, { workerData }),
      jobs: new Map(),
      metrics: undefined,
    };
    member.worker.on("message", (reply: JobReply) => {
      if (reply.kind === "ready") this.#options.onEvent?.({ variant: reply.variant });
      else if (reply.kind === "notice") this.#options.onEvent?.({ notice: reply.message });
      else this.#deliver(member, reply);
    });
    member.worker.on("error", (error) => this.#replace(member, error));
    for (const note of this.#briefing?.() ?? []) member.worker.postMessage({ note } satisfies JobRequest);
    return member;
  }

  #deliver(member: Member, { job: number, results, metrics }: JobReply & { kind: "done" }): void {
    const job = member.jobs.get(number);
    if (job === undefined) return;
    clearTimeout(job.deadline);
    member.jobs.delete(number);
    member.metrics = metrics;
    job.tasks.forEach(({ resolve }, i) => {
      resolve(results[i]);
    });
    this.#assign();
  }

  #replace(broken: Member, error: unknown): void {
    const index = this.#members.indexOf(broken);
    if (this.#closed || index < 0) return;
    this.#members[index] = this.#hire();
    void broken.worker.terminate();
    this.#options.onEvent?.({ error });
    const [atWork, ...queued] = broken.jobs.values();
    for (const { tasks, deadline } of queued) {
      clearTimeout(deadline);
      this.#waiting.unshift(...tasks);
    }
    clearTimeout(atWork?.deadline);
    for (const task of atWork?.tasks ?? []) this.#retry(task, error);
    this.#assign();
  }

  #retry(task: PendingTask, cause: unknown): void {
    if (task.failedBefore) {
      task.reject(
        new SequencerError("internal", "signatures could not be verified: two workers broke", { cause }),
      );
    } else {
      task.failedBefore = true;
      this.#waiting.unshift(task);
    }
  }
}

/** A worker's module beside this one: it has the same extension, TypeScript in the source tree, JavaScript in a build. */
export function workerModule(name: string, beside: string): URL {
  return new URL(`${name}${beside.slice(beside.lastIndexOf("."))}`, beside);
}

function closed(): SequencerError {
  return new SequencerError("unavailable", "the node is shutting down", {
    data: { reason: "shutting-down" },
  });
}

/**
 * Lets a worker finish and end by itself: terminating it inside a native call can take the whole process down with it.
 */
async function dismiss({ worker }: Member): Promise<void> {
  const gone = once(worker, "exit", { signal: AbortSignal.timeout(VERIFY_TIMEOUT_MS) });
  worker.postMessage(null satisfies JobRequest);
  await gone.catch(() => worker.terminate());
}
