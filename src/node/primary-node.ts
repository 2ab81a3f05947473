/**
 * A running primary: the place where log, sequencing and HTTP meet, and the order in which they start and stop.
 */
import { availableParallelism } from "node:os";
import { setTimeout } from "node:timers/promises";
import type { Logger } from "pino";
import { SequencerError } from "../base/errors.ts";
import { DISK_RESERVE_BYTES, SHUTDOWN_MS } from "../base/limits.ts";
import { LmdbStore } from "../log/lmdb-store.ts";
import type { Log } from "../log/log.ts";
import { MemoryStore } from "../log/memory-store.ts";
import type { Store } from "../log/store.ts";
import { Permissions } from "../permission/policy.ts";
import type { Backend } from "../rpc/backend.ts";
import { Metrics } from "../rpc/metrics.ts";
import { startServer } from "../rpc/server.ts";
import { Clock } from "../sequencing/clock.ts";
import { CommitLoop, type CommitStep } from "../sequencing/commit-loop.ts";
import { FailureBudget } from "../sequencing/failure-budget.ts";
import { Intake } from "../sequencing/intake.ts";
import { useNativeSecp256k1 } from "../sequencing/native-secp256k1.ts";
import { Ordering } from "../sequencing/ordering.ts";
import type { Outcome } from "../sequencing/outcome.ts";
import { type PrimaryStart, startPrimary } from "../sequencing/start-up.ts";
import { VerifierPool } from "../sequencing/verifier-pool.ts";
import { Housekeeping } from "./housekeeping.ts";
import { VERSION } from "./version.ts";

export interface PrimaryNodeOptions extends Omit<PrimaryStart, "store" | "now" | "warn"> {
  /** Directory of the database; empty keeps everything in memory. */
  readonly dbPath: string;
  readonly idIndex?: boolean;
  readonly rpcHost: string;
  readonly rpcPort: number;
  readonly multiaddrs: readonly string[];
  /** Bytes to leave free on the disk. */
  readonly diskReserveBytes?: number;
  /** Verification workers; one per processor unless given. */
  readonly verifyWorkers?: number;
  readonly logger: Logger;
  /** The process must end: a commit, the guard or the signer failed. */
  readonly onFatal: (error: unknown) => void;
  /** For tests: called at each step between order and answer. */
  readonly onStep?: (step: CommitStep) => void;
}

export interface RunningNode {
  readonly log: Log;
  /** Where the API listens. */
  readonly url: string;
  /** Finishes what was accepted, refuses the rest, and lets go of files and ports. */
  close(): Promise<void>;
}

/** @throws SequencerError that says why the node must not start, and what to do */
export async function startPrimaryNode(options: PrimaryNodeOptions): Promise<RunningNode> {
  const { logger } = options;
  if (!useNativeSecp256k1())
    logger.warn("native libsecp256k1 cannot be loaded: signatures are ten times slower");
  const closers: Closer[] = [];
  try {
    const { log, url } = await run(options, closers);
    return { log, url, close: () => closeAll(closers) };
  } catch (error) {
    await closeAll(closers);
    throw error;
  }
}

/** Starts the parts in their order; each leaves in `closers` how it ends, which happens in reverse. */
async function run(options: PrimaryNodeOptions, closers: Closer[]): Promise<Omit<RunningNode, "close">> {
  const { logger, dbPath, idIndex = false } = options;
  const store: Store =
    dbPath === "" ? new MemoryStore({ idIndex }) : new LmdbStore({ path: dbPath, idIndex });
  closers.push(() => store.close());
  const warn = (message: string): void => logger.warn(message);
  const { log, guard, signer } = await startPrimary({ ...options, store, now: Date.now(), warn });
  closers.push(() => guard.close());

  const verifier = startVerifier(options);
  closers.push(() => verifier.close());
  const clock = new Clock();
  const ordering = new Ordering(log, Permissions.fromRoles(store.roles()), clock);
  const { onFatal, onStep } = options;
  const commitLoop = new CommitLoop({ log, ordering, guard, signer, onFatal, ...(onStep && { onStep }) });
  closers.push(() => commitLoop.stop());
  const budget = new FailureBudget(() => performance.now());
  const intake = new Intake({ log, ordering, verifier, clock, budget, onOrdered: () => commitLoop.kick() });
  const diskReserveBytes = options.diskReserveBytes ?? DISK_RESERVE_BYTES;
  const housekeeping = new Housekeeping({ intake, clock, store, diskReserveBytes, logger });
  await housekeeping.look();

  const metrics = new Metrics();
  const permissions = Permissions.fromRoles(store.roles());
  log.onPublish((head, { growth, roles }) => {
    for (const role of roles) permissions.restore(role);
    metrics.blockPublished(head.size - growth.first);
  });
  watch(metrics, log, intake, ordering);
  const backend: Backend = {
    mode: "primary",
    version: VERSION,
    log,
    permissions,
    append: (payloads, source) => measured(metrics, intake.submit(payloads, source)),
    sequenceOf: (id) => ordering.sequenceOf(id),
    peers: () => [],
    multiaddrs: () => [...options.multiaddrs],
    notReady: () => housekeeping.trouble,
  };
  const { rpcHost: host, rpcPort: port } = options;
  const server = await startServer({ backend, metrics, logger, host, port });
  closers.push(async () => {
    housekeeping.stop();
    intake.close(
      new SequencerError("unavailable", "the node is shutting down", { data: { reason: "shutting-down" } }),
    );
    await Promise.race([server.close(), setTimeout(SHUTDOWN_MS, undefined, { ref: false })]);
  });
  return { log, url: server.url };
}

type Closer = () => Promise<void>;

async function closeAll(closers: Closer[]): Promise<void> {
  for (let close = closers.pop(); close !== undefined; close = closers.pop()) await close();
}

function startVerifier({ logger, verifyWorkers = availableParallelism() }: PrimaryNodeOptions): VerifierPool {
  return new VerifierPool({
    workers: verifyWorkers,
    onEvent: (event) => {
      if ("variant" in event) logger.debug({ verifier: event.variant }, "a verification worker is ready");
      else logger.error({ err: event.error }, "a verification worker broke and was replaced");
    },
  });
}

async function measured(metrics: Metrics, outcomes: Promise<Outcome[]>): Promise<Outcome[]> {
  const start = performance.now();
  const all = await outcomes;
  metrics.appendAnswered((performance.now() - start) / 1_000);
  for (const outcome of all) if (outcome instanceof SequencerError) metrics.refused(outcome);
  return all;
}

function watch(metrics: Metrics, log: Log, intake: Intake, ordering: Ordering): void {
  metrics.gauge(
    "sequencer_signed_size_entries",
    "Entries under the signed head",
    () => log.signed?.size ?? 0,
  );
  metrics.gauge(
    "sequencer_intake_transactions",
    "Transactions between arrival and answer",
    () => intake.transactions,
  );
  metrics.gauge("sequencer_intake_bytes", "Payload bytes between arrival and answer", () => intake.bytes);
  metrics.gauge("sequencer_ordered_entries", "Ordered entries that wait for a block", () => ordering.queued);
}
