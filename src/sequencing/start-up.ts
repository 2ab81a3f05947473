/**
 * How a primary starts, SPEC section 3: every reason to refuse, checked before the first signature. What is committed
 * and not signed is never dropped: it is signed here, once the guard, the keys, the clock and the flags agree.
 */
import { equalBytes, isZero, toHex } from "../base/bytes.ts";
import { SequencerError } from "../base/errors.ts";
import { CLOCK_AHEAD_MS, CLOCK_BEHIND_MS } from "../base/limits.ts";
import type { Head, SignedHead } from "../log/checkpoint.ts";
import type { Genesis } from "../log/genesis.ts";
import { Log } from "../log/log.ts";
import { EMPTY_ROOT } from "../log/merkle.ts";
import { beginLog, bondedAlone, bondedInMemory, type LogStart, type OperatorCheck } from "./begin-log.ts";
import { CheckpointSigner } from "./checkpoint-signer.ts";
import { FileGuard, type Guard, MemoryGuard } from "./sign-guard.ts";

export interface PrimaryStart extends LogStart {
  /** `-recover-guard -trust-head`: a head to put in the place of a lost guard. */
  readonly trustedHead?: Head;
  /** Other nodes of the log, to ask before the first signature. */
  readonly peers?: PeerCheck;
  /** `-accept-time`: go on though the last entry is more than a day old. */
  readonly acceptTime?: boolean;
}

/** What a starting primary asks of other nodes; it trusts only what carries its own signature. */
export interface PeerCheck extends OperatorCheck {
  /** Every head of this log that peers answer with, its signatures verified; `known` are multiaddrs from the guard. */
  newestHeads(log: Log, known: readonly string[]): Promise<SignedHead[]>;
  /** Stores everything up to a head that is ahead of the database. */
  catchUp(log: Log, head: SignedHead): Promise<void>;
}

export interface Primary {
  readonly log: Log;
  readonly guard: Guard;
  readonly signer: CheckpointSigner;
}

/** @throws SequencerError whose message says why not to start, and whose hint says what to do */
export async function startPrimary(start: PrimaryStart): Promise<Primary> {
  const known = Log.open(start.store);
  const log = known ?? (await beginLog(start, start.peers));
  checkLog(log, start);
  const signer = new CheckpointSigner(log.genesis, log.context, start.operatorKey);
  checkTime(log, start);
  if (!isZero(log.genesis.bond) && start.guardDirectory === undefined) throw bondedInMemory();
  const guard = await openGuard(log, start);
  try {
    checkHead(log, guard.head, "the sign guard");
    // What was begun just now nobody can know.
    if (known !== undefined) await askPeers(log, guard, start);
    if (log.committed.size > guard.head.size) await guard.advance(guard.head, log.committed);
    log.restore(signer.sign({ size: log.committed.size, root: log.committed.root }));
  } catch (error) {
    await guard.close();
    throw error;
  }
  return { log, guard, signer };
}

/** The log must be the one that the flags describe. */
function checkLog(log: Log, { expectedLog, genesis: wish }: PrimaryStart): void {
  if (expectedLog !== undefined && !equalBytes(expectedLog, log.logId)) {
    throw refuse("configuration", `the database holds log ${toHex(log.logId)}, not ${toHex(expectedLog)}`, {
      hint: "Check -dbpath and -log",
    });
  }
  for (const [name, wanted] of Object.entries(wish)) {
    const actual = log.genesis[name as keyof Genesis];
    if (wanted === undefined || describe(wanted) === describe(actual)) continue;
    throw refuse(
      "configuration",
      `${name} is ${describe(wanted)}, but the log's genesis says ${describe(actual)}`,
      {
        hint: "Genesis never changes: leave the flag out, or change permissions with grant and revoke",
      },
    );
  }
}

function checkTime(log: Log, { now, acceptTime, warn }: PrimaryStart): void {
  const last = log.committed.lastTimestamp;
  if (now < last - CLOCK_BEHIND_MS) {
    throw refuse("configuration", `the clock stands ${last - now} ms before the last entry's timestamp`, {
      hint: "Set the clock right, then start again",
    });
  }
  if (now <= last + CLOCK_AHEAD_MS || acceptTime === true) return;
  const message = `the clock stands ${Math.round((now - last) / 3_600_000)} hours after the last entry`;
  if (isZero(log.genesis.bond)) warn(message);
  else throw refuse("configuration", message, { hint: "If the time is right, start with -accept-time" });
}

/** A head of ours that peers hold and the database does not: catch up if it is ahead, refuse if it is another history. */
async function askPeers(log: Log, guard: Guard, { peers, solo }: PrimaryStart): Promise<void> {
  const heads = solo === true || peers === undefined ? [] : await peers.newestHeads(log, guard.peers);
  if (heads.length === 0 && solo !== true && !isZero(log.genesis.bond)) throw bondedAlone();
  const newest = heads.reduce<SignedHead | undefined>(
    (a, b) => (a !== undefined && a.size >= b.size ? a : b),
    undefined,
  );
  if (newest !== undefined && newest.size > log.committed.size) await peers?.catchUp(log, newest);
  for (const head of heads) checkHead(log, head, "a peer's head that this operator signed");
}

async function openGuard(log: Log, { guardDirectory, trustedHead }: PrimaryStart): Promise<Guard> {
  if (guardDirectory === undefined) return new MemoryGuard();
  const guard = await FileGuard.open(guardDirectory, log.logId);
  if (guard !== undefined) return guard;
  const { operator, origin } = log.genesis;
  const guarded = { logId: log.logId, operator, origin };
  if (log.committed.size === 1)
    return await FileGuard.create(guardDirectory, guarded, { size: 0, root: EMPTY_ROOT });
  if (trustedHead === undefined) {
    throw refuse("guard", `the sign guard of log ${toHex(log.logId)} is not in ${guardDirectory}`, {
      hint: "Put it back or name its directory with -guard; if it is lost, pass -recover-guard with -trust-head SIZE:ROOT, the newest head that anybody holds",
    });
  }
  checkHead(log, trustedHead, "the trusted head");
  return await FileGuard.create(guardDirectory, guarded, trustedHead);
}

/** The database must reproduce what was signed: else it is an old copy, or another log's. */
function checkHead(log: Log, head: Head, what: string): void {
  const { size } = log.committed;
  if (head.size > size) {
    throw refuse(
      "guard",
      `${what} stands at size ${head.size}, but the database ends at ${size}: it is an old copy`,
      {
        hint: "Signing from it would be equivocation. Restore the newest database, or catch up from a replica first",
      },
    );
  }
  if (!equalBytes(log.rootAt(head.size), head.root)) {
    throw refuse("guard", `the database has another root at size ${head.size} than ${what}`, {
      hint: "This database is not the one that was signed. Restore the right one; do not sign from this one",
    });
  }
}

function refuse(code: "configuration" | "guard", message: string, details: { hint: string }): SequencerError {
  return new SequencerError(code, message, details);
}

function describe(value: unknown): string {
  if (value instanceof Uint8Array) return toHex(value);
  if (Array.isArray(value)) return `[${value.map(describe).join(", ")}]`;
  return typeof value === "object" && value !== null
    ? JSON.stringify(Object.values(value).map(describe))
    : String(value);
}
