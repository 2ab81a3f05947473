/**
 * Verification of inclusion and consistency proofs, RFC 9162 sections 2.1.3.2 and 2.1.4.2, over numbers that may
 * exceed 32 bits. Surplus and missing hashes are refused. A proof travels as its hashes concatenated.
 */
import { concatBytes, equalBytes } from "../base/bytes.ts";
import { HASH_BYTES } from "../base/hash.ts";
import { PROOF_HASHES_MAX } from "../base/limits.ts";
import { EMPTY_ROOT, nodeHash } from "./merkle.ts";

export function packProof(hashes: readonly Uint8Array[]): Uint8Array {
  return concatBytes(...hashes);
}

/** The hashes of a packed proof, or undefined if these bytes are none. */
export function unpackProof(bytes: Uint8Array): Uint8Array[] | undefined {
  if (bytes.length % HASH_BYTES !== 0 || bytes.length > PROOF_HASHES_MAX * HASH_BYTES) return undefined;
  const hashes: Uint8Array[] = [];
  for (let offset = 0; offset < bytes.length; offset += HASH_BYTES) {
    hashes.push(bytes.subarray(offset, offset + HASH_BYTES));
  }
  return hashes;
}

/** The root that the proof leads to from this leaf, or undefined if it is no proof for this index and size. */
export function rootFromInclusion(
  index: number,
  size: number,
  leaf: Uint8Array,
  proof: readonly Uint8Array[],
): Uint8Array | undefined {
  if (!isIndex(index) || !isIndex(size) || index >= size) return undefined;
  let position = index;
  let last = size - 1;
  let root = leaf;
  for (const sibling of proof) {
    if (last === 0) return undefined;
    if (isOdd(position) || position === last) {
      root = nodeHash(sibling, root);
      while (!isOdd(position) && position !== 0) {
        position = half(position);
        last = half(last);
      }
    } else {
      root = nodeHash(root, sibling);
    }
    position = half(position);
    last = half(last);
  }
  return last === 0 ? root : undefined;
}

export function verifyInclusion(
  index: number,
  size: number,
  leaf: Uint8Array,
  proof: readonly Uint8Array[],
  root: Uint8Array,
): boolean {
  const computed = rootFromInclusion(index, size, leaf, proof);
  return computed !== undefined && equalBytes(computed, root);
}

/** True if the tree of size `to` and root `toRoot` begins with the tree of size `from` and root `fromRoot`. */
export function verifyConsistency(
  from: number,
  to: number,
  fromRoot: Uint8Array,
  toRoot: Uint8Array,
  proof: readonly Uint8Array[],
): boolean {
  if (!isIndex(from) || !isIndex(to) || from > to) return false;
  if (from === to) return proof.length === 0 && equalBytes(fromRoot, toRoot);
  if (from === 0) return proof.length === 0 && equalBytes(fromRoot, EMPTY_ROOT);
  const hashes = isPowerOfTwo(from) ? [fromRoot, ...proof] : proof;
  const seed = hashes[0];
  const roots = seed === undefined ? undefined : rootsFromConsistency(from, to, seed, hashes.slice(1));
  return roots !== undefined && equalBytes(roots.oldRoot, fromRoot) && equalBytes(roots.newRoot, toRoot);
}

/**
 * The roots of the first `from` and of all `to` leaves of one tree, from its nodes alone, or undefined if the path is
 * none for these sizes.
 * @param seed the largest perfect subtree that ends at leaf `from`; RFC 9162 leaves it out where it is the old root
 */
export function rootsFromConsistency(
  from: number,
  to: number,
  seed: Uint8Array,
  path: readonly Uint8Array[],
): { readonly oldRoot: Uint8Array; readonly newRoot: Uint8Array } | undefined {
  if (!isIndex(from) || !isIndex(to) || from === 0 || from >= to) return undefined;
  let position = from - 1;
  let last = to - 1;
  while (isOdd(position)) {
    position = half(position);
    last = half(last);
  }
  let oldRoot = seed;
  let newRoot = seed;
  for (const hash of path) {
    if (last === 0) return undefined;
    if (isOdd(position) || position === last) {
      oldRoot = nodeHash(hash, oldRoot);
      newRoot = nodeHash(hash, newRoot);
      while (!isOdd(position) && position !== 0) {
        position = half(position);
        last = half(last);
      }
    } else {
      newRoot = nodeHash(newRoot, hash);
    }
    position = half(position);
    last = half(last);
  }
  return last === 0 ? { oldRoot, newRoot } : undefined;
}

function isIndex(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}

function isOdd(value: number): boolean {
  return value % 2 === 1;
}

function half(value: number): number {
  return Math.floor(value / 2);
}

function isPowerOfTwo(value: number): boolean {
  let rest = value;
  while (rest > 1 && !isOdd(rest)) rest /= 2;
  return rest === 1;
}
