/**
 * A tree that grew by one block: every hash that the new leaves complete, level by level, in packed arrays. It gives
 * the new root and frontier, the nodes that tiles are made of, and the inclusion proof of each new leaf by copying
 * hashes, without computing any. RFC 6962 section 2.1.
 */
import { assert } from "../base/assert.ts";
import { pooledBytes } from "../base/bytes.ts";
import { HASH_BYTES } from "../base/hash.ts";
import { hashPairs, nodeHash, perfectSubtrees, rootOf } from "./merkle.ts";

/** Complete nodes of one level, packed, from index `start` on. */
export interface Level {
  readonly start: number;
  readonly nodes: Uint8Array;
}

export class TreeGrowth {
  readonly first: number;
  readonly size: number;
  readonly root: Uint8Array;
  /** Perfect subtrees of [0, size) and of [0, first), largest first. */
  readonly frontier: readonly Uint8Array[];
  readonly frontierBefore: readonly Uint8Array[];
  readonly #levels: readonly Level[];
  /** Per level, the root of the leaves right of the last complete node: the sibling that is no perfect subtree. */
  readonly #edges: readonly (Uint8Array | undefined)[];

  /**
   * @param first leaves before the block
   * @param frontier perfect subtrees of [0, first), largest first
   * @param leafHashes packed, 32 bytes each, at least one
   */
  constructor(first: number, frontier: readonly Uint8Array[], leafHashes: Uint8Array) {
    assert(leafHashes.length >= HASH_BYTES, "a tree grows by at least one leaf");
    this.first = first;
    this.size = first + leafHashes.length / HASH_BYTES;
    this.frontierBefore = frontier;
    this.#levels = completeLevels(first, frontier, leafHashes);
    this.frontier = this.#newFrontier();
    this.root = rootOf(this.frontier);
    this.#edges = this.#rightEdges();
  }

  /** Levels below the root: hashes of the longest path. */
  get height(): number {
    return this.#edges.length;
  }

  /** What is known of a level: the nodes that the block completed, and the one to their left if paths need it. */
  level(level: number): Level {
    return this.#levels[level] ?? { start: 0, nodes: new Uint8Array(0) };
  }

  /** The packed complete nodes of `level` that the block added: indices [first >> level, size >> level). */
  newNodes(level: number): Uint8Array {
    const { start, nodes } = this.level(level);
    return nodes.subarray((countAt(level, this.first) - start) * HASH_BYTES);
  }

  /** Bytes of the inclusion proof of a new leaf under the new root, hashes concatenated. */
  inclusionProof(index: number): Uint8Array {
    assert(index >= this.first && index < this.size, "only the block's own leaves are proved from it");
    const proof = pooledBytes(this.#edges.length * HASH_BYTES);
    let length = 0;
    let position = index;
    for (let level = 0; level < this.#edges.length; level++) {
      const sibling = position % 2 === 0 ? position + 1 : position - 1;
      const hash = this.node(level, sibling);
      if (hash !== undefined) {
        proof.set(hash, length);
        length += HASH_BYTES;
      }
      position = Math.floor(position / 2);
    }
    return proof.subarray(0, length);
  }

  /** The node that a path from a new leaf meets there; undefined if the tree ends before it. */
  node(level: number, index: number): Uint8Array | undefined {
    const count = countAt(level, this.size);
    if (index > count) return undefined;
    if (index === count) return this.#edges[level];
    const { start, nodes } = this.#levels[level]!;
    return nodes.subarray((index - start) * HASH_BYTES, (index - start + 1) * HASH_BYTES);
  }

  /** A perfect subtree of the new tree ends at the last complete node of each level that has an odd number of them. */
  #newFrontier(): Uint8Array[] {
    const frontier: Uint8Array[] = [];
    perfectSubtrees(0, this.size, (level) => {
      frontier.push(this.#levels[level]!.nodes.subarray(-HASH_BYTES));
    });
    return frontier;
  }

  #rightEdges(): (Uint8Array | undefined)[] {
    const edges: (Uint8Array | undefined)[] = [];
    let edge: Uint8Array | undefined;
    let remaining = this.frontier.length;
    for (let level = 0; 2 ** level < this.size; level++) {
      edges.push(edge);
      if (countAt(level, this.size) % 2 === 1) {
        const last = this.frontier[--remaining]!;
        edge = edge === undefined ? last : nodeHash(last, edge);
      }
    }
    return edges;
  }
}

/** Complete nodes of `level` in a tree of `size` leaves. */
function countAt(level: number, size: number): number {
  return Math.floor(size / 2 ** level);
}

function completeLevels(first: number, frontier: readonly Uint8Array[], leafHashes: Uint8Array): Level[] {
  const levels: Level[] = [];
  let added = leafHashes;
  let remaining = frontier.length;
  for (let level = 0; added.length > 0 || remaining > 0; level++) {
    const oldCount = countAt(level, first);
    // An old node without a partner stands at the left of what is added: it is the frontier's hash of this level.
    const lone = oldCount % 2 === 1 ? frontier[--remaining] : undefined;
    const nodes = lone === undefined ? added : prepend(lone, added);
    levels.push({ start: lone === undefined ? oldCount : oldCount - 1, nodes });
    const pairs = Math.floor(nodes.length / (2 * HASH_BYTES));
    added = new Uint8Array(pairs * HASH_BYTES);
    hashPairs(nodes.subarray(0, pairs * 2 * HASH_BYTES), added);
  }
  return levels;
}

function prepend(hash: Uint8Array, hashes: Uint8Array): Uint8Array {
  const all = new Uint8Array(HASH_BYTES + hashes.length);
  all.set(hash);
  all.set(hashes, HASH_BYTES);
  return all;
}
