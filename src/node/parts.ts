/**
 * What primaries and replicas are built of alike: an orderly end, verification workers, measured appends, gauges.
 */
import { availableParallelism } from "node:os";
import type { Logger } from "pino";
import { SequencerError } from "../base/errors.ts";
import { LmdbStore } from "../log/lmdb-store.ts";
import type { Log } from "../log/log.ts";
import { MemoryStore } from "../log/memory-store.ts";
import type { Store } from "../log/store.ts";
import { Permissions } from "../permission/policy.ts";
import { FullChecker } from "../replication/entry-checker.ts";
import type { Metrics } from "../rpc/metrics.ts";
import type { TrustedProxies } from "../rpc/sources.ts";
import type { VerifierSettings } from "../sequencing/job-server.ts";
import type { Outcome } from "../sequencing/outcome.ts";
import { LogValidator, type SeenIds } from "../sequencing/validator.ts";
import type { Verifier } from "../sequencing/verifier.ts";
import { VerifierPool } from "../sequencing/verifier-pool.ts";
import type { Bonding, BondingOptions, ChainSettings } from "./bonding.ts";

/** What every node is given. */
export interface NodeOptions {
  /** Directory of the database; empty keeps everything in memory. */
  readonly dbPath: string;
  readonly idIndex?: boolean;
  readonly rpcHost: string;
  /** 0 takes any free port. */
  readonly rpcPort: number;
  /** Proxies before the API, whose word on who calls is believed. */
  readonly trustedProxies?: TrustedProxies;
  /** Verification workers; one per processor unless given. */
  readonly verifyWorkers?: number;
  /** How they verify: the fastest way that passes its self-test unless given. */
  readonly verifierVariant?: NonNullable<VerifierSettings["variant"]>;
  /** Where the bond is; without it nothing is known of the stake. */
  readonly chain?: ChainSettings;
  /** Other servers of the log, whose checkpoints the watchtower looks at. */
  readonly watchUrls?: readonly string[];
  readonly logger: Logger;
  /** The process must end at once. */
  readonly onFatal: (error: unknown) => void;
}

export interface RunningNode {
  readonly log: Log;
  /** Where the API listens. */
  readonly url: string;
  /** Where peers reach it; empty without a network. */
  readonly multiaddrs: readonly string[];
  /** Finishes what was accepted, refuses the rest, and lets go of files and ports. */
  close(): Promise<void>;
}

/** How a part ends; the last one that was started ends first. */
export type Closer = () => void | Promise<void>;

export async function closeAll(closers: Closer[]): Promise<void> {
  for (let close = closers.pop(); close !== undefined; close = closers.pop()) await close();
}

/** Runs `start`, and ends what it had begun if it fails. */
export async function startOrClose<T>(
  start: (closers: Closer[]) => Promise<T>,
): Promise<T & Pick<RunningNode, "close">> {
  const closers: Closer[] = [];
  try {
    const started = await start(closers);
    return { ...started, close: () => closeAll(closers) };
  } catch (error) {
    await closeAll(closers);
    throw error;
  }
}

export function openStore({ dbPath, idIndex = false }: NodeOptions): Store {
  return dbPath === "" ? new MemoryStore({ idIndex }) : new LmdbStore({ path: dbPath, idIndex });
}

/** @param module workers that do more than verifying */
export function startVerifier(
  { logger, verifyWorkers = availableParallelism(), verifierVariant = "auto" }: NodeOptions,
  module?: URL,
): VerifierPool {
  return new VerifierPool({
    ...(module && { module }),
    workers: verifyWorkers,
    settings: { variant: verifierVariant },
    onEvent: (event) => {
      if ("variant" in event) logger.info({ verifier: event.variant }, "a verification worker is ready");
      else if ("notice" in event) logger.warn(event.notice);
      else logger.error({ err: event.error }, "a verification worker broke and was replaced");
    },
  });
}

/**
 * Begins to look after the bond if the node was told of its chain. Only then is the code for it loaded: viem takes as
 * long as libp2p.
 * @throws SequencerError
 */
export async function startBonding(
  { chain }: { readonly chain?: ChainSettings },
  options: Omit<BondingOptions, "settings">,
  closers: Closer[],
): Promise<Bonding | undefined> {
  if (chain === undefined) return undefined;
  const { Bonding } = await import("./bonding.ts");
  const bonding = await Bonding.start({ ...options, settings: chain });
  closers.push(() => bonding.stop());
  return bonding;
}

/** What the verification workers count. */
export function watchVerifier(metrics: Metrics, pool: VerifierPool): void {
  const gauge = (
    name: `sequencer_${string}`,
    help: string,
    counter: Parameters<VerifierPool["sum"]>[0],
  ): void => metrics.gauge(name, help, () => pool.sum(counter));
  gauge("sequencer_verify_fast_total", "Signatures accepted by the fast path", "accepted");
  gauge("sequencer_verify_referred_total", "Signatures decided by the reference", "referred");
  gauge("sequencer_verify_sampled_total", "Accepted signatures checked again by the reference", "sampled");
  gauge("sequencer_verify_disagreements_total", "Fast path against reference: must stay 0", "disagreements");
  gauge("sequencer_verify_tables", "Accounts with a table", "tablesInUse");
  gauge("sequencer_verify_table_bytes", "Bytes of all tables", "tableBytes");
}

/** Times and counts what comes of appends. */
export async function measured(metrics: Metrics, outcomes: Promise<Outcome[]>): Promise<Outcome[]> {
  const start = performance.now();
  const all = await outcomes;
  metrics.appendAnswered((performance.now() - start) / 1_000);
  for (const outcome of all) if (outcome instanceof SequencerError) metrics.refused(outcome);
  return all;
}

/** Roles under the signed head, and counters, kept up to date with what is published. */
export function followPublished(log: Log, store: Store, metrics: Metrics): Permissions {
  const permissions = Permissions.fromRoles(store.roles());
  let published = log.signed?.size ?? 0;
  log.onPublish((head, { roles }) => {
    for (const role of roles) permissions.restore(role);
    metrics.blockPublished(head.size - published);
    published = head.size;
  });
  metrics.gauge(
    "sequencer_signed_size_entries",
    "Entries under the signed head",
    () => log.signed?.size ?? 0,
  );
  return permissions;
}

/** Checks everything of the entries that follow what a log has committed. */
export function fullChecker(log: Log, store: Store, ids: SeenIds, verifier: Verifier): FullChecker {
  const { size: next, lastTimestamp } = log.committed;
  const { context, genesis } = log;
  const permissions = Permissions.fromRoles(store.roles());
  return new FullChecker(
    new LogValidator({ context, genesis, permissions, ids, next, lastTimestamp }),
    verifier,
  );
}
