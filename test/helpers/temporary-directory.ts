/**
 * A directory of a test's own that goes away with it.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Whatever has an end that can be waited for: a test's context, or a suite's `after`. */
export interface Scope {
  after(finish: () => void | Promise<void>): void;
}

export function temporaryDirectory(scope: Scope): string {
  const path = mkdtempSync(join(tmpdir(), "sequencer-test-"));
  scope.after(() => rmSync(path, { recursive: true, force: true }));
  return path;
}
