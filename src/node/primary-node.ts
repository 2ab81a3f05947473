/**
 * A running primary: the place where log, sequencing, replication and HTTP meet, and the order in which they start and
 * stop.
 */
import type { Logger } from "pino";
import { SequencerError } from "../base/errors.ts";
import { DISK_RESERVE_BYTES } from "../base/limits.ts";
import type { Log } from "../log/log.ts";
import { Permissions, ROLES } from "../permission/policy.ts";
import { isStored } from "../replication/block-messages.ts";
import { judgeEcho } from "../replication/gossip.ts";
import type { Network } from "../replication/network.ts";
import { PacedGossip } from "../replication/paced-gossip.ts";
import { answerSync } from "../replication/sync-server.ts";
import type { Backend } from "../rpc/backend.ts";
import { APPEND_WORKER, FastAppends } from "../rpc/fast-appends.ts";
import { Metrics } from "../rpc/metrics.ts";
import { BlockHasher } from "../sequencing/block-hasher.ts";
import { Clock } from "../sequencing/clock.ts";
import { CommitLoop, type CommitStep } from "../sequencing/commit-loop.ts";
import { FailureBudget } from "../sequencing/failure-budget.ts";
import { fetchRecentIds } from "../sequencing/id-index.ts";
import { Intake } from "../sequencing/intake.ts";
import { useNativeSecp256k1 } from "../sequencing/native-secp256k1.ts";
import { Ordering } from "../sequencing/ordering.ts";
import { type PrimaryStart, startPrimary } from "../sequencing/start-up.ts";
import type { ReaderNote } from "../sequencing/transaction-reader.ts";
import { EvidenceKeeper } from "./evidence-keeper.ts";
import { answerAppend } from "./forwarding.ts";
import { Housekeeping } from "./housekeeping.ts";
import {
  type Closer,
  followPublished,
  measured,
  type NodeOptions,
  openStore,
  type RunningNode,
  startBonding,
  startOrClose,
  startVerifier,
  watchVerifier,
} from "./parts.ts";
import { peerCheck } from "./peer-check.ts";
import { type PeeringOptions, topicOf, watchNetwork } from "./peering.ts";
import { VERSION } from "./version.ts";
import { Watchtower } from "./watchtower.ts";

export interface PrimaryNodeOptions
  extends NodeOptions,
    Omit<PrimaryStart, "store" | "now" | "warn" | "peers"> {
  /** Its part in the network; without it the node is alone. */
  readonly peering?: PeeringOptions;
  /** Bytes to leave free on the disk. */
  readonly diskReserveBytes?: number;
  /** Where evidence is kept; undefined keeps it in memory. */
  readonly evidenceDirectory?: string;
  /** For tests: called at each step between order and answer. */
  readonly onStep?: (step: CommitStep) => void;
  /** For tests: milliseconds that a stream's reader may leave its socket full. */
  readonly streamStallMs?: number;
}

/** The primary's random neighbours carry its blocks; near ones would make it the centre of every region. */
const SOURCE = { nearLinks: 0, eagerMax: 4, rotateMs: 30_000 };

/** @throws SequencerError that says why the node must not start, and what to do */
export async function startPrimaryNode(options: PrimaryNodeOptions): Promise<RunningNode> {
  if (!useNativeSecp256k1())
    options.logger.warn("native libsecp256k1 cannot be loaded: signatures are ten times slower");
  return await startOrClose((closers) => run(options, closers));
}

