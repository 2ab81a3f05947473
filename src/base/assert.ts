/**
 * What the programmer guarantees. A failed assertion is a bug in this project, never the world's fault;
 * `node:assert` is not used because the log and the client run in browsers too.
 */

export class AssertionError extends Error {
  override readonly name = "AssertionError";
}

export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) throw new AssertionError(message);
}
