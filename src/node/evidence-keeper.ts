/**
 * The watchtower's memory: what contradicts the log is written to disk before anything else, then told to others. It
 * survives restarts: what is in the directory is held again.
 */
import { mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Logger } from "pino";
import { equalBytes, fromUtf8, toHexDigits, utf8 } from "../base/bytes.ts";
import { describeError, SequencerError } from "../base/errors.ts";
import { sha256 } from "../base/hash.ts";
import { syncDirectory } from "../base/sync-directory.ts";
import type { AttestedHead } from "../log/checkpoint.ts";
import type { Genesis } from "../log/genesis.ts";
import type { Log } from "../log/log.ts";
import type { NodeReader } from "../log/merkle.ts";
import type { Verdict } from "../replication/episub/state.ts";
import { type Evidence, type LogDomain, verifyEvidence } from "../slashing/evidence.ts";
import { formatEvidence, parseEvidence } from "../slashing/evidence-file.ts";
import { findEvidence } from "../slashing/find-evidence.ts";

/** Whose equivocation is looked for: a Log is one. */
export interface Subject {
  readonly logId: Uint8Array;
  readonly genesis: Pick<Genesis, "chainId" | "bond" | "operator">;
}

export function domainOf({ genesis, logId }: Subject): LogDomain {
  return { chainId: genesis.chainId, bond: genesis.bond, logId };
}

/** Evidence of one kind says no more than other evidence of that kind: one file a kind and log is kept. */
export class EvidenceKeeper {
  readonly #subject: Subject;
  readonly #directory: string | undefined;
  readonly #logger: Logger;
  readonly #held = new Map<Evidence["kind"], Evidence>();
  readonly #listeners: ((evidence: Evidence, text: string) => void)[] = [];

  /** @param directory for the files; undefined keeps them in memory only */
  constructor(subject: Subject, directory: string | undefined, logger: Logger) {
    this.#subject = subject;
    this.#directory = directory;
    this.#logger = logger;
    this.#load();
  }

  /** Calls back with evidence of a kind that was not held before, after it is on disk. */
  onNew(listener: (evidence: Evidence, text: string) => void): void {
    this.#listeners.push(listener);
  }

  /** What is held, complete evidence first. */
  get held(): readonly Evidence[] {
    const all = [...this.#held.values()];
    return [...all.filter(isComplete), ...all.filter((one) => !isComplete(one))];
  }

  /** Kinds of evidence that are held. */
  get kinds(): readonly string[] {
    return [...this.#held.keys()];
  }

  /**
   * A head that the operator signed, and that the log does not hold: what that proves.
   * @param node the nodes of its tree, where it is larger than the log's and they are known
   */
  conflict(log: Log, head: AttestedHead, node?: NodeReader): Evidence | undefined {
    const own = log.signed;
    if (own === undefined) return undefined;
    const nodes = head.size <= own.size ? log.node : node;
    const evidence = findEvidence(domainOf(this.#subject), head, own, nodes);
    if (evidence !== undefined) this.keep(evidence);
    return evidence;
  }

  /** Evidence as a peer sent it: kept if it holds, and passed on if it is the first of its kind. */
  receive(payload: Uint8Array): Verdict {
    try {
      const evidence = this.#verified(fromUtf8(payload) ?? "");
      if (evidence === undefined) return "reject";
      // Two heads without data prove nothing, and any two heads of the log would do: nobody passes them on.
      if (!isComplete(evidence) || this.#held.has(evidence.kind)) return "ignore";
      this.keep(evidence);
      return "accept";
    } catch (error) {
      if (error instanceof SequencerError) return "reject";
      throw error;
    }
  }

  /** Evidence of this log that was verified, or made of verified heads. */
  keep(evidence: Evidence): void {
    if (this.#held.has(evidence.kind)) return;
    const text = formatEvidence(evidence);
    const path = this.#write(evidence.kind, text);
    this.#held.set(evidence.kind, evidence);
    this.#logger.error(
      { kind: evidence.kind, path },
      "EQUIVOCATION: the operator signed heads that contradict each other",
    );
    for (const listener of this.#listeners) listener(evidence, text);
  }

  /** The evidence in a text if it is of this log and holds. @throws SequencerError if it is none */
  #verified(text: string): Evidence | undefined {
    const evidence = parseEvidence(text);
    const { logId, bond, chainId } = domainOf(this.#subject);
    const { log } = evidence;
    if (!equalBytes(log.logId, logId) || !equalBytes(log.bond, bond) || log.chainId !== chainId)
      return undefined;
    verifyEvidence(evidence, [this.#subject.genesis.operator]);
    return evidence;
  }

  #load(): void {
    for (const name of this.#files()) {
      const path = join(this.#directory!, name);
      try {
        const evidence = this.#verified(readFileSync(path, "utf8"));
        if (evidence === undefined) continue;
        this.#held.set(evidence.kind, evidence);
        this.#logger.error({ kind: evidence.kind, path }, "evidence against the operator is held");
      } catch (error) {
        this.#logger.warn({ path }, `a file among the evidence cannot be used: ${describeError(error)}`);
      }
    }
  }

  #files(): string[] {
    try {
      return this.#directory === undefined
        ? []
        : readdirSync(this.#directory).filter((name) => name.endsWith(".json"));
    } catch {
      return []; // The directory is made with the first evidence.
    }
  }

  /** A disk that cannot take it must not keep others from hearing of it. */
  #write(kind: string, text: string): string | undefined {
    if (this.#directory === undefined) return undefined;
    const path = join(this.#directory, `${kind}-${toHexDigits(sha256(utf8(text)).subarray(0, 8))}.json`);
    try {
      mkdirSync(this.#directory, { recursive: true, mode: 0o700 });
      writeFileSync(`${path}.new`, text, { mode: 0o600, flush: true });
      renameSync(`${path}.new`, path);
      syncDirectory(this.#directory);
      return path;
    } catch (error) {
      this.#logger.error({ evidence: text }, `evidence cannot be written: ${describeError(error)}`);
      return undefined;
    }
  }
}

/** Evidence that slashes by itself; a challenge has to go unanswered first. */
export function isComplete<T extends Evidence>(
  evidence: T,
): evidence is Exclude<T, { kind: "unanswered-challenge" }> {
  return evidence.kind !== "unanswered-challenge";
}
