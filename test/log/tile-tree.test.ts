/**
 * The tree kept as tiles: the same nodes, proofs and tiles as the recursive definition, read from few tiles.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { concatBytes, toHex } from "../../src/base/bytes.ts";
import { consistencyProof, frontierOf, inclusionProof, rootOf } from "../../src/log/merkle.ts";
import { verifyConsistency, verifyInclusion } from "../../src/log/proof.ts";
import { TileTree } from "../../src/log/tile-tree.ts";
import { referenceInclusion, referenceRoot } from "../helpers/merkle-reference.ts";
import { CountedTree, decimalLeaves } from "../helpers/trees.ts";

const leaves = decimalLeaves(0, 70_000);
const roots = new Map<number, string>();
const big = new CountedTree();
for (let size = 0; size < leaves.length; ) {
  const growth = big.grow(leaves.slice(size, size + 3_583));
  size = growth.size;
  roots.set(size, toHex(growth.root));
}
const size = leaves.length;
const rootAt = (at: number): Uint8Array => rootOf(frontierOf(at, big.node));

test("a tree reopened from its tiles at any size has the root that was grown", () => {
  for (const [at, root] of roots) {
    const tree = new TileTree(at, big.load);
    assert.equal(toHex(rootOf(frontierOf(at, (level, index) => tree.node(level, index)))), root);
  }
});

test("blocks of any sizes leave the same tiles as one block", () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 400 }), { minLength: 1, maxLength: 6 }), (sizes) => {
      const [pieces, whole] = [new CountedTree(), new CountedTree()];
      let at = 0;
      for (const count of sizes) at = pieces.grow(leaves.slice(at, at + count)).size;
      whole.grow(leaves.slice(0, at));
      const digest = ({ tiles }: CountedTree): string[] =>
        [...tiles].map(([key, hashes]) => `${key} ${toHex(hashes)}`).sort();
      assert.deepEqual(digest(pieces), digest(whole));
    }),
    { numRuns: 15 },
  );
});

test("tiles hold the recursive definition's hashes, at every width that the tree has", () => {
  assert.equal(toHex(big.tree.tile(0, 3, 256)!), toHex(concatBytes(...leaves.slice(768, 1_024))));
  assert.equal(toHex(big.tree.tile(0, 273, 112)!), toHex(concatBytes(...leaves.slice(273 * 256))));
  assert.equal(big.tree.tile(0, 273, 113), undefined);
  const upper = [0, 1, 2].map((i) => referenceRoot(leaves.slice(i * 256, (i + 1) * 256)));
  assert.equal(toHex(big.tree.tile(1, 0, 3)!), toHex(concatBytes(...upper)));
  assert.equal(big.tree.tile(2, 0, 1)?.length, 32);
  assert.equal(big.tree.tile(3, 0, 1), undefined);
});

test("inclusion proofs equal the recursive definition's and lead to the root", () => {
  assert.deepEqual(
    inclusionProof(1_234, 1_500, big.node).map(toHex),
    referenceInclusion(1_234, leaves.slice(0, 1_500)).map(toHex),
  );
  const sizeAndIndex = fc
    .integer({ min: 1, max: size })
    .chain((to) => fc.tuple(fc.constant(to), fc.nat(to - 1)));
  fc.assert(
    fc.property(sizeAndIndex, ([to, index]) => {
      const proof = inclusionProof(index, to, big.node);
      assert.ok(verifyInclusion(index, to, leaves[index]!, proof, rootAt(to)));
      assert.ok(!verifyInclusion(index, to, leaves[(index + 1) % size]!, proof, rootAt(to)));
    }),
    { numRuns: 60 },
  );
});

test("consistency proofs hold between any two sizes", () => {
  const pair = fc.tuple(fc.nat(size), fc.nat(size)).map((both) => both.sort((a, b) => a - b));
  fc.assert(
    fc.property(pair, ([from = 0, to = 0]) => {
      const proof = consistencyProof(from, to, big.node);
      assert.ok(verifyConsistency(from, to, rootAt(from), rootAt(to), proof));
      if (from < to && from > 0) assert.ok(!verifyConsistency(from, to, rootAt(from - 1), rootAt(to), proof));
    }),
    { numRuns: 60 },
  );
});

test("a proof reads at most one full tile for each level of tiles and side of the path", () => {
  const cold = new TileTree(size, big.load);
  const node = (level: number, index: number): Uint8Array => cold.node(level, index);
  for (const index of [0, 255, 256, 12_345, 65_535, 69_999]) {
    big.loads = 0;
    inclusionProof(index, size, node);
    assert.ok(big.loads <= 3, `${big.loads} tiles for the proof of leaf ${index}`);
    big.loads = 0;
    inclusionProof(index, size, node);
    assert.equal(big.loads, 0, "the second time all of them are in memory");
  }
  big.loads = 0;
  consistencyProof(33_333, size, node);
  assert.ok(big.loads <= 6, `${big.loads} tiles for a consistency proof`);
});

test("a missing or short tile of the right edge is noticed when the tree is opened", () => {
  for (const key of ["0/273", "1/1", "2/0"]) {
    const without = (level: number, index: number): Uint8Array | undefined =>
      `${level}/${index}` === key ? undefined : big.load(level, index);
    assert.throws(() => new TileTree(size, without), /missing/);
    const cut = (level: number, index: number): Uint8Array | undefined => {
      const hashes = big.load(level, index);
      return `${level}/${index}` === key ? hashes?.subarray(32) : hashes;
    };
    assert.throws(() => new TileTree(size, cut), /missing/);
  }
});

test("the hash of a subtree that is not complete is the programmer's error", () => {
  assert.throws(() => big.tree.node(0, size), { name: "AssertionError" });
  assert.throws(() => big.tree.node(17, 0), { name: "AssertionError" });
});
