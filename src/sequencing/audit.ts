/**
 * The audit of a whole log: every signature, permission, timestamp, duplicate and root, recomputed from the entries.
 */
import { equalBytes } from "../base/bytes.ts";
import { type DigestContext, domainSeparator } from "../base/eip712.ts";
import { SequencerError } from "../base/errors.ts";
import { CheckpointVerifier, type Head } from "../log/checkpoint.ts";
import { decodeEntry } from "../log/entry.ts";
import { decodeGenesis, type Genesis } from "../log/genesis.ts";
import { TreeGrowth } from "../log/growth.ts";
import { leafHash, leafHashes } from "../log/merkle.ts";
import { Permissions } from "../permission/policy.ts";
import { invalid, LogValidator, RecentIds } from "./validator.ts";
import { packSignatures, type Verifier } from "./verifier.ts";

/** Signature batches under verification at once: enough to keep every worker busy. */
const BATCHES_AHEAD = 8;

export interface AuditResult extends Head {
  readonly genesis: Genesis;
  readonly logId: Uint8Array;
  /** Opens the checkpoints of the log that genesis describes. */
  readonly checkpoints: CheckpointVerifier;
  /** Unix milliseconds. */
  readonly firstTimestamp: number;
  readonly lastTimestamp: number;
}

/**
 * Recomputes a log from its entries, genesis first.
 * @param batches consecutive entries, at most a few thousand at a time
 * @param onProgress told of the entries that are done with
 * @throws SequencerError `verification` that names the first entry that is not valid
 */
export async function auditLog(
  batches: AsyncIterable<readonly Uint8Array[]> | Iterable<readonly Uint8Array[]>,
  verifier: Verifier,
  onProgress: (entries: number) => void = () => undefined,
): Promise<AuditResult> {
  let audit: Audit | undefined;
  const pending: Promise<void>[] = [];
  for await (const batch of batches) {
    audit ??= beginAudit(batch);
    const verified = audit.add(batch, verifier);
    verified.catch(() => undefined); // Awaited below, in order.
    pending.push(verified);
    if (pending.length >= BATCHES_AHEAD) await pending.shift();
    onProgress(batch.length);
  }
  await Promise.all(pending);
  if (audit === undefined)
    throw new SequencerError("verification", "the log is empty: it has no genesis entry");
  return audit.result();
}

class Audit {
  readonly #genesis: Genesis;
  readonly #logId: Uint8Array;
  readonly #context: DigestContext;
  readonly #firstTimestamp: number;
  readonly #validator: LogValidator;
  #frontier: readonly Uint8Array[] = [];
  #head: Head = { size: 0, root: new Uint8Array(0) };
  #lastTimestamp: number;

  constructor(genesisEntry: Uint8Array) {
    const { timestamp, payload } = decodeEntry(genesisEntry) ?? { timestamp: 0, payload: new Uint8Array(0) };
    this.#genesis = decodeGenesis(payload);
    this.#logId = leafHash(genesisEntry);
    this.#context = { separator: domainSeparator(this.#genesis), logId: this.#logId };
    this.#firstTimestamp = timestamp;
    this.#lastTimestamp = timestamp;
    this.#validator = new LogValidator({
      context: this.#context,
      genesis: this.#genesis,
      permissions: Permissions.fromGenesis(this.#genesis),
      ids: new RecentIds(this.#genesis.maxTransactionLifetimeMs),
      next: 1,
      lastTimestamp: timestamp,
    });
  }

  /** Checks the next entries at once; the promise is for their signatures. */
  async add(entries: readonly Uint8Array[], verifier: Verifier): Promise<void> {
    const operations = this.#head.size === 0 ? entries.slice(1) : entries;
    const growth = new TreeGrowth(this.#head.size, this.#frontier, leafHashes(entries));
    this.#frontier = growth.frontier;
    this.#head = { size: growth.size, root: growth.root };
    const checked = operations.map((entry) => this.#validator.accept(entry));
    this.#lastTimestamp = checked.at(-1)?.timestamp ?? this.#lastTimestamp;
    const verdicts = await verifier.verify(packSignatures(checked.map(({ claim }) => claim)));
    const wrong = checked.find((_, i) => verdicts[i] !== 1);
    if (wrong !== undefined) throw invalid(wrong.sequence, "the signature is not its sender's");
  }

  result(): AuditResult {
    return {
      ...this.#head,
      genesis: this.#genesis,
      logId: this.#logId,
      checkpoints: new CheckpointVerifier(this.#genesis, this.#context),
      firstTimestamp: this.#firstTimestamp,
      lastTimestamp: this.#lastTimestamp,
    };
  }
}

function beginAudit(first: readonly Uint8Array[]): Audit {
  if (first[0] === undefined)
    throw new SequencerError("verification", "the log is empty: it has no genesis entry");
  return new Audit(first[0]);
}

/** @throws SequencerError `verification` if the audited entries do not lead to this head */
export function checkAuditedHead(audit: AuditResult, head: Head, whose: string): void {
  if (audit.size === head.size && equalBytes(audit.root, head.root)) return;
  throw new SequencerError(
    "verification",
    `the entries do not give the root of ${whose} at size ${head.size}`,
  );
}
