/**
 * The workers' side of a pool: jobs come in, their results and the verifier's counters go out, one message each.
 */
import { parentPort, workerData } from "node:worker_threads";
import {
  createVerifier,
  type Verifier,
  type VerifierMetrics,
  type VerifierOptions,
} from "../verify/verify.ts";

/** A task as it crosses to the worker. */
export interface TaskMessage {
  readonly kind: string;
  readonly body: unknown;
  /** The one buffer that the body's bytes are in. */
  readonly buffer: ArrayBuffer;
}

/** A job, a note, or null, which asks the worker to end. */
export type JobRequest =
  | { readonly job: number; readonly tasks: readonly TaskMessage[] }
  | { readonly note: unknown }
  | null;

export type JobReply =
  | { readonly kind: "ready"; readonly variant: string }
  | { readonly kind: "notice"; readonly message: string }
  | {
      readonly kind: "done";
      readonly job: number;
      readonly results: readonly unknown[];
      readonly metrics: Readonly<VerifierMetrics>;
    };

/** What the pool tells its workers. */
export type VerifierSettings = Pick<VerifierOptions, "variant" | "tableBytesMax">;

export interface TaskResult {
  readonly result: unknown;
  /** The buffer that its bytes are in, if it may be handed over; results of one job may share it. */
  readonly buffer?: ArrayBuffer;
}

/** How a kind of task is done: all of a job's at once, for signatures are verified fastest together. */
export type TaskHandler = (bodies: readonly unknown[]) => readonly TaskResult[];

/** What a worker can do. */
export interface Skills {
  readonly handlers: Readonly<Record<string, TaskHandler>>;
  /** Takes what the pool tells all its workers. */
  readonly onNote?: (note: unknown) => void;
}

/** Serves the pool that started this thread; does nothing in the main thread. */
export function serveJobs(skillsOf: (verifier: Verifier) => Skills): void {
  const port = parentPort;
  if (port === null) return;
  const post = (reply: JobReply, transfer: ArrayBuffer[] = []): void => port.postMessage(reply, transfer);
  const verifier = createVerifier({
    ...(workerData as VerifierSettings),
    log: (message) => post({ kind: "notice", message }),
  });
  const { handlers, onNote } = skillsOf(verifier);
  port.on("message", (request: JobRequest) => {
    if (request === null) return port.close();
    if ("note" in request) return onNote?.(request.note);
    const done = doTasks(request.tasks, handlers);
    const results = done.map(({ result }) => result);
    const buffers = new Set(done.flatMap(({ buffer }) => (buffer === undefined ? [] : [buffer])));
    post({ kind: "done", job: request.job, results, metrics: verifier.metrics }, [...buffers]);
  });
  post({ kind: "ready", variant: verifier.variant });
}

function doTasks(tasks: readonly TaskMessage[], handlers: Skills["handlers"]): TaskResult[] {
  const done = new Array<TaskResult>(tasks.length);
  for (const kind of new Set(tasks.map((task) => task.kind))) {
    const places = [...tasks.keys()].filter((i) => tasks[i]!.kind === kind);
    const results = handlers[kind]!(places.map((i) => tasks[i]!.body));
    places.forEach((place, i) => {
      done[place] = results[i]!;
    });
  }
  return done;
}
