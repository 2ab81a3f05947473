/**
 * How a primary starts, SPEC section 3: every reason to refuse, checked before the first signature. What is committed
 * and not signed is never dropped: it is signed here, once the guard, the keys, the clock and the flags agree.
 */
import { equalBytes, isZero, toHex } from "../base/bytes.ts";
import { SequencerError } from "../base/errors.ts";
import { CLOCK_AHEAD_MS, CLOCK_BEHIND_MS } from "../base/limits.ts";
import type { Head, SignedHead } from "../log/checkpoint.ts";
import { encodeEntry } from "../log/entry.ts";
import { encodeGenesis, type Genesis } from "../log/genesis.ts";
import { Log } from "../log/log.ts";
import { EMPTY_ROOT } from "../log/merkle.ts";
import type { Store } from "../log/store.ts";
import { CheckpointSigner, operatorIdentity } from "./checkpoint-signer.ts";
import { FileGuard, type Guard, guardedLogs, MemoryGuard } from "./sign-guard.ts";

/** What the operator asks of genesis; everything left out has a default, or is taken from the log that exists. */
export type GenesisWish = Partial<Omit<Genesis, "operator" | "noteKey">>;

export interface PrimaryStart {
  readonly store: Store;
  /** Directory of the sign guards; undefined for a log in memory. */
  readonly guardDirectory: string | undefined;
  /** 32 bytes. */
  readonly operatorKey: Uint8Array;
  readonly genesis: GenesisWish;
  /** `-log`: the log to serve. It forbids genesis. */
  readonly expectedLog?: Uint8Array;
  /** `-new-log`: begin another log though this operator and origin have one. */
  readonly newLog?: boolean;
  /** `-recover-guard -trust-head`: a head to put in the place of a lost guard. */
  readonly trustedHead?: Head;
  /** Other nodes of the log, to ask before the first signature. */
  readonly peers?: PeerCheck;
  /** `-solo`: sign without having asked a peer. */
  readonly solo?: boolean;
  /** `-accept-time`: go on though the last entry is more than a day old. */
  readonly acceptTime?: boolean;
  /** Unix milliseconds. */
  readonly now: number;
  readonly warn: (message: string) => void;
}

/** What a starting primary asks of other nodes; it trusts only what carries its own signature. */
export interface PeerCheck {
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

export const LIFETIME_MS_DEFAULT = 120_000;
export const CHAIN_ID_DEFAULT = 1;

/** @throws SequencerError whose message says why not to start, and whose hint says what to do */
export async function startPrimary(start: PrimaryStart): Promise<Primary> {
  const log = Log.open(start.store) ?? (await beginLog(start));
  checkLog(log, start);
  const signer = new CheckpointSigner(log.genesis, log.context, start.operatorKey);
  checkTime(log, start);
  if (!isZero(log.genesis.bond) && start.guardDirectory === undefined) throw bondedInMemory();
  const guard = await openGuard(log, start);
  try {
    checkHead(log, guard.head, "the sign guard");
    await askPeers(log, guard, start);
    if (log.committed.size > guard.head.size) await guard.advance(guard.head, log.committed);
    log.restore(signer.sign({ size: log.committed.size, root: log.committed.root }));
  } catch (error) {
    await guard.close();
    throw error;
  }
  return { log, guard, signer };
}

async function beginLog(start: PrimaryStart): Promise<Log> {
  if (start.expectedLog !== undefined) {
    throw refuse("configuration", `-log names ${toHex(start.expectedLog)}, but the database is empty`, {
      hint: "Check that the right volume is mounted at -dbpath; without -log a new log would be started",
    });
  }
  const identity = operatorIdentity(start.operatorKey);
  const wish = start.genesis;
  const origin = wish.origin ?? `localhost/sequencer/${toHex(identity.operator)}/${start.now}`;
  const guarded =
    start.guardDirectory === undefined ? [] : guardedLogs(start.guardDirectory, identity.operator, origin);
  if (guarded.length > 0 && start.newLog !== true) {
    throw refuse("guard", `this operator already signs a log of origin ${origin}: ${toHex(guarded[0]!)}`, {
      hint: "Start it with its own -dbpath, or pass -new-log to begin another one",
    });
  }
  const genesis: Genesis = {
    origin,
    chainId: wish.chainId ?? CHAIN_ID_DEFAULT,
    bond: wish.bond ?? new Uint8Array(20),
    ...identity,
    maxTransactionLifetimeMs: wish.maxTransactionLifetimeMs ?? LIFETIME_MS_DEFAULT,
    admins: wish.admins ?? [identity.operator],
    writers: wish.writers ?? [],
    ...(wish.predecessor !== undefined && { predecessor: wish.predecessor }),
  };
  if (!isZero(genesis.bond) && start.guardDirectory === undefined) throw bondedInMemory();
  return await Log.create(
    start.store,
    encodeEntry({ timestamp: start.now, payload: encodeGenesis(genesis) }),
  );
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
  if (heads.length === 0 && solo !== true && !isZero(log.genesis.bond)) {
    throw refuse(
      "configuration",
      "a bonded primary signs nothing until a peer has told it the newest head it knows",
      {
        hint: "Name a replica with -peers, or pass -solo if no peer knows this log yet",
      },
    );
  }
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

function bondedInMemory(): SequencerError {
  return refuse("configuration", "a bonded log cannot be kept in memory", { hint: "Give it a -dbpath" });
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
