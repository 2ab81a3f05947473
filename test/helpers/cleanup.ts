/**
 * What a helper makes, it takes away again: directories, servers, processes, the last one made first. A test's context
 * is a Cleanup; `whole-file.ts` has the one for what all tests of a file share.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

type Undo = () => unknown;

export interface Cleanup {
  after(undo: () => Promise<void>): void;
}

const stacks = new WeakMap<Cleanup, Undo[]>();

/** Calls back after the test, before everything that was deferred earlier. */
export function defer(cleanup: Cleanup, undo: Undo): void {
  let stack = stacks.get(cleanup);
  if (stack === undefined) {
    const undos: Undo[] = [];
    cleanup.after(async () => {
      for (let last = undos.pop(); last !== undefined; last = undos.pop()) await last();
    });
    stacks.set(cleanup, undos);
    stack = undos;
  }
  stack.push(undo);
}

/** An empty directory that is removed after the test. */
export function temporaryDirectory(cleanup: Cleanup): string {
  const directory = mkdtempSync(join(tmpdir(), "sequencer-test-"));
  defer(cleanup, () => rmSync(directory, { recursive: true, force: true, maxRetries: 3 }));
  return directory;
}

/** The promise, or a failure that names what was waited for. */
export async function within<T>(timeoutMs: number, what: string, promise: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what}: nothing within ${timeoutMs} ms`)), timeoutMs);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
