/**
 * A tree grown in blocks of any sizes is the tree of the recursive definition: root, frontier and proofs.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { concatBytes, toHex } from "../../src/base/bytes.ts";
import { HASH_BYTES } from "../../src/base/hash.ts";
import { TreeGrowth } from "../../src/log/growth.ts";
import { rootOf } from "../../src/log/merkle.ts";
import { rootFromInclusion, unpackProof } from "../../src/log/proof.ts";
import { referenceInclusion, referenceRoot } from "../helpers/merkle-reference.ts";
import { decimalLeaves } from "../helpers/trees.ts";

const leaves = decimalLeaves(0, 700);
const blockSizes = fc.array(fc.integer({ min: 1, max: 90 }), { minLength: 1, maxLength: 7 });

function growBy(sizes: readonly number[]): TreeGrowth[] {
  let frontier: readonly Uint8Array[] = [];
  let first = 0;
  return sizes.map((count) => {
    const growth = new TreeGrowth(first, frontier, concatBytes(...leaves.slice(first, first + count)));
    ({ size: first, frontier } = growth);
    return growth;
  });
}

test("blocks of any sizes give the roots of the recursive definition", () => {
  fc.assert(
    fc.property(blockSizes, (sizes) => {
      for (const growth of growBy(sizes)) {
        assert.equal(toHex(growth.root), toHex(referenceRoot(leaves.slice(0, growth.size))));
        assert.equal(toHex(rootOf(growth.frontier)), toHex(growth.root));
      }
    }),
    { numRuns: 40 },
  );
});

test("each new leaf's proof is the one of the recursive definition", () => {
  fc.assert(
    fc.property(blockSizes, fc.nat(), (sizes, pick) => {
      for (const growth of growBy(sizes)) {
        const index = growth.first + (pick % (growth.size - growth.first));
        const expected = referenceInclusion(index, leaves.slice(0, growth.size));
        assert.equal(toHex(growth.inclusionProof(index)), toHex(concatBytes(...expected)));
      }
    }),
    { numRuns: 40 },
  );
});

test("every proof of every block size up to 40 behind every tree up to 40 leads to the root", () => {
  for (let first = 0; first <= 40; first++) {
    for (let count = 1; count <= 40; count++) {
      const growth = growBy(first === 0 ? [count] : [first, count]).at(-1)!;
      for (let index = first; index < first + count; index++) {
        const proof = unpackProof(growth.inclusionProof(index))!;
        assert.equal(
          toHex(rootFromInclusion(index, growth.size, leaves[index]!, proof)!),
          toHex(growth.root),
        );
      }
    }
  }
});

test("the new nodes of each level are exactly those that the block completed", () => {
  fc.assert(
    fc.property(blockSizes, fc.integer({ min: 0, max: 12 }), (sizes, level) => {
      for (const growth of growBy(sizes)) {
        const width = 2 ** level;
        const indices = [];
        for (let i = Math.floor(growth.first / width); i < Math.floor(growth.size / width); i++)
          indices.push(i);
        const expected = indices.map((i) => referenceRoot(leaves.slice(i * width, (i + 1) * width)));
        assert.equal(toHex(growth.newNodes(level)), toHex(concatBytes(...expected)));
      }
    }),
    { numRuns: 40 },
  );
});

test("a tree grows beyond 2^32 leaves: its root is that of old frontier and new leaves", () => {
  const first = 2 ** 40 + 2 ** 33 + 1;
  const frontier = leaves.slice(0, 3);
  const growth = new TreeGrowth(first, frontier, concatBytes(...leaves.slice(3, 8)));
  assert.equal(growth.size, first + 5);
  for (let index = first; index < growth.size; index++) {
    const proof = unpackProof(growth.inclusionProof(index))!;
    const leaf = leaves[3 + index - first]!;
    assert.equal(toHex(rootFromInclusion(index, growth.size, leaf, proof)!), toHex(growth.root));
  }
});

test("growing by nothing, and proving a leaf of another block, are the programmer's errors", () => {
  assert.throws(() => new TreeGrowth(0, [], new Uint8Array(HASH_BYTES - 1)), { name: "AssertionError" });
  const [, second] = growBy([3, 4]);
  assert.throws(() => second!.inclusionProof(2), { name: "AssertionError" });
  assert.throws(() => second!.inclusionProof(7), { name: "AssertionError" });
});
