/**
 * Tasks that wait for a worker, and how they are put together into jobs.
 */
import { VERIFY_JOB_SIGNATURES_MAX, VERIFY_JOB_SIGNATURES_MIN } from "../base/limits.ts";

/** Something for a worker to do. */
export interface Task {
  /** Which of the worker's handlers does it. */
  readonly kind: string;
  /** What it is about; not to be changed before it is done. */
  readonly bytes: Uint8Array;
  /** Signatures in it, or about as many as it takes as long as. */
  readonly weight: number;
}

export interface PendingTask {
  readonly task: Task;
  readonly resolve: (result: Uint8Array) => void;
  readonly reject: (error: unknown) => void;
  failedBefore: boolean;
}

export class TaskQueue {
  #tasks: PendingTask[] = [];
  #weight = 0;

  get isEmpty(): boolean {
    return this.#tasks.length === 0;
  }

  /** True if what waits makes a job that is worth a message. */
  get isWorthwhile(): boolean {
    return this.#weight >= VERIFY_JOB_SIGNATURES_MIN;
  }

  add(task: PendingTask): void {
    this.#tasks.push(task);
    this.#weight += task.task.weight;
  }

  /** Back to the front, for those that a worker left undone. */
  putBack(tasks: readonly PendingTask[]): void {
    this.#tasks.unshift(...tasks);
    for (const { task } of tasks) this.#weight += task.weight;
  }

  /** As much as lets that many workers share what waits, within the bounds of a job. */
  takeJob(workers: number): PendingTask[] {
    const share = Math.ceil(this.#weight / workers);
    const limit = Math.min(VERIFY_JOB_SIGNATURES_MAX, Math.max(VERIFY_JOB_SIGNATURES_MIN, share));
    let total = 0;
    let taken = 0;
    // What broke a worker goes alone, so that it takes nobody with it if it does so again.
    const alone = this.#tasks[0]?.failedBefore;
    for (const { task, failedBefore } of this.#tasks) {
      if (taken > 0 && (alone || failedBefore || total + task.weight > limit)) break;
      total += task.weight;
      taken++;
    }
    this.#weight -= total;
    return this.#tasks.splice(0, taken);
  }

  rejectAll(error: unknown): void {
    for (const { reject } of this.#tasks.splice(0)) reject(error);
    this.#weight = 0;
  }
}
