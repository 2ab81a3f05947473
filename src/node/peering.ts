/**
 * A node's part in the network, as both kinds of node take it: what the operator chose, and its figures as metrics.
 */
import type { PrivateKey } from "@libp2p/interface";
import { toHexDigits } from "../base/bytes.ts";
import type { Log } from "../log/log.ts";
import type { Network } from "../replication/network.ts";
import type { Metrics } from "../rpc/metrics.ts";

export interface PeeringOptions {
  readonly identity: PrivateKey;
  /** TCP port for peers; 0 takes any free one. */
  readonly p2pPort: number;
  /** Multiaddrs of peers that are always wanted. */
  readonly peers: readonly string[];
  /** Multiaddrs to tell others instead of those of the interfaces. */
  readonly announce: readonly string[];
  /** Peers so far that hung up where the process had to survive it. */
  readonly hangUps?: () => number;
}

/** The gossip topic of a log. */
export function topicOf(log: Log): string {
  return toHexDigits(log.logId);
}

export function watchNetwork(
  metrics: Metrics,
  network: Network,
  log: Log,
  { hangUps = () => 0 }: PeeringOptions,
): void {
  const topic = topicOf(log);
  metrics.gauge("sequencer_peers", "Connected peers", () => network.peers().length);
  metrics.gauge("sequencer_peer_hang_ups_total", "Peers that hung up while a stream was opened", hangUps);
  metrics.gauge(
    "sequencer_gossip_queue_bytes",
    "Bytes waiting for slow peers",
    () => network.stats(topic).queueBytes,
  );
  metrics.gauge(
    "sequencer_gossip_neighbors",
    "Neighbours in the overlay",
    () => network.stats(topic).neighbors,
  );
  metrics.gauge(
    "sequencer_gossip_eager_links",
    "Links that payloads are pushed on",
    () => network.stats(topic).eager,
  );
  metrics.gauge(
    "sequencer_gossip_missing",
    "Announced blocks not received yet",
    () => network.stats(topic).missing,
  );
  metrics.gauge(
    "sequencer_gossip_payloads",
    "Payloads received so far",
    () => network.stats(topic).payloadsReceived,
  );
  metrics.gauge(
    "sequencer_gossip_payload_bytes",
    "Bytes of payloads received so far",
    () => network.stats(topic).payloadBytesReceived,
  );
  metrics.gauge(
    "sequencer_gossip_duplicates",
    "Payloads received again so far",
    () => network.stats(topic).duplicates,
  );
}
