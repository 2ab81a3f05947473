/**
 * How a new replica gets to know its log: by the genesis entry that a peer serves. With `-log` any peer will do, for
 * genesis is the log's name; without it only the peers that the operator named are believed, in the order given.
 */
import { setTimeout } from "node:timers/promises";
import type { Logger } from "pino";
import { equalBytes, toHex } from "../base/bytes.ts";
import { domainSeparator } from "../base/eip712.ts";
import { SequencerError } from "../base/errors.ts";
import { GENESIS_ROUND_MS } from "../base/limits.ts";
import { CheckpointVerifier } from "../log/checkpoint.ts";
import { decodeEntry } from "../log/entry.ts";
import { decodeGenesis, type Genesis } from "../log/genesis.ts";
import { Log } from "../log/log.ts";
import { leafHash } from "../log/merkle.ts";
import type { Store } from "../log/store.ts";
import type { SyncPeer } from "../replication/panel.ts";
import type { HeadAnswer } from "../replication/sync-messages.ts";

export interface FindLogOptions {
  readonly store: Store;
  /** The log to find; undefined takes that of the first named peer. */
  readonly expectedLog: Uint8Array | undefined;
  /** Connected peers. */
  readonly peers: () => readonly SyncPeer[];
  /** Peer ids that the operator named, in this order. */
  readonly named: readonly string[];
  readonly logger: Logger;
  /** Gives up. */
  readonly signal: AbortSignal;
}

/** Asks until a peer serves the log, and begins the store with its genesis. @throws the signal's reason */
export async function findLog(options: FindLogOptions): Promise<Log> {
  const { store, expectedLog, peers, named, logger, signal } = options;
  const told = new Set<string>();
  for (;;) {
    signal.throwIfAborted();
    const connected = peers();
    const byName = named.flatMap((id) => connected.filter((peer) => peer.id === id));
    const asked = expectedLog === undefined ? byName : connected;
    const answers = new Map<SyncPeer, HeadAnswer>();
    const all = asked.map(async (peer) => {
      const answer = await peer.ask({ kind: "head" }).catch(() => undefined);
      if (answer?.kind === "head") answers.set(peer, answer);
    });
    // One that does not answer holds up the others no longer than this.
    await Promise.race([Promise.all(all), setTimeout(GENESIS_ROUND_MS, undefined, { signal, ref: false })]);
    for (const peer of asked) {
      const answer = answers.get(peer);
      if (answer === undefined) continue;
      const problem = problemWith(answer, expectedLog);
      if (problem === undefined) return await Log.create(store, Uint8Array.from(answer.genesisEntry));
      if (!told.has(peer.id)) logger.error({ peer: peer.id }, `a peer is of no use: ${problem}`);
      told.add(peer.id);
    }
    await setTimeout(100, undefined, { signal });
  }
}

function problemWith(answer: HeadAnswer, expectedLog: Uint8Array | undefined): string | undefined {
  const logId = leafHash(answer.genesisEntry);
  if (expectedLog !== undefined && !equalBytes(logId, expectedLog)) return `it serves log ${toHex(logId)}`;
  const log = provenLog(answer);
  return typeof log === "string" ? log : undefined;
}

/** The log that an answer proves: its genesis, and a head that the operator of genesis signed. Else what is wrong. */
export function provenLog({
  genesisEntry,
  note,
}: HeadAnswer): { readonly genesis: Genesis; readonly logId: Uint8Array } | string {
  const logId = leafHash(genesisEntry);
  const entry = decodeEntry(genesisEntry);
  if (entry === undefined) return "its genesis is not readable";
  try {
    const genesis = decodeGenesis(entry.payload);
    const context = { separator: domainSeparator(genesis), logId };
    const head = new CheckpointVerifier(genesis, context).open(note);
    return head === undefined ? "its head is not signed by the operator of its genesis" : { genesis, logId };
  } catch (error) {
    if (error instanceof SequencerError) return "its genesis is not readable";
    throw error;
  }
}
