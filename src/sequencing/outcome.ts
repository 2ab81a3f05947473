/**
 * What becomes of a submitted payload: a place in the log, or a refusal.
 */
import type { SequencerError } from "../base/errors.ts";
import type { AttestedHead } from "../log/checkpoint.ts";
import type { TreeGrowth } from "../log/growth.ts";
import type { Log } from "../log/log.ts";
import { packProof } from "../log/proof.ts";

/** An entry in the log, and a signed head that covers it. */
export interface Appended {
  readonly sequence: number;
  readonly id: Uint8Array;
  /** Unix milliseconds. */
  readonly timestamp: number;
  readonly head: AttestedHead;
  /** The growth that brought the entry, if it was this block: its proof is ready there. */
  readonly growth?: TreeGrowth;
  /** The proof itself, where another node made it. */
  readonly proof?: Uint8Array;
}

export type Outcome = Appended | SequencerError;

/** The inclusion proof of an appended entry under its head, hashes concatenated. */
export function proofOf(log: Log, { sequence, head, growth, proof }: Appended): Uint8Array {
  if (proof !== undefined) return proof;
  return growth === undefined
    ? packProof(log.inclusionProof(sequence, head.size))
    : growth.inclusionProof(sequence);
}

/** Collects that many outcomes, each in its place, and hands them over together. */
export function collector(
  count: number,
  done: (outcomes: Outcome[]) => void,
): (i: number, outcome: Outcome) => void {
  const outcomes = new Array<Outcome>(count);
  let open = count;
  if (open === 0) done(outcomes);
  return (i, outcome) => {
    outcomes[i] = outcome;
    if (--open === 0) done(outcomes);
  };
}
