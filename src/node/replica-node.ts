/**
 * A running replica: finds the network, catches up, follows live, serves reads, and forwards appends.
 */
import { equalBytes, toHex } from "../base/bytes.ts";
import { describeError, SequencerError } from "../base/errors.ts";
import { Log } from "../log/log.ts";
import type { Store } from "../log/store.ts";
import { type EntryChecker, HeadChecker } from "../replication/entry-checker.ts";
import { Follower } from "../replication/follower.ts";
import { evidenceMessage } from "../replication/gossip.ts";
import { Network } from "../replication/network.ts";
import { Replica } from "../replication/replica.ts";
import { StoredIds } from "../replication/stored-ids.ts";
import { answerSync } from "../replication/sync-server.ts";
import type { Backend } from "../rpc/backend.ts";
import { Metrics } from "../rpc/metrics.ts";
import { startServer } from "../rpc/server.ts";
import { fetchRecentIds } from "../sequencing/id-index.ts";
import { useNativeSecp256k1 } from "../sequencing/native-secp256k1.ts";
import { keepDialing } from "./dialing.ts";
import { EvidenceKeeper } from "./evidence-keeper.ts";
import { findLog } from "./find-log.ts";
import { Forwarder } from "./forwarding.ts";
import {
  type Closer,
  followPublished,
  fullChecker,
  measured,
  type NodeOptions,
  openStore,
  type RunningNode,
  startBonding,
  startOrClose,
  startVerifier,
  watchVerifier,
} from "./parts.ts";
import { type PeeringOptions, topicOf, watchNetwork } from "./peering.ts";
import { VERSION } from "./version.ts";
import { Watchtower } from "./watchtower.ts";

export interface ReplicaNodeOptions extends NodeOptions, PeeringOptions {
  /** The log to mirror; without it, the log of the first peer that answers, which is then pinned. */
  readonly expectedLog?: Uint8Array;
  /** `full`: every entry is checked before it is stored. `head`: only what the signed heads say. */
  readonly verify: "full" | "head";
  /** Where evidence is kept; undefined keeps it in memory. */
  readonly evidenceDirectory?: string;
  /** Gives up the search for the log. */
  readonly signal?: AbortSignal;
  /** Told how far catching up has come. */
  readonly onProgress?: (stored: number, target: number) => void;
}

/** What stops a replica from following its log, and not from serving what it has. */
const VERDICTS: ReadonlySet<string> = new Set([
  "equivocation",
  "verification",
  "upgrade-required",
  "rejected",
]);

/** Resolves once the log is known, which needs a peer unless the database has it. @throws SequencerError */
export async function startReplicaNode(options: ReplicaNodeOptions): Promise<RunningNode> {
  if (!useNativeSecp256k1())
    options.logger.warn("native libsecp256k1 cannot be loaded: signatures are ten times slower");
  return await startOrClose((closers) => run(options, closers));
}

