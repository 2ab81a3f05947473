/**
 * The Merkle tree of RFC 6962 section 2.1 over SHA-256: leaf and node hashes, and what can be computed about a
 * tree when the hashes of its perfect subtrees can be asked for. It never stores anything.
 */
import { assert } from "../base/assert.ts";
import { HASH_BYTES, sha256, sha256Into } from "../base/hash.ts";
import { ENTRY_BYTES_MAX } from "../base/limits.ts";
import { hashPairs as hashPairBatch } from "../verify/hash.ts";

/** The root of the tree without leaves: SHA-256 of the empty string. */
export const EMPTY_ROOT: Uint8Array = sha256(new Uint8Array(0));

/**
 * The hash of the perfect subtree at (level, index): of the leaves [index * 2^level, (index + 1) * 2^level).
 */
export type NodeReader = (level: number, index: number) => Uint8Array;

const LEAF_PREFIX = 0;

// Every leaf and every pair is laid out here before it is hashed: allocating the bytes would cost as much as hashing.
const leaf = new Uint8Array(1 + ENTRY_BYTES_MAX);

/** SHA-256(0x00 || entry). */
export function leafHash(entry: Uint8Array): Uint8Array {
  const hash = new Uint8Array(HASH_BYTES);
  leafHashInto(entry, hash, 0);
  return hash;
}

/** SHA-256(0x00 || entry), written to `into` at `offset`. */
function leafHashInto(entry: Uint8Array, into: Uint8Array, offset: number): void {
  leaf.set(entry, 1);
  sha256Into(leaf.subarray(0, 1 + entry.length), into, offset);
}

const pair = new Uint8Array(1 + 2 * HASH_BYTES);
pair[0] = 1;

/** SHA-256(0x01 || left || right). */
export function nodeHash(left: Uint8Array, right: Uint8Array): Uint8Array {
  pair.set(left, 1);
  pair.set(right, 1 + HASH_BYTES);
  return sha256(pair);
}

/** The leaf hashes of entries, packed. One by one: at their length OpenSSL is as fast as four SIMD lanes here. */
export function leafHashes(entries: readonly Uint8Array[]): Uint8Array {
  const hashes = new Uint8Array(entries.length * HASH_BYTES);
  for (let i = 0; i < entries.length; i++) leafHashInto(entries[i]!, hashes, i * HASH_BYTES);
  return hashes;
}

/**
 * The leaf hashes of packed entries, packed. Each entry stands behind its length, whose last byte makes room for the
 * prefix while the entry is hashed: nothing is copied, and nothing stays changed.
 */
export function hashPackedLeaves(packed: Uint8Array, count: number): Uint8Array {
  const hashes = new Uint8Array(count * HASH_BYTES);
  let end = 0;
  for (let i = 0; i < count; i++) {
    const prefix = end + 1;
    const low = packed[prefix]!;
    end = prefix + 1 + ((packed[end]! << 8) | low);
    packed[prefix] = LEAF_PREFIX;
    sha256Into(packed.subarray(prefix, end), hashes, i * HASH_BYTES);
    packed[prefix] = low;
  }
  return hashes;
}

/** Fewer pairs than this are hashed faster one by one: a SIMD batch has a fixed cost. */
const BATCH_MIN = 4;

/** Node hashes of `pairs`, n times 64 bytes side by side; n times 32 bytes into `into`. */
export function hashPairs(pairs: Uint8Array, into: Uint8Array): void {
  if (pairs.length >= BATCH_MIN * 2 * HASH_BYTES) {
    into.set(hashPairBatch(pairs));
    return;
  }
  for (let offset = 0; offset < pairs.length; offset += 2 * HASH_BYTES) {
    pair.set(pairs.subarray(offset, offset + 2 * HASH_BYTES), 1);
    sha256Into(pair, into, offset / 2);
  }
}

/**
 * The perfect subtrees that make up the leaves [start, end), left to right, as `visit(level, index)`.
 * `start` must be a multiple of the largest power of two below end - start, as in every range that RFC 6962 names.
 */
export function perfectSubtrees(
  start: number,
  end: number,
  visit: (level: number, index: number) => void,
): void {
  let at = start;
  for (let level = 52; level >= 0; level--) {
    const width = 2 ** level;
    if (end - at >= width) {
      visit(level, at / width);
      at += width;
    }
  }
}

/** The hashes of the perfect subtrees of [0, size), largest first: what a tree is extended from. */
export function frontierOf(size: number, node: NodeReader): Uint8Array[] {
  const frontier: Uint8Array[] = [];
  perfectSubtrees(0, size, (level, index) => frontier.push(node(level, index)));
  return frontier;
}

/** The root over perfect subtrees given largest first; of none, the empty tree's. */
export function rootOf(frontier: readonly Uint8Array[]): Uint8Array {
  let root: Uint8Array | undefined;
  for (let i = frontier.length - 1; i >= 0; i--) {
    root = root === undefined ? frontier[i]! : nodeHash(frontier[i]!, root);
  }
  return root ?? EMPTY_ROOT;
}

/** MTH(D[start:end]) of RFC 6962, for the ranges that it names. */
function rangeHash(start: number, end: number, node: NodeReader): Uint8Array {
  const hashes: Uint8Array[] = [];
  perfectSubtrees(start, end, (level, index) => hashes.push(node(level, index)));
  return rootOf(hashes);
}

/** PATH(index, D[size]) of RFC 6962 section 2.1.1: the siblings from the leaf up. */
export function inclusionProof(index: number, size: number, node: NodeReader): Uint8Array[] {
  assert(index >= 0 && index < size, "an inclusion proof is of a leaf in the tree");
  const siblings: Uint8Array[] = [];
  let start = 0;
  let end = size;
  while (end - start > 1) {
    const middle = start + largestPowerBelow(end - start);
    if (index < middle) {
      siblings.push(rangeHash(middle, end, node));
      end = middle;
    } else {
      siblings.push(rangeHash(start, middle, node));
      start = middle;
    }
  }
  return siblings.reverse();
}

/** PROOF(from, D[to]) of RFC 6962 section 2.1.2; empty when from is 0 or equals to. */
export function consistencyProof(from: number, to: number, node: NodeReader): Uint8Array[] {
  assert(from >= 0 && from <= to, "a consistency proof leads to a tree at least as large");
  if (from === 0 || from === to) return [];
  const hashes: Uint8Array[] = [];
  let start = 0;
  let end = to;
  while (end !== from) {
    const middle = start + largestPowerBelow(end - start);
    if (from <= middle) {
      hashes.push(rangeHash(middle, end, node));
      end = middle;
    } else {
      hashes.push(rangeHash(start, middle, node));
      start = middle;
    }
  }
  // The verifier knows the old root: the old tree's last subtree is sent only if it is not the whole old tree.
  if (start !== 0) hashes.push(rangeHash(start, end, node));
  return hashes.reverse();
}

/** The largest power of two strictly below n, for n > 1. */
function largestPowerBelow(n: number): number {
  let power = 1;
  while (power * 2 < n) power *= 2;
  return power;
}
