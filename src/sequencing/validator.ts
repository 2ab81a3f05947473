/**
 * Whether a log is valid, entry by entry: what a replica checks before it stores and an auditor checks afterwards,
 * SPEC section 1. Signatures are handed back as claims, to be verified in batches.
 */

import type { DigestContext } from "../base/eip712.ts";
import { describeError, SequencerError } from "../base/errors.ts";
import { decodeEntry, payloadTypeName } from "../log/entry.ts";
import type { Genesis } from "../log/genesis.ts";
import type { Permissions } from "../permission/policy.ts";
import { refusalAt } from "./rules.ts";
import { decodeOperation, operationId, type SignedOperation } from "./transaction.ts";
import type { SignatureClaim } from "./verifier.ts";

/** The ids that entries had so far, at least those of the last lifetime: an older one can never come back. */
export interface SeenIds {
  has(id: Uint8Array): boolean;
  add(id: Uint8Array, sequence: number, timestamp: number): void;
}

/** Where checking begins: the state of the log before entry `next`. */
export interface ValidatorState {
  readonly context: DigestContext;
  readonly genesis: Genesis;
  /** Becomes the validator's own. */
  readonly permissions: Permissions;
  readonly ids: SeenIds;
  readonly next: number;
  /** Unix milliseconds. */
  readonly lastTimestamp: number;
}

/** An entry that keeps every rule but the signature's, which is the claim. */
export interface CheckedEntry {
  readonly sequence: number;
  readonly timestamp: number;
  readonly operation: SignedOperation;
  readonly claim: SignatureClaim;
}

export class LogValidator {
  readonly #state: ValidatorState;
  #next: number;
  #lastTimestamp: number;

  constructor(state: ValidatorState) {
    this.#state = state;
    this.#next = state.next;
    this.#lastTimestamp = state.lastTimestamp;
  }

  /** The sequence number of the entry that comes next. */
  get next(): number {
    return this.#next;
  }

  /**
   * Checks the next entry and makes it part of the state.
   * @throws SequencerError `verification` if it is not valid here, `upgrade-required` if its type is not known
   */
  accept(entry: Uint8Array): CheckedEntry {
    const { context, genesis, permissions, ids } = this.#state;
    const sequence = this.#next;
    const decoded = decodeEntry(entry);
    if (decoded === undefined) throw invalid(sequence, "it is malformed");
    const { timestamp, payload } = decoded;
    if (payloadTypeName(payload) === "unknown") {
      throw new SequencerError(
        "upgrade-required",
        `entry ${sequence} is of a type that this release does not know`,
        {
          data: { sequence },
          hint: "Install a newer release of the sequencer",
        },
      );
    }
    if (timestamp < this.#lastTimestamp)
      throw invalid(sequence, "its timestamp lies before the previous entry's");
    const operation = decode(sequence, payload);
    const refusal = refusalAt(timestamp, operation, genesis.maxTransactionLifetimeMs, permissions);
    if (refusal !== undefined) throw invalid(sequence, describeError(refusal));
    const id = operationId(context, operation);
    if (ids.has(id)) throw invalid(sequence, "its id stands in the log already");

    ids.add(id, sequence, timestamp);
    if (operation.type === "permission") permissions.apply(operation);
    this.#next++;
    this.#lastTimestamp = timestamp;
    const claim = { digest: id, signature: operation.signature, address: operation.from };
    return { sequence, timestamp, operation, claim };
  }
}

/** Ids of the last one to two lifetimes, in memory. */
export class RecentIds implements SeenIds {
  readonly #lifetimeMs: number;
  #current = new Set<string>();
  #previous = new Set<string>();
  #since = 0;

  constructor(lifetimeMs: number) {
    this.#lifetimeMs = lifetimeMs;
  }

  has(id: Uint8Array): boolean {
    const key = keyOf(id);
    return this.#current.has(key) || this.#previous.has(key);
  }

  add(id: Uint8Array, _sequence: number, timestamp: number): void {
    if (timestamp > this.#since + this.#lifetimeMs) {
      this.#previous = this.#current;
      this.#current = new Set();
      this.#since = timestamp;
    }
    this.#current.add(keyOf(id));
  }
}

export function invalid(sequence: number, why: string): SequencerError {
  return new SequencerError("verification", `entry ${sequence} is not valid: ${why}`, { data: { sequence } });
}

function decode(sequence: number, payload: Uint8Array): SignedOperation {
  try {
    return decodeOperation(payload);
  } catch (error) {
    throw invalid(sequence, describeError(error));
  }
}

/** One byte a character: the most compact string of these bytes. */
function keyOf(id: Uint8Array): string {
  return String.fromCharCode(...id);
}
