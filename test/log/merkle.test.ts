/**
 * Merkle tree against the reference vectors of RFC 6962 implementations, and against its recursive definition.
 */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import fc from "fast-check";
import { concatBytes, fromHex, toHex, toHexDigits } from "../../src/base/bytes.ts";
import { TreeGrowth } from "../../src/log/growth.ts";
import {
  consistencyProof,
  EMPTY_ROOT,
  frontierOf,
  inclusionProof,
  leafHash,
  type NodeReader,
  nodeHash,
  perfectSubtrees,
  rootOf,
} from "../../src/log/merkle.ts";
import { verifyConsistency, verifyInclusion } from "../../src/log/proof.ts";
import { referenceConsistency, referenceInclusion, referenceRoot } from "../helpers/merkle-reference.ts";
import { decimalLeaves } from "../helpers/trees.ts";
import { tlogVectors } from "../helpers/vectors.ts";

const fromDigits = (digits: string): Uint8Array => fromHex(`0x${digits}`);
const vectorLeaves = tlogVectors.leaves_hex.map((digits) => leafHash(fromDigits(digits)));

/** Reads nodes by hashing everything below them. */
const nodesOf =
  (leaves: readonly Uint8Array[]): NodeReader =>
  (level, index) => {
    if (level === 0) return leaves[index]!;
    const below = nodesOf(leaves);
    return nodeHash(below(level - 1, 2 * index), below(level - 1, 2 * index + 1));
  };

suite("the reference vectors", () => {
  test("leaf hashes are those of RFC 6962 implementations", () => {
    assert.deepEqual(vectorLeaves.map(toHexDigits), tlogVectors.leaf_hashes);
  });

  test("roots of 0 to 8 leaves are those of RFC 6962 implementations", () => {
    const roots = tlogVectors.roots_by_size.map((_, size) => {
      const leaves = vectorLeaves.slice(0, size);
      return toHexDigits(rootOf(frontierOf(size, nodesOf(leaves))));
    });
    assert.deepEqual(roots, tlogVectors.roots_by_size);
    assert.equal(toHexDigits(EMPTY_ROOT), tlogVectors.roots_by_size[0]);
  });

  test("inclusion proofs are made and verified", () => {
    for (const { index, size, proof } of tlogVectors.inclusion) {
      const made = inclusionProof(index, size, nodesOf(vectorLeaves));
      assert.deepEqual(made.map(toHexDigits), proof);
      const root = fromDigits(tlogVectors.roots_by_size[size]!);
      assert.ok(verifyInclusion(index, size, vectorLeaves[index]!, proof.map(fromDigits), root));
    }
  });

  test("consistency proofs are made and verified", () => {
    for (const { size1, size2, proof } of tlogVectors.consistency) {
      const made = consistencyProof(size1, size2, nodesOf(vectorLeaves));
      assert.deepEqual(made.map(toHexDigits), proof);
      const [old, later] = [size1, size2].map((size) => fromDigits(tlogVectors.roots_by_size[size]!));
      assert.ok(verifyConsistency(size1, size2, old!, later!, proof.map(fromDigits)));
    }
  });

  test("roots over decimal leaves are right up to 70,000 leaves, grown in blocks of any size", () => {
    let frontier: readonly Uint8Array[] = [];
    let size = 0;
    const wanted = Object.entries(tlogVectors.decimal_leaves_roots).filter(([key]) => key !== "note");
    assert.equal(wanted.length, 9);
    for (const [key, root] of wanted) {
      while (size < Number(key)) {
        const end = Math.min(Number(key), size + 4_001);
        const growth = new TreeGrowth(size, frontier, concatBytes(...decimalLeaves(size, end)));
        ({ size, frontier } = growth);
        assert.equal(toHex(growth.root), toHex(rootOf(frontier)));
      }
      assert.equal(toHexDigits(rootOf(frontier)), root, `root of ${key} leaves`);
    }
  });
});

suite("the recursive definition", () => {
  const leaves = decimalLeaves(0, 70);

  test("proofs equal the recursive definition for every index, size and older size up to 70", () => {
    for (let size = 1; size <= leaves.length; size++) {
      const tree = leaves.slice(0, size);
      const node = nodesOf(tree);
      assert.equal(toHex(rootOf(frontierOf(size, node))), toHex(referenceRoot(tree)));
      for (let index = 0; index < size; index++) {
        const inclusion = inclusionProof(index, size, node);
        assert.deepEqual(inclusion.map(toHex), referenceInclusion(index, tree).map(toHex));
        const consistency = consistencyProof(index, size, node);
        assert.deepEqual(consistency.map(toHex), referenceConsistency(index, tree).map(toHex));
      }
    }
  });

  test("perfect subtrees cover their range from left to right without gaps, however large it is", () => {
    fc.assert(
      fc.property(fc.maxSafeNat(), (end) => {
        let at = 0;
        perfectSubtrees(0, end, (level, index) => {
          assert.equal(index * 2 ** level, at);
          at += 2 ** level;
        });
        assert.equal(at, end);
      }),
    );
  });

  test("a proof of a leaf that the tree does not have is the programmer's error", () => {
    assert.throws(() => inclusionProof(3, 3, nodesOf(leaves)), { name: "AssertionError" });
    assert.throws(() => consistencyProof(4, 3, nodesOf(leaves)), { name: "AssertionError" });
  });
});
