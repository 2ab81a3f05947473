/**
 * What a replica checks of entries before it stores them. `full`: everything, SPEC section 1. `head`: only what the
 * signed head says already, for small machines; ids are then left out of the store.
 */
import { concatBytes } from "../base/bytes.ts";
import { SequencerError } from "../base/errors.ts";
import { HASH_BYTES } from "../base/hash.ts";
import { decodeEntry, PAYLOAD_TYPES } from "../log/entry.ts";
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
   * Checks the entries that come next in the log; calls are made in the log's order.
   * @throws SequencerError `verification` or `upgrade-required`; the log is not to be followed any further then
   */
  check(first: number, entries: readonly Uint8Array[]): Promise<CheckedEntries>;
}

export class FullChecker implements EntryChecker {
  readonly #validator: LogValidator;
  readonly #verifier: Verifier;

  constructor(validator: LogValidator, verifier: Verifier) {
    this.#validator = validator;
    this.#verifier = verifier;
  }

  async check(_first: number, entries: readonly Uint8Array[]): Promise<CheckedEntries> {
    const checked = entries.map((entry) => this.#validator.accept(entry));
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

export class HeadChecker implements EntryChecker {
  async check(first: number, entries: readonly Uint8Array[]): Promise<CheckedEntries> {
    const roles: StoredRole[] = [];
    for (let i = 0; i < entries.length; i++) {
      const type = entries[i]![8];
      if (type !== PAYLOAD_TYPES.transaction && type !== PAYLOAD_TYPES.permissionChange) {
        throw new SequencerError(
          "upgrade-required",
          `entry ${first + i} is of a type that this release does not know`,
        );
      }
      if (type === PAYLOAD_TYPES.permissionChange) {
        roles.push(...roleOf(decodeOperation(entries[i]!.subarray(8))));
      }
    }
    const last = decodeEntry(entries.at(-1)!);
    if (last === undefined) throw invalid(first + entries.length - 1, "it is malformed");
    return { ids: new Uint8Array(entries.length * HASH_BYTES), roles, lastTimestamp: last.timestamp };
  }
}

function roleOf(operation: Operation): StoredRole[] {
  return operation.type === "permission" ? [{ account: operation.account, role: ROLES[operation.role] }] : [];
}
