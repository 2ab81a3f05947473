/**
 * Holds the heads that different sources serve against each other. Each newest head that proved consistent is the
 * measure for the next: all heads seen are then prefixes of one tree, or there is evidence.
 */
import { setTimeout } from "node:timers/promises";
import type { Logger } from "pino";
import { equalBytes } from "../base/bytes.ts";
import { describeError, SequencerError } from "../base/errors.ts";
import { NOTE_BYTES_MAX, UNPROVED_HEADS_MAX, WATCH_ANSWER_MS, WATCH_POLL_MS } from "../base/limits.ts";
import { Transport } from "../client/transport.ts";
import type { CheckpointVerifier, Head, SignedHead } from "../log/checkpoint.ts";
import type { Evidence, LogDomain } from "../slashing/evidence.ts";
import { evidenceFrom, nodesOfServer, type RemoteNodes } from "./remote-tiles.ts";

/** Somebody who serves the log. */
export interface HeadSource {
  readonly name: string;
  /** Its newest head, both signatures of the operator verified. @throws SequencerError if it has none */
  newest(): Promise<SignedHead | undefined>;
  /** The tree under a head. @throws SequencerError if it does not have it */
  nodes(head: Head): Promise<RemoteNodes>;
}

export interface HeadWatchOptions {
  readonly domain: LogDomain;
  readonly sources: readonly HeadSource[];
  readonly onEvidence: (evidence: Evidence) => void;
  readonly logger: Logger;
  readonly pollMs?: number;
  /** The measure of an earlier run; whoever is asked first may serve its tree. */
  readonly known?: SignedHead;
  /** Told of every new measure, to remember it. */
  readonly onMeasure?: (head: SignedHead) => void;
}

interface Seen {
  readonly head: SignedHead;
  readonly source: HeadSource;
}

export class HeadWatch {
  readonly #options: HeadWatchOptions;
  /** The largest head that is consistent with all before. */
  #measure: Seen | undefined;
  /** Heads whose tree nobody served yet. */
  #unproved: Seen[] = [];
  readonly #silent = new Map<HeadSource, string>();
  readonly #stopping = new AbortController();
  #running: Promise<void> = Promise.resolve();

  constructor(options: HeadWatchOptions) {
    this.#options = options;
    const { known, sources } = options;
    if (known !== undefined && sources[0] !== undefined) this.#measure = { head: known, source: sources[0] };
  }

  start(): void {
    this.#running = this.#run();
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
  }

  /** Asks every source once. */
  async poll(): Promise<void> {
    for (const source of this.#options.sources) {
      try {
        const head = await source.newest();
        this.#heard(source, undefined);
        if (head !== undefined) await this.see(head, source);
      } catch (error) {
        if (!(error instanceof SequencerError)) throw error;
        this.#heard(source, describeError(error));
      }
    }
    const unproved = this.#unproved;
    this.#unproved = [];
    for (const { head, source } of unproved) await this.see(head, source);
  }

  /** Holds a head of the operator against what was seen. */
  async see(head: SignedHead, source: HeadSource): Promise<void> {
    const { domain, onEvidence } = this.#options;
    const measure = this.#measure;
    if (measure === undefined) return this.#take({ head, source });
    if (head.size === measure.head.size && equalBytes(head.root, measure.head.root)) return;
    const larger = head.size > measure.head.size ? { head, source } : measure;
    try {
      const nodes = head.size === measure.head.size ? noNodes : await larger.source.nodes(larger.head);
      const evidence = await evidenceFrom(domain, head, measure.head, nodes);
      if (evidence !== undefined) onEvidence(evidence);
      else if (larger !== measure) this.#take(larger);
    } catch (error) {
      if (!(error instanceof SequencerError)) throw error;
      this.#waitForProof({ head, source });
    }
  }

  #take(seen: Seen): void {
    this.#measure = seen;
    this.#options.onMeasure?.(seen.head);
  }

  #waitForProof(seen: Seen): void {
    const { size, root } = seen.head;
    const isKnown = this.#unproved.some(({ head }) => head.size === size && equalBytes(head.root, root));
    if (!isKnown && this.#unproved.length < UNPROVED_HEADS_MAX) this.#unproved.push(seen);
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping;
    const { pollMs = WATCH_POLL_MS, logger } = this.#options;
    while (!signal.aborted) {
      await this.poll().catch((error) => logger.error({ err: error }, "watching heads failed"));
      await setTimeout(pollMs, undefined, { signal }).catch(() => undefined);
    }
  }

  /** Says once when a source falls silent, and once when it is back. */
  #heard(source: HeadSource, trouble: string | undefined): void {
    if (this.#silent.get(source) === trouble) return;
    if (trouble === undefined) this.#silent.delete(source);
    else this.#silent.set(source, trouble);
    if (trouble === undefined) this.#options.logger.info({ source: source.name }, "its checkpoint is back");
    else this.#options.logger.warn({ source: source.name }, `its checkpoint cannot be checked: ${trouble}`);
  }
}

/** Any server of a log's files. */
export function serverSource(url: string, checkpoints: CheckpointVerifier): HeadSource {
  const transport = new Transport(url);
  return {
    name: url,
    newest: async () => {
      const response = await transport.get("/checkpoint", AbortSignal.timeout(WATCH_ANSWER_MS));
      const note = response.ok ? await response.text() : "";
      const head = note.length > NOTE_BYTES_MAX ? undefined : checkpoints.open(note);
      if (head !== undefined) return head;
      throw new SequencerError("verification", `${url}/checkpoint is not signed by the operator of this log`);
    },
    nodes: (head) => nodesOfServer(transport, head),
  };
}

/** Two heads of one size conflict by themselves. */
const noNodes: RemoteNodes = () => {
  throw new SequencerError("internal", "no node is needed");
};