/** Starts the parts in their order; each leaves in `closers` how it ends, which happens in reverse. */
async function run(options: PrimaryNodeOptions, closers: Closer[]): Promise<Omit<RunningNode, "close">> {
  const { logger, onFatal, onStep, peering } = options;
  const store = openStore(options);
  closers.push(() => store.close());
  const verifier = startVerifier(options, APPEND_WORKER);
  closers.push(() => verifier.close());
  const hasher = new BlockHasher();
  closers.push(() => hasher.close());

  let parts: NetworkParts | undefined;
  const network = peering === undefined ? undefined : await startNetwork(peering, () => parts);
  closers.push(() => network?.close());
  const { log, guard, signer } = await startPrimary({
    ...options,
    store,
    now: Date.now(),
    warn: (message) => logger.warn(message),
    ...(network !== undefined && { peers: peerCheck(network, peering!.peers, store, verifier) }),
  });
  closers.push(() => guard.close());

  await fetchRecentIds(log);
  const clock = new Clock();
  const ordering = new Ordering(log, Permissions.fromRoles(store.roles()), clock, ({ account, role }) =>
    verifier.tell({ kind: "role", account, role: ROLES[role] } satisfies ReaderNote),
  );
  verifier.brief(() => [readerNote(log, ordering.permissions)]);
  const commitLoop = new CommitLoop({
    ...{ log, ordering, guard, signer, grow: hasher.grow, onFatal },
    ...(onStep && { onStep }),
  });
  closers.push(() => commitLoop.stop());
  const budget = new FailureBudget(() => performance.now());
  const intake = new Intake({ log, ordering, verifier, clock, budget, onOrdered: () => commitLoop.kick() });
  const diskReserveBytes = options.diskReserveBytes ?? DISK_RESERVE_BYTES;
  const housekeeping = new Housekeeping({ intake, clock, store, diskReserveBytes, logger });
  closers.push(() => housekeeping.stop());
  await housekeeping.look();

  const metrics = new Metrics();
  const permissions = followPublished(log, store, metrics);
  watchVerifier(metrics, verifier);
  metrics.gauge(
    "sequencer_intake_transactions",
    "Transactions between arrival and answer",
    () => intake.transactions,
  );
  metrics.gauge("sequencer_intake_bytes", "Payload bytes between arrival and answer", () => intake.bytes);
  metrics.gauge("sequencer_ordered_entries", "Ordered entries that wait for a block", () => ordering.queued);

  const evidence = evidenceAgainstUs(log, options);
  const watchtower = new Watchtower({
    ...{ log, evidence, metrics, logger, urls: options.watchUrls ?? [] },
    peers: () => network?.syncPeers() ?? [],
  });
  closers.push(() => watchtower.stop());
  const bonding = await startBonding(options, { subject: log, log, logger }, closers);
  if (network !== undefined) {
    parts = { log, intake, evidence, watchtower };
    closers.push(joinNetwork(network, log, logger));
    watchNetwork(metrics, network, log, peering!);
    await guard.setPeers(peering!.peers.length > 0 ? peering!.peers : guard.peers);
  }
  const backend: Backend = {
    mode: "primary",
    version: VERSION,
    log,
    permissions,
    append: (payloads, { name, place }) => measured(metrics, intake.submit(payloads, name, place)),
    fastAppends: new FastAppends({
      ...{ log, intake, workers: verifier },
      measure: (outcomes) => measured(metrics, outcomes),
    }),
    sequenceOf: (id) => ordering.sequenceOf(id),
    peers: () => network?.peers() ?? [],
    multiaddrs: () => network?.multiaddrs() ?? [],
    notReady: () => housekeeping.trouble ?? bonding?.notReady,
    ...(bonding && { bondStatus: () => bonding.status }),
  };
  const { startServer } = await import("../rpc/server.ts");
  const { rpcHost: host, rpcPort: port, trustedProxies, streamStallMs } = options;
  const server = await startServer({
    ...{ backend, metrics, logger, host, port },
    ...(trustedProxies && { trustedProxies }),
    ...(streamStallMs !== undefined && { streamStallMs }),
  });
  closers.push(async () => {
    intake.close(
      new SequencerError("unavailable", "the node is shutting down", { data: { reason: "shutting-down" } }),
    );
    await server.close();
  });
  return { log, url: server.url, multiaddrs: network?.multiaddrs() ?? [] };
}

/** What the workers have to know to read requests. */
function readerNote({ context, genesis }: Log, permissions: Permissions): ReaderNote {
  const roles = Array.from(permissions, ({ account, role }) => ({ account, role: ROLES[role] }));
  return { kind: "log", context, lifetimeMs: genesis.maxTransactionLifetimeMs, roles };
}

/** What the network needs of the node; it is there before they are. */
interface NetworkParts {
  readonly log: Log;
  readonly intake: Intake;
  readonly evidence: EvidenceKeeper;
  readonly watchtower: Watchtower;
}

async function startNetwork(
  peering: PeeringOptions,
  parts: () => NetworkParts | undefined,
): Promise<Network> {
  const { Network } = await import("../replication/network.ts");
  const network = await Network.start({
    ...peering,
    port: peering.p2pPort,
    parameters: SOURCE,
    answerSync: (frame) => answerSync(parts()?.log, network.multiaddrs(), frame),
    answerAppend: (frame, peer) => {
      const { log, intake } = parts() ?? {};
      if (log === undefined || intake === undefined) return undefined;
      return answerAppend(log, (payloads, source) => intake.submit(payloads, source), frame, peer);
    },
    validate: (payload) => {
      const { log, evidence, watchtower } = parts() ?? {};
      if (log === undefined || evidence === undefined || watchtower === undefined) return "ignore";
      return judgeEcho(
        log,
        payload,
        (head) => watchtower.conflict(head),
        (flooded) => evidence.receive(flooded),
      );
    },
    isKnown: (id) => {
      const log = parts()?.log;
      return log !== undefined && isStored(id, log);
    },
    deliver: () => undefined,
    onMissing: () => undefined,
  });
  return network;
}

/**
 * Another head signed with this operator's key ends the process, and a log that it was kept of is not begun again.
 * @throws SequencerError `equivocation`
 */
function evidenceAgainstUs(log: Log, options: PrimaryNodeOptions): EvidenceKeeper {
  const { evidenceDirectory, logger, onFatal } = options;
  const evidence = new EvidenceKeeper(log, evidenceDirectory, logger);
  const hint = `Find out who else holds the key. The evidence is in ${evidenceDirectory}: move it away to go on`;
  if (evidence.kinds.length > 0)
    throw new SequencerError("equivocation", "another head was signed with this operator's key before", {
      hint,
    });
  evidence.onNew(() =>
    onFatal(
      new SequencerError("equivocation", "another head is signed with this operator's key: the node stops"),
    ),
  );
  return evidence;
}

/** @returns what sends the last blocks */
function joinNetwork(network: Network, log: Log, logger: Logger): Closer {
  const topic = topicOf(log);
  network.join(topic);
  const gossip = new PacedGossip((message, { size }) => {
    network.publish(topic, message);
    network.setHead(topic, size);
  });
  log.onPublish((head, block) => {
    gossip.add(head, block);
    logger.debug({ size: head.size }, "published");
  });
  return () => gossip.stop();
}
