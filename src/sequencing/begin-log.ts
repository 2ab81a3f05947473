/**
 * How a log begins, SPEC section 3: a primary with an empty database writes genesis, unless something says that its
 * operator has a log already. An empty directory is more often a volume that is not mounted than a wish for a new log.
 */
import { isZero, toHex } from "../base/bytes.ts";
import { SequencerError } from "../base/errors.ts";
import { encodeEntry } from "../log/entry.ts";
import { encodeGenesis, type Genesis } from "../log/genesis.ts";
import { Log } from "../log/log.ts";
import type { Store } from "../log/store.ts";
import { operatorIdentity } from "./checkpoint-signer.ts";
import { guardedLogs } from "./sign-guard.ts";

/** What the operator asks of genesis; everything left out has a default, or is taken from the log that exists. */
export type GenesisWish = Partial<Omit<Genesis, "operator" | "noteKey">>;

export interface LogStart {
  readonly store: Store;
  /** Directory of the sign guards; undefined for a log in memory. */
  readonly guardDirectory: string | undefined;
  /** 32 bytes. */
  readonly operatorKey: Uint8Array;
  readonly genesis: GenesisWish;
  /** `-log`: the log to serve. It forbids genesis. */
  readonly expectedLog?: Uint8Array;
  /** `-new-log`: begin another log though this operator has one. */
  readonly newLog?: boolean;
  /** `-solo`: sign without having asked a peer. */
  readonly solo?: boolean;
  /** Unix milliseconds. */
  readonly now: number;
  readonly warn: (message: string) => void;
}

/** What peers know of an operator. */
export interface OperatorCheck {
  /**
   * @returns ids of logs that a peer serves under a head that this operator signed, and the named peers that were
   * silent
   */
  logsOf(operator: Uint8Array): Promise<{ readonly logs: Uint8Array[]; readonly silent: readonly string[] }>;
}

export const LIFETIME_MS_DEFAULT = 120_000;
export const CHAIN_ID_DEFAULT = 1;

/** Writes genesis. @throws SequencerError whose message says why not, and whose hint says what to do */
export async function beginLog(start: LogStart, peers: OperatorCheck | undefined): Promise<Log> {
  const { expectedLog, genesis: wish, now, store } = start;
  if (expectedLog !== undefined) {
    throw new SequencerError("configuration", `-log names ${toHex(expectedLog)}, but the database is empty`, {
      hint: "Check that the right volume is mounted at -dbpath; without -log a new log would be started",
    });
  }
  const identity = operatorIdentity(start.operatorKey);
  const genesis: Genesis = {
    origin: wish.origin ?? `localhost/sequencer/${toHex(identity.operator)}/${now}`,
    chainId: wish.chainId ?? CHAIN_ID_DEFAULT,
    bond: wish.bond ?? new Uint8Array(20),
    ...identity,
    maxTransactionLifetimeMs: wish.maxTransactionLifetimeMs ?? LIFETIME_MS_DEFAULT,
    admins: wish.admins ?? [identity.operator],
    writers: wish.writers ?? [],
    ...(wish.predecessor !== undefined && { predecessor: wish.predecessor }),
  };
  const payload = encodeGenesis(genesis);
  if (start.newLog !== true) {
    checkGuards(genesis, start);
    await checkPeers(genesis, start, peers);
  }
  if (!isZero(genesis.bond)) {
    if (start.guardDirectory === undefined) throw bondedInMemory();
    if (start.solo !== true) throw bondedAlone();
  }
  return await Log.create(store, encodeEntry({ timestamp: now, payload }));
}

/** An origin that nobody chose is new each time: then a guard of the operator may be the lost log's, or that of any other. */
function checkGuards({ operator }: Genesis, { guardDirectory, genesis: { origin }, warn }: LogStart): void {
  const [first] = guardDirectory === undefined ? [] : guardedLogs(guardDirectory, operator, origin);
  if (first === undefined) return;
  if (origin === undefined) {
    warn(
      `this operator already signs another log, ${toHex(first)}: if its volume should be mounted at -dbpath, stop, mount it, and start with -log ${toHex(first)}, which forbids a new log`,
    );
    return;
  }
  throw new SequencerError(
    "guard",
    `this operator already signs a log of origin ${origin}: ${toHex(first)}`,
    {
      hint: "Start it with its own -dbpath, with its volume mounted, or pass -new-log to begin another one",
    },
  );
}

async function checkPeers(
  { operator }: Genesis,
  { warn }: LogStart,
  peers: OperatorCheck | undefined,
): Promise<void> {
  const { logs, silent } = (await peers?.logsOf(operator)) ?? { logs: [], silent: [] };
  if (logs.length > 0) {
    const message = `a peer serves a log of this operator, ${toHex(logs[0]!)}, and the database is empty`;
    throw new SequencerError("configuration", message, {
      hint: "Restore its database or mount its volume at -dbpath (with -log 0x… nothing is ever begun), or pass -new-log to begin another log",
    });
  }
  if (silent.length > 0)
    warn(`${silent.join(", ")} did not answer: whether this operator has a log already was not asked there`);
}

export function bondedInMemory(): SequencerError {
  return new SequencerError("configuration", "a bonded log cannot be kept in memory", {
    hint: "Give it a -dbpath",
  });
}

export function bondedAlone(): SequencerError {
  return new SequencerError(
    "configuration",
    "a bonded primary signs nothing until a peer has told it the newest head it knows",
    { hint: "Name a replica with -peers, or pass -solo if no peer knows this log yet" },
  );
}
