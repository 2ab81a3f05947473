/**
 * A log in a stopped node's database, and the sign guard that stands beside it.
 */
import { homedir } from "node:os";
import { join } from "node:path";
import { equalBytes } from "../base/bytes.ts";
import { SequencerError } from "../base/errors.ts";
import { BLOCK_ENTRIES_MAX } from "../base/limits.ts";
import type { Log } from "../log/log.ts";
import { unpackEntries } from "../log/packed-entries.ts";
import { FileGuard } from "../sequencing/sign-guard.ts";
import type { Flags } from "./flags.ts";

export const GUARD_FLAG: Flags = {
  guard: {
    type: "string",
    value: "DIR",
    help: "directory of the sign guards, away from the database",
    default: join(process.env.XDG_STATE_HOME ?? join(homedir(), ".local", "state"), "sequencer"),
  },
};

/** The entries, as many at a time as a block has at most. */
export function* entriesOfLog(log: Log): Iterable<Uint8Array[]> {
  const { size } = log.committed;
  for (let first = 0; first < size; first += BLOCK_ENTRIES_MAX) {
    const pieces = log.pieces(first, Math.min(size, first + BLOCK_ENTRIES_MAX));
    yield Array.from(pieces, ({ entries, count }) => unpackEntries(entries, count)!).flat();
  }
}

/** Holds the log against the guard of its primary, if there is one here. @throws SequencerError `guard` */
export async function checkGuardOf(log: Log, directory: string, say: (line: string) => void): Promise<void> {
  const guard = await FileGuard.open(directory, log.logId);
  if (guard === undefined) {
    say(`No sign guard of this log in ${directory}: the database was checked without it.`);
    return;
  }
  const { size, root } = guard.head;
  await guard.close();
  if (size > log.committed.size || !equalBytes(log.rootAt(size), root)) {
    throw new SequencerError(
      "guard",
      `the sign guard stands at size ${size}, which this database does not reproduce`,
      {
        hint: "This database is an old or a foreign copy: never sign from it",
      },
    );
  }
}
