/**
 * Worker threads, and whether they have loaded. A process that exits while a thread loads its modules can die of a
 * failed check within V8 instead, so whoever ends it early waits for them.
 */
import { Worker } from "node:worker_threads";
import { THREADS_LOAD_MS } from "./limits.ts";

const loading = new Set<Worker>();
const waiting: (() => void)[] = [];

/** Starts a thread. Its module posts a message once it has loaded. */
export function startThread(module: URL, workerData: unknown): Worker {
  const worker = new Worker(module, { workerData });
  loading.add(worker);
  for (const event of ["message", "error", "exit"]) worker.once(event, () => loaded(worker));
  return worker;
}

/** Resolves once no thread is loading, or after THREADS_LOAD_MS: one that is broken may load for ever. */
export async function threadsLoaded(): Promise<void> {
  const deadline = new Promise<void>((resolve) => setTimeout(resolve, THREADS_LOAD_MS).unref());
  const settled = async (): Promise<void> => {
    while (loading.size > 0) await new Promise<void>((resolve) => waiting.push(resolve));
  };
  await Promise.race([settled(), deadline]);
}

/** A worker's module beside this one: it has the same extension, TypeScript in the source tree, JavaScript in a build. */
export function workerModule(name: string, beside: string): URL {
  return new URL(`${name}${beside.slice(beside.lastIndexOf("."))}`, beside);
}

function loaded(worker: Worker): void {
  loading.delete(worker);
  for (const resolve of waiting.splice(0)) resolve();
}
