/**
 * What a replica checks of entries before it stores them. `full`: everything, SPEC section 1. `head`: only what the
 * signed head says already, for small machines; ids are then left out of the store.
 */
import { concatBytes } from "../base/bytes.ts";
import { SequencerError } from "../base/errors.ts";
import { HASH_BYTES } from "../base/hash.ts";
import { BLOCK_ENTRIES_MAX } from "../base/limits.ts";
import { decodeEntry, PAYLOAD_TYPES, TIMESTAMP_BYTES } from "../log/entry.ts";
import { type EntryRun, eachPacked, unpackEntries } from "../log/packed-entries.ts";
import type { StoredRole } from "../log/store.ts";
import { ROLES } from "../permission/policy.ts";
import { decodeOperation, type Operation } from "../sequencing/transaction.ts";
import { invalid, type LogValidator } from "../sequencing/validator.ts";
import { packSignatures, type Verifier } from "../sequencing/verifier.ts";

/** What is stored beside entries that were checked. */
export interface CheckedEntries {
  /** 32 bytes each; zero where ids are not computed. */
  readonly ids: Uint8Array;
  readonly roles: readonly StoredRole[];
  /** Unix milliseconds. */
  readonly lastTimestamp: number;
}

export interface EntryChecker {
  /**
   * Checks well-formed entries that come next in the log; calls are made in the log's order.
   * @throws SequencerError `verification` or `upgrade-required`; the log is not to be followed any further then
   */
  check(run: EntryRun): Promise<CheckedEntries>;
}

export class FullChecker implements EntryChecker {
  readonly #validator: LogValidator;
  readonly #verifier: Verifier;

  constructor(validator: LogValidator, verifier: Verifier) {
    this.#validator = validator;
    this.#verifier = verifier;
  }

  async check({ entries, count }: EntryRun): Promise<CheckedEntries> {
    const checked = unpackEntries(entries, count)!.map((entry) => this.#validator.accept(entry));
    const claims = checked.map(({ claim }) => claim);
    const verdicts = await this.#verifier.verify(packSignatures(claims));
    const wrong = checked.find((_, i) => verdicts[i] !== 1);
    if (wrong !== undefined) throw invalid(wrong.sequence, "the signature is not its sender's");
    return {
      ids: concatBytes(...claims.map(({ digest }) => digest)),
      roles: checked.flatMap(({ operation }) => roleOf(operation)),
      lastTimestamp: checked.at(-1)!.timestamp,
    };
  }
}

/** What stands for ids that are not computed. */
const NO_IDS = new Uint8Array(BLOCK_ENTRIES_MAX * HASH_BYTES);

export class HeadChecker implements EntryChecker {
  async check(run: EntryRun): Promise<CheckedEntries> {
    const { first, count, entries } = run;
    const roles: StoredRole[] = [];
    let last = entries;
    eachPacked(run, (start, end, place) => {
      const type = end - start > TIMESTAMP_BYTES ? entries[start + TIMESTAMP_BYTES] : undefined;
      if (type !== PAYLOAD_TYPES.transaction && type !== PAYLOAD_TYPES.permissionChange) {
        throw new SequencerError(
          "upgrade-required",
          `entry ${first + place} is of a type that this release does not know`,
        );
      }
      if (type === PAYLOAD_TYPES.permissionChange) {
        roles.push(...roleOf(decodeOperation(entries.subarray(start + TIMESTAMP_BYTES, end))));
      }
      if (place === count - 1) last = entries.subarray(start, end);
    });
    const entry = decodeEntry(last);
    if (entry === undefined) throw invalid(first + count - 1, "it is malformed");
    return { ids: NO_IDS.subarray(0, count * HASH_BYTES), roles, lastTimestamp: entry.timestamp };
  }
}

function roleOf(operation: Operation): StoredRole[] {
  return operation.type === "permission" ? [{ account: operation.account, role: ROLES[operation.role] }] : [];
}
