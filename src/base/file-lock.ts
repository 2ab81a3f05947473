/**
 * An exclusive lock on a file that the operating system releases when the process ends, however it ends.
 */
import { closeSync, openSync } from "node:fs";
import { tryLock } from "fs-native-extensions";
import { SequencerError } from "./errors.ts";

/**
 * Takes the lock, making the file (mode 0600) if need be; returns the function that gives it back.
 * @throws SequencerError `locked` if another process, or another part of this one, holds it
 */
export function lockFile(path: string, what: string): () => void {
  const descriptor = openSync(path, "a+", 0o600);
  if (tryLock(descriptor)) return () => closeSync(descriptor);
  closeSync(descriptor);
  throw new SequencerError("locked", `${what} is in use by another process (${path})`, {
    hint: "Stop that process first; two nodes must never share a database or a sign guard",
  });
}
