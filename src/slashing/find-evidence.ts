/**
 * Evidence from two signed heads and whatever tree is at hand. It verifies nothing about the signatures: heads enter
 * here verified, and whoever passes evidence on runs `verifyEvidence` first.
 */
import { assert } from "../base/assert.ts";
import { equalBytes } from "../base/bytes.ts";
import type { AttestedHead } from "../log/checkpoint.ts";
import { consistencyProof, frontierOf, type NodeReader, rootOf } from "../log/merkle.ts";
import type { Evidence, Inconsistent, LogDomain } from "./evidence.ts";

/**
 * What two heads of one log prove, or undefined if they do not conflict.
 * Without the larger tree's nodes two different sizes give only what a challenge needs, which proves nothing yet.
 * @param node perfect subtrees of the larger tree; one that does not give the larger head's root counts as missing
 */
export function findEvidence(
  log: LogDomain,
  one: AttestedHead,
  other: AttestedHead,
  node?: NodeReader,
): Evidence | undefined {
  const heads = one.size <= other.size ? ([one, other] as const) : ([other, one] as const);
  const [older, newer] = heads;
  if (older.size === newer.size) {
    return equalBytes(older.root, newer.root) ? undefined : { kind: "same-size", log, heads };
  }
  if (older.size === 0) return undefined;
  if (node === undefined || !equalBytes(rootOf(frontierOf(newer.size, node)), newer.root)) {
    return { kind: "unanswered-challenge", log, heads };
  }
  if (equalBytes(rootOf(frontierOf(older.size, node)), older.root)) return undefined;
  return { kind: "inconsistent", log, heads, ...consistencyNodes(older.size, newer.size, node) };
}

/** A consistency proof with its seed explicit: what evidence and answers to challenges are made of. */
export function consistencyNodes(
  from: number,
  to: number,
  node: NodeReader,
): Pick<Inconsistent, "seed" | "path"> {
  assert(from > 0 && from < to, "consistency is between two sizes");
  const proof = consistencyProof(from, to, node);
  const frontier = frontierOf(from, node);
  // RFC 9162 leaves the seed out where the old tree is perfect: it is then the old root, and the only subtree.
  return frontier.length === 1
    ? { seed: frontier[0]!, path: proof }
    : { seed: proof[0]!, path: proof.slice(1) };
}
