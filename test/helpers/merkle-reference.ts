/**
 * The Merkle tree as RFC 6962 section 2.1 writes it down: recursive, slow, and obviously right. What the
 * implementation is compared with.
 */
import { createHash } from "node:crypto";

function hash(prefix: number, ...parts: readonly Uint8Array[]): Uint8Array {
  const state = createHash("sha256").update(Uint8Array.of(prefix));
  for (const part of parts) state.update(part);
  return Uint8Array.from(state.digest());
}

/** The largest power of two smaller than n. */
function split(n: number): number {
  return 2 ** Math.floor(Math.log2(n - 1));
}

export function leafHashOf(entry: Uint8Array): Uint8Array {
  return hash(0, entry);
}

/** MTH over leaf hashes. */
export function referenceRoot(leaves: readonly Uint8Array[]): Uint8Array {
  if (leaves.length === 0) return Uint8Array.from(createHash("sha256").digest());
  if (leaves.length === 1) return leaves[0]!;
  const k = split(leaves.length);
  return hash(1, referenceRoot(leaves.slice(0, k)), referenceRoot(leaves.slice(k)));
}

/** PATH(index, D[n]). */
export function referenceInclusion(index: number, leaves: readonly Uint8Array[]): Uint8Array[] {
  if (leaves.length === 1) return [];
  const k = split(leaves.length);
  const [left, right] = [leaves.slice(0, k), leaves.slice(k)];
  return index < k
    ? [...referenceInclusion(index, left), referenceRoot(right)]
    : [...referenceInclusion(index - k, right), referenceRoot(left)];
}

/** PROOF(from, D[n]), empty where one of the trees is empty or both are the same. */
export function referenceConsistency(from: number, leaves: readonly Uint8Array[]): Uint8Array[] {
  return from === 0 ? [] : subproof(from, leaves, true);
}

function subproof(from: number, leaves: readonly Uint8Array[], whole: boolean): Uint8Array[] {
  if (from === leaves.length) return whole ? [] : [referenceRoot(leaves)];
  const k = split(leaves.length);
  const [left, right] = [leaves.slice(0, k), leaves.slice(k)];
  return from <= k
    ? [...subproof(from, left, whole), referenceRoot(right)]
    : [...subproof(from - k, right, false), referenceRoot(left)];
}
