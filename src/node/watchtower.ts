/**
 * A node's watchtower: the heads that gossip, catching up and other nodes' `/checkpoint` bring are held against its own
 * tree. What conflicts is kept at once, and proved from the data of whoever serves the fork.
 */
import type { Logger } from "pino";
import { toHexDigits } from "../base/bytes.ts";
import { SequencerError } from "../base/errors.ts";
import { UNPROVED_HEADS_MAX } from "../base/limits.ts";
import type { AttestedHead } from "../log/checkpoint.ts";
import type { Log } from "../log/log.ts";
import type { NodeReader } from "../log/merkle.ts";
import type { SyncPeer } from "../replication/panel.ts";
import type { Metrics } from "../rpc/metrics.ts";
import { domainOf, type EvidenceKeeper, isComplete } from "./evidence-keeper.ts";
import { type HeadSource, HeadWatch, serverSource } from "./head-watch.ts";
import { evidenceFrom, nodesOfPeer } from "./remote-tiles.ts";

export interface WatchtowerOptions {
  readonly log: Log;
  readonly evidence: EvidenceKeeper;
  readonly metrics: Metrics;
  /** Peers that may serve the data of a fork. */
  readonly peers: () => readonly SyncPeer[];
  /** Other servers of the log, whose checkpoints are looked at again and again. */
  readonly urls: readonly string[];
  readonly logger: Logger;
  readonly pollMs?: number;
}

export class Watchtower {
  readonly #options: WatchtowerOptions;
  readonly #heads: HeadWatch;
  readonly #asked = new Set<string>();

  constructor(options: WatchtowerOptions) {
    const { log, evidence, metrics, urls, logger, pollMs } = options;
    this.#options = options;
    metrics.gauge(
      "sequencer_evidence_total",
      "Kinds of evidence that are held against the operator",
      () => evidence.kinds.length,
    );
    this.#heads = new HeadWatch({
      domain: domainOf(log),
      sources: [ownTree(log), ...urls.map((url) => serverSource(url, log.checkpoints))],
      onEvidence: (found) => evidence.keep(found),
      logger,
      ...(pollMs !== undefined && { pollMs }),
    });
    if (urls.length > 0) this.#heads.start();
  }

  /**
   * A head of the operator that contradicts the log.
   * @param node the nodes of its tree, where it is larger than the log's and they are known
   */
  conflict(head: AttestedHead, node?: NodeReader): void {
    const { evidence, log } = this.#options;
    const found = evidence.conflict(log, head, node);
    if (found === undefined || !isComplete(found)) void this.#prove(head);
  }

  async stop(): Promise<void> {
    await this.#heads.stop();
  }

  /** Two heads of different sizes prove something only with the larger tree, which somebody may serve. */
  async #prove(head: AttestedHead): Promise<void> {
    const { log, evidence, peers } = this.#options;
    const own = log.signed;
    const key = `${head.size} ${toHexDigits(head.root)}`;
    if (own === undefined || this.#asked.has(key) || this.#asked.size >= UNPROVED_HEADS_MAX) return;
    this.#asked.add(key);
    for (const peer of peers()) {
      try {
        const found = await evidenceFrom(domainOf(log), own, head, await nodesOfPeer(peer, head));
        if (found !== undefined) evidence.keep(found);
        return;
      } catch (error) {
        if (!(error instanceof SequencerError)) throw error;
      }
    }
    this.#asked.delete(key);
  }
}

function ownTree(log: Log): HeadSource {
  return {
    name: "own tree",
    newest: async () => log.signed,
    nodes: async (head) => {
      if (log.holds(head)) return log.node;
      throw new SequencerError("network", "this node's own tree is another one");
    },
  };
}
