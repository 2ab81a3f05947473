/** A tree over leaf hashes in memory, for tests that need nodes, roots and proofs of small logs. */
import { frontierOf, type NodeReader, nodeHash, rootOf } from "../../src/log/merkle.ts";

export class LeafTree {
  readonly leaves: readonly Uint8Array[];

  constructor(leaves: readonly Uint8Array[]) {
    this.leaves = leaves;
  }

  readonly node: NodeReader = (level, index) => {
    if (level === 0) return this.leaves[index]!;
    return nodeHash(this.node(level - 1, 2 * index), this.node(level - 1, 2 * index + 1));
  };

  root(size: number): Uint8Array {
    return rootOf(frontierOf(size, this.node));
  }
}
