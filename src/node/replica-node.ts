/**
 * A running replica: finds the network, catches up, follows live, serves reads, and forwards appends.
 */
import { setTimeout } from "node:timers/promises";
import type { Logger } from "pino";
import { equalBytes, toHex } from "../base/bytes.ts";
import { describeError, SequencerError } from "../base/errors.ts";
import { NO_PEER_MS, REDIAL_MS_MAX, REDIAL_MS_MIN } from "../base/limits.ts";
import { Log } from "../log/log.ts";
import { leafHash } from "../log/merkle.ts";
import type { Store } from "../log/store.ts";
import { Permissions } from "../permission/policy.ts";
import { isStored } from "../replication/block-messages.ts";
import { type EntryChecker, FullChecker, HeadChecker } from "../replication/entry-checker.ts";
import { Follower } from "../replication/follower.ts";
import { evidenceMessage } from "../replication/gossip.ts";
import { Network } from "../replication/network.ts";
import { Replica } from "../replication/replica.ts";
import { StoredIds } from "../replication/stored-ids.ts";
import { answerSync } from "../replication/sync-server.ts";
import type { Backend } from "../rpc/backend.ts";
import { Metrics } from "../rpc/metrics.ts";
import { startServer } from "../rpc/server.ts";
import { useNativeSecp256k1 } from "../sequencing/native-secp256k1.ts";
import { LogValidator } from "../sequencing/validator.ts";
import { startBonding } from "./bonding.ts";
import { EvidenceKeeper } from "./evidence-keeper.ts";
import { Forwarder } from "./forwarding.ts";
import {
  type Closer,
  followPublished,
  measured,
  type NodeOptions,
  openStore,
  type RunningNode,
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
  /** Told how far catching up has come. */
  readonly onProgress?: (stored: number, target: number) => void;
}

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

  // The network is there before the log is known; until then it has nothing to judge and nothing to serve.
  let log: Log | undefined;
  let replica: Replica | undefined;
  const network = await Network.start({
    ...options,
    port: options.p2pPort,
    answerSync: (frame) => (log === undefined ? undefined : answerSync(log, primary, frame)),
    validate: (payload) => replica?.judge(payload) ?? "ignore",
    isKnown: (id) => log !== undefined && isStored(id, log),
    deliver: (payload) => replica?.deliver(payload),
    onMissing: () => replica?.catchUp(),
  });
  closers.push(() => network.close());
  const redialing = keepDialing(network, closers);
  let primary: readonly string[] = [];

  log = openLog(store, options) ?? (await fetchGenesis(network, store, options));
  const known = log;
  const stored = known.storedHead();
  if (stored !== undefined && stored.size <= known.committed.size) known.restore(stored);

  const metrics = new Metrics();
  const permissions = followPublished(known, store, metrics);
  const ids = new StoredIds(known);
  const checker = makeChecker(options, known, store, ids, metrics, closers);
  const topic = topicOf(known);
  const follower = new Follower(known, checker, (block) => {
    ids.stored(block);
    network.setHead(topic, known.committed.size);
  });
  const evidence = new EvidenceKeeper(known, options.evidenceDirectory, logger);
  const halt = (): void =>
    follower.halt(new SequencerError("equivocation", "the operator signed heads that contradict each other"));
  if (evidence.kinds.length > 0) halt();
  evidence.onNew((_evidence, text) => {
    network.publish(topic, evidenceMessage(text), { flood: true });
    halt();
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
    onConflict: (head) => watchtower.conflict(head),
    onEvidence: (payload) => (evidence.receive(payload) ? "accept" : "reject"),
    onPrimary: (multiaddrs) => {
      primary = multiaddrs;
    },
    onError: (error) => {
      if (error instanceof SequencerError && error.code === "store") onFatal(error);
      else logger.error({ err: error }, describeError(error));
    },
  });
  const running = replica;
  closers.push(() => running.stop());
  network.join(topic);
  network.setHead(topic, known.committed.size);
  watchNetwork(metrics, network, known);

  const forwarder = new Forwarder(known, (frame) => network.askPrimary(frame, primary));
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
  });
  closers.push(async () => {
    redialing.abort();
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

/** Asks the peers for the log's genesis until one has it, and begins the store with it. */
async function fetchGenesis(
  network: Network,
  store: Store,
  { expectedLog, logger, peers }: ReplicaNodeOptions,
): Promise<Log> {
  const since = performance.now();
  let warned = false;
  for (;;) {
    for (const peer of network.syncPeers()) {
      const answer = await peer.ask({ kind: "head" }).catch(() => undefined);
      if (answer?.kind !== "head") continue;
      if (expectedLog !== undefined && !equalBytes(leafHash(answer.genesisEntry), expectedLog)) {
        peer.reject(`it serves log ${toHex(leafHash(answer.genesisEntry))}`);
        continue;
      }
      const log = await Log.create(store, Uint8Array.from(answer.genesisEntry));
      if (log.checkpoints.open(answer.note) === undefined) {
        throw new SequencerError(
          "verification",
          "the first peer's head is not signed by the operator of its genesis",
          {
            hint: "Remove the new database and name another peer",
          },
        );
      }
      return log;
    }
    if (!warned && performance.now() - since > NO_PEER_MS) {
      warned = true;
      warnAlone(logger, peers);
    }
    await setTimeout(100);
  }
}

function warnAlone(logger: Logger, peers: readonly string[]): void {
  if (peers.length === 0) logger.error("no peers: pass -peers with the multiaddr of a node of the log");
  else
    logger.error(
      { peers },
      "no peer answers yet: check that they run and that the addresses are right; still trying",
    );
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
  const { size: next, lastTimestamp } = log.committed;
  const { context, genesis } = log;
  const permissions = Permissions.fromRoles(store.roles());
  return new FullChecker(
    new LogValidator({ context, genesis, permissions, ids, next, lastTimestamp }),
    verifier,
  );
}

/** Calls the peers from the command line again and again while nobody is connected, with back-off. */
function keepDialing(network: Network, closers: Closer[]): AbortController {
  const stop = new AbortController();
  closers.push(() => stop.abort());
  void (async () => {
    for (let waitMs = REDIAL_MS_MIN; !stop.signal.aborted; waitMs = Math.min(REDIAL_MS_MAX, 2 * waitMs)) {
      await setTimeout(waitMs, undefined, { signal: stop.signal, ref: false }).catch(() => undefined);
      if (network.peers().length > 0) waitMs = REDIAL_MS_MIN;
      else if (!stop.signal.aborted) network.redial();
    }
  })();
  return stop;
}
