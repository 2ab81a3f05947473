/**
 * Files that a command is told to read.
 */
import { readFileSync } from "node:fs";
import { SequencerError } from "../base/errors.ts";

/** @param path of the file; - is standard input. @throws SequencerError `configuration` if it cannot be read */
export function readGivenFile(path: string): Uint8Array {
  try {
    return readFileSync(path === "-" ? 0 : path);
  } catch (cause) {
    const { code } = cause as { code?: string };
    throw new SequencerError("configuration", `cannot read ${path} (${code})`, {
      cause,
      hint: "Check the path and its permissions",
    });
  }
}
