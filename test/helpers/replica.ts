/**
 * A replica in this process, on any free ports, and primaries that others can reach.
 */
import { generateKeyPair } from "@libp2p/crypto/keys";
import { pino } from "pino";
import type { RunningNode } from "../../src/node/parts.ts";
import type { PeeringOptions } from "../../src/node/peering.ts";
import { type ReplicaNodeOptions, startReplicaNode } from "../../src/node/replica-node.ts";
import { until } from "../replication/episub/nodes.ts";
import { type Cleanup, defer } from "./cleanup.ts";

/** A new identity on a free port of this machine. */
export async function peeringOf(peers: readonly string[] = []): Promise<PeeringOptions> {
  return { identity: await generateKeyPair("Ed25519"), p2pPort: 0, peers, announce: [] };
}

/** The address of a node on this machine's loopback. */
export function loopback({ multiaddrs }: Pick<RunningNode, "multiaddrs">): string {
  return multiaddrs.find((one) => one.includes("/127.0.0.1/"))!;
}

export interface LogLine {
  readonly level: number;
  readonly msg: string;
}

export interface TestReplica extends RunningNode {
  readonly lines: readonly LogLine[];
  /** Resolves once the signed head has this size. */
  reached(size: number): Promise<void>;
}

export async function startTestReplica(
  cleanup: Cleanup,
  peers: readonly string[],
  options: Partial<ReplicaNodeOptions> = {},
): Promise<TestReplica> {
  const lines: LogLine[] = [];
  const logger = pino({ level: "info" }, { write: (line) => lines.push(JSON.parse(line)) });
  const node = await startReplicaNode({
    dbPath: "",
    rpcHost: "127.0.0.1",
    rpcPort: 0,
    verifyWorkers: 1,
    verify: "full",
    logger,
    onFatal: (error) => {
      throw error;
    },
    ...(await peeringOf(peers)),
    ...options,
  });
  let isOpen = true;
  const close = async (): Promise<void> => {
    if (isOpen) await node.close();
    isOpen = false;
  };
  defer(cleanup, close);
  return { ...node, close, lines, reached: (size) => reached(node, size) };
}

/** A head without new entries is published to nobody, so this looks again and again. */
export async function reached({ log }: Pick<RunningNode, "log">, size: number): Promise<void> {
  await until(`a head of size ${size}`, () => (log.signed?.size ?? 0) >= size);
}
