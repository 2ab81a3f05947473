/**
 * The watchtower's memory: what contradicts the log is written to disk before anything else, then told to others.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Logger } from "pino";
import { fromUtf8, toHexDigits, utf8 } from "../base/bytes.ts";
import { SequencerError } from "../base/errors.ts";
import { sha256 } from "../base/hash.ts";
import type { AttestedHead } from "../log/checkpoint.ts";
import type { Log } from "../log/log.ts";
import { type Evidence, verifyEvidence } from "../slashing/evidence.ts";
import { formatEvidence, parseEvidence } from "../slashing/evidence-file.ts";
import { findEvidence } from "../slashing/find-evidence.ts";

/** Evidence of one kind says no more than other evidence of that kind: one file a kind and log is kept. */
export class EvidenceKeeper {
  readonly #log: Log;
  readonly #directory: string | undefined;
  readonly #logger: Logger;
  readonly #kinds = new Set<Evidence["kind"]>();
  readonly #onNew: (evidence: Evidence, text: string) => void;

  /**
   * @param directory for the files; undefined keeps them in memory only
   * @param onNew told of evidence of a kind that was not held before, after it is on disk
   */
  constructor(
    log: Log,
    directory: string | undefined,
    logger: Logger,
    onNew: (evidence: Evidence, text: string) => void,
  ) {
    this.#log = log;
    this.#directory = directory;
    this.#logger = logger;
    this.#onNew = onNew;
  }

  /** Kinds of evidence that are held. */
  get kinds(): readonly string[] {
    return [...this.#kinds];
  }

  /** A head that the operator signed, and that the log does not hold. */
  conflict(head: AttestedHead): void {
    const own = this.#log.signed;
    if (own === undefined) return;
    const { genesis, logId } = this.#log;
    const domain = { chainId: genesis.chainId, bond: genesis.bond, logId };
    const node = head.size <= own.size ? this.#log.node : undefined;
    const evidence = findEvidence(domain, head, own, node);
    if (evidence !== undefined) this.#keep(evidence);
  }

  /** Evidence as a peer sent it: kept if it holds. Returns whether it does. */
  receive(payload: Uint8Array): boolean {
    try {
      const evidence = parseEvidence(fromUtf8(payload) ?? "");
      if (toHexDigits(evidence.log.logId) !== toHexDigits(this.#log.logId)) return false;
      verifyEvidence(evidence, [this.#log.genesis.operator]);
      // Two heads without data prove nothing by themselves: only those who miss the data may ask for it.
      if (evidence.kind !== "unanswered-challenge") this.#keep(evidence);
      return true;
    } catch (error) {
      if (error instanceof SequencerError) return false;
      throw error;
    }
  }

  #keep(evidence: Evidence): void {
    if (this.#kinds.has(evidence.kind)) return;
    this.#kinds.add(evidence.kind);
    const text = formatEvidence(evidence);
    const path = this.#write(evidence.kind, text);
    this.#logger.error(
      { kind: evidence.kind, path },
      "EQUIVOCATION: the operator signed heads that contradict each other",
    );
    this.#onNew(evidence, text);
  }

  #write(kind: string, text: string): string | undefined {
    if (this.#directory === undefined) return undefined;
    mkdirSync(this.#directory, { recursive: true, mode: 0o700 });
    const name = `${kind}-${toHexDigits(sha256(utf8(text)).subarray(0, 8))}.json`;
    const path = join(this.#directory, name);
    if (!existsSync(path) || readFileSync(path, "utf8") !== text)
      writeFileSync(path, text, { mode: 0o600, flush: true });
    return path;
  }
}
