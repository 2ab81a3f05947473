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
import { joinPieces, type Pieces, splitPieces } from "./pieces.ts";

/** A job, a note, or null, which asks the worker to end. A job is tasks: the kind of each, and its bytes. */
export type JobRequest =
  | { readonly job: number; readonly kinds: readonly string[]; readonly bodies: Pieces }
  | { readonly note: unknown }
  | null;

export type JobReply =
  | { readonly kind: "ready"; readonly variant: string }
  | { readonly kind: "notice"; readonly message: string }
  | {
      readonly kind: "done";
      readonly job: number;
      /** One a task. */
      readonly results: Pieces;
      readonly metrics: Readonly<VerifierMetrics>;
    };

/** What the pool tells its workers. */
export type VerifierSettings = Pick<VerifierOptions, "variant" | "tableBytesMax">;

/** How a kind of task is done: all of a job's at once, for signatures are verified fastest together. */
export type TaskHandler = (bodies: readonly Uint8Array[]) => readonly Uint8Array[];

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
    const results = joinPieces(doTasks(request.kinds, splitPieces(request.bodies), handlers));
    post({ kind: "done", job: request.job, results, metrics: verifier.metrics }, [results.bytes.buffer]);
  });
  post({ kind: "ready", variant: verifier.variant });
}

function doTasks(
  kinds: readonly string[],
  bodies: readonly Uint8Array[],
  handlers: Skills["handlers"],
): Uint8Array[] {
  const done = new Array<Uint8Array>(kinds.length);
  for (const kind of new Set(kinds)) {
    const places = [...kinds.keys()].filter((i) => kinds[i] === kind);
    const results = handlers[kind]!(places.map((i) => bodies[i]!));
    places.forEach((place, i) => {
      done[place] = results[i]!;
    });
  }
  return done;
}