async function run(options: ReplicaNodeOptions, closers: Closer[]): Promise<Omit<RunningNode, "close">> {
  const { logger, onFatal } = options;
  const store = openStore(options);
  closers.push(() => store.close());
  const stored = openLog(store, options);
  // Before there is a network: what it delivers during a wait behind that is lost.
  if (stored !== undefined && options.verify === "full") await fetchRecentIds(stored);

  // The network is there before the log is known; until then it has nothing to judge and nothing to serve.
  let log: Log | undefined;
  let replica: Replica | undefined;
  const network: Network = await Network.start({
    ...options,
    port: options.p2pPort,
    answerSync: (frame) => answerSync(log, network.primaryHints(), frame),
    validate: (payload) => replica?.judge(payload) ?? "ignore",
    isKnown: (id) => replica?.isKnown(id) === true,
    deliver: (payload) => replica?.deliver(payload),
    onMissing: () => replica?.catchUp(),
  });
  closers.push(() => network.close());
  const stopping = new AbortController();
  closers.push(() => stopping.abort());
  const signal =
    options.signal === undefined ? stopping.signal : AbortSignal.any([stopping.signal, options.signal]);
  void keepDialing(network, options.peers, logger, signal);

  log =
    stored ??
    (await findLog({
      ...{ store, expectedLog: options.expectedLog, logger, signal },
      peers: () => network.syncPeers(),
      named: network.named,
    }));
  const known = log;
  const head = known.storedHead();
  if (head !== undefined && head.size <= known.committed.size) known.restore(head);

  const metrics = new Metrics();
  const permissions = followPublished(known, store, metrics);
  const ids = new StoredIds(known, options.verify === "full");
  const checker = makeChecker(options, known, store, ids, metrics, closers);
  const topic = topicOf(known);
  const follower = new Follower(known, checker, (block) => {
    ids.stored(block);
    network.setHead(topic, known.committed.size);
    logger.debug({ size: known.committed.size }, "stored");
  });
  const evidence = new EvidenceKeeper(known, options.evidenceDirectory, logger);
  const refuse = (): void =>
    follower.halt(new SequencerError("equivocation", "the operator signed heads that contradict each other"));
  if (evidence.kinds.length > 0) refuse();
  evidence.onNew((_evidence, text) => {
    refuse();
    network.publish(topic, evidenceMessage(text), { flood: true });
  });
  const watchtower = new Watchtower({
    ...{ log: known, evidence, metrics, logger, urls: options.watchUrls ?? [] },
    peers: () => network.syncPeers(),
  });
  closers.push(() => watchtower.stop());
  const bonding = await startBonding(options, { subject: known, log: known, evidence, logger }, closers);
  replica = new Replica({
    log: known,
    follower,
    peers: () => network.syncPeers(),
    onProgress: (size, target) => options.onProgress?.(size, target),
    onConflict: (head, node) => watchtower.conflict(head, node),
    onEvidence: (payload) => evidence.receive(payload),
    onPrimary: (multiaddrs, peer) => network.hintPrimary(peer, multiaddrs),
    onError: (error) => {
      // What is no verdict about the log is trouble of this machine: the process ends, and its database is whole.
      if (!(error instanceof SequencerError) || !VERDICTS.has(error.code)) onFatal(error);
      else logger.error({ err: error }, describeError(error));
    },
  });
  const running = replica;
  closers.push(() => running.stop());
  network.join(topic);
  network.setHead(topic, known.committed.size);
  watchNetwork(metrics, network, known, options);

  const forwarder = new Forwarder(known, (frame, accept) => network.askPrimary(frame, accept));
  const backend: Backend = {
    mode: "replica",
    version: VERSION,
    log: known,
    permissions,
    append: (payloads) => measured(metrics, forwarder.submit(payloads)),
    sequenceOf: (id) => ids.find(id) ?? known.sequenceOf(id),
    peers: () => network.peers(),
    multiaddrs: () => network.multiaddrs(),
    notReady: () => notReady(evidence, follower, network) ?? bonding?.notReady,
    ...(bonding && { bondStatus: () => bonding.status }),
  };
  const server = await startServer({
    backend,
    metrics,
    logger,
    host: options.rpcHost,
    port: options.rpcPort,
    ...(options.trustedProxies && { trustedProxies: options.trustedProxies }),
  });
  closers.push(async () => {
    stopping.abort();
    await server.close();
  });
  return { log: known, url: server.url, multiaddrs: network.multiaddrs() };
}

function notReady(evidence: EvidenceKeeper, follower: Follower, network: Network): string | undefined {
  if (evidence.kinds.length > 0) return `equivocation: ${evidence.kinds.join(", ")}`;
  const { halted } = follower;
  if (halted !== undefined) return halted instanceof SequencerError ? halted.code : "halted";
  return network.peers().length === 0 ? "no-peers" : undefined;
}

function openLog(store: Store, { expectedLog }: ReplicaNodeOptions): Log | undefined {
  const log = Log.open(store);
  if (log !== undefined && expectedLog !== undefined && !equalBytes(log.logId, expectedLog)) {
    throw new SequencerError(
      "configuration",
      `the database holds log ${toHex(log.logId)}, not ${toHex(expectedLog)}`,
      {
        hint: "Check -dbpath and -log",
      },
    );
  }
  return log;
}

function makeChecker(
  options: ReplicaNodeOptions,
  log: Log,
  store: Store,
  ids: StoredIds,
  metrics: Metrics,
  closers: Closer[],
): EntryChecker {
  if (options.verify === "head") return new HeadChecker();
  const verifier = startVerifier(options);
  closers.push(() => verifier.close());
  watchVerifier(metrics, verifier);
  return fullChecker(log, store, ids, verifier);
}
