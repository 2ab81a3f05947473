/**
 * The watchtower's memory: what contradicts the log is written to disk before anything else, then told to others.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Logger } from "pino";
import { fromUtf8, toHexDigits, utf8 } from "../base/bytes.ts";
import { SequencerError } from "../base/errors.ts";
import { sha256 } from "../base/hash.ts";
import type { AttestedHead } from "../log/checkpoint.ts";
import type { Log } from "../log/log.ts";
import type { NodeReader } from "../log/merkle.ts";
import type { Verdict } from "../replication/episub/state.ts";
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
    for (const { kind } of this.#stored()) this.#kinds.add(kind);
  }

  /** Kinds of evidence that are held. */
  get kinds(): readonly string[] {
    return [...this.#kinds];
  }

  /**
   * A head that the operator signed, and that the log does not hold.
   * @param node the nodes of its tree, where it is larger than the log's and they are known
   */
  conflict(head: AttestedHead, node?: NodeReader): void {
    const own = this.#log.signed;
    if (own === undefined) return;
    const { genesis, logId } = this.#log;
    const domain = { chainId: genesis.chainId, bond: genesis.bond, logId };
    const evidence = findEvidence(domain, head, own, head.size <= own.size ? this.#log.node : node);
    if (evidence !== undefined) this.#keep(evidence);
  }

  /** Evidence as a peer sent it: kept if it holds, and passed on if it is the first of its kind. */
  receive(payload: Uint8Array): Verdict {
    try {
      const evidence = parseEvidence(fromUtf8(payload) ?? "");
      if (!this.#isOurs(evidence)) return "reject";
      // Two heads without data prove nothing, and any two heads of the log would do: nobody passes them on.
      if (evidence.kind === "unanswered-challenge" || this.#kinds.has(evidence.kind)) return "ignore";
      this.#keep(evidence);
      return "accept";
    } catch (error) {
      if (error instanceof SequencerError) return "reject";
      throw error;
    }
  }

  /** @throws SequencerError if the evidence does not hold */
  #isOurs(evidence: Evidence): boolean {
    if (toHexDigits(evidence.log.logId) !== toHexDigits(this.#log.logId)) return false;
    verifyEvidence(evidence, [this.#log.genesis.operator]);
    return true;
  }

  /** Evidence that was kept before this process began. */
  #stored(): Evidence[] {
    if (this.#directory === undefined || !existsSync(this.#directory)) return [];
    return readdirSync(this.#directory)
      .filter((name) => name.endsWith(".json"))
      .flatMap((name) => {
        const path = join(this.#directory!, name);
        try {
          const evidence = parseEvidence(readFileSync(path, "utf8"));
          return this.#isOurs(evidence) ? [evidence] : [];
        } catch (error) {
          this.#logger.warn({ path, err: error }, "a file among the evidence is none");
          return [];
        }
      });
  }

  #keep(evidence: Evidence): void {
    if (this.#kinds.has(evidence.kind)) return;
    this.#kinds.add(evidence.kind);
    const text = formatEvidence(evidence);
    let path: string | undefined;
    try {
      path = this.#write(evidence.kind, text);
    } catch (error) {
      // A full disk must not keep it from the others.
      this.#logger.error({ err: error, evidence: text }, "evidence could not be written");
    }
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
