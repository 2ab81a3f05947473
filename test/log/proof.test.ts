/**
 * Verification of proofs: what is right is accepted, whatever was changed in it is not.
 */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import fc from "fast-check";
import { concatBytes, equalBytes, toHex, utf8 } from "../../src/base/bytes.ts";
import { sha256 } from "../../src/base/hash.ts";
import { EMPTY_ROOT, nodeHash } from "../../src/log/merkle.ts";
import {
  packProof,
  rootFromInclusion,
  unpackProof,
  verifyConsistency,
  verifyInclusion,
} from "../../src/log/proof.ts";
import { referenceConsistency, referenceInclusion, referenceRoot } from "../helpers/merkle-reference.ts";
import { decimalLeaves } from "../helpers/trees.ts";

const leaves = decimalLeaves(0, 300);
const roots = Array.from({ length: 301 }, (_, size) => referenceRoot(leaves.slice(0, size)));
const stranger = sha256(utf8("no hash of this tree"));

/** Every way of changing a proof that leaves it a list of hashes. */
function* mutations(proof: readonly Uint8Array[]): Iterable<Uint8Array[]> {
  yield [...proof, stranger];
  yield [stranger, ...proof];
  for (let i = 0; i < proof.length; i++) {
    yield proof.toSpliced(i, 1);
    yield proof.toSpliced(i, 1, stranger);
    yield proof.toSpliced(i, 0, proof[i]!);
    const flipped = Uint8Array.from(proof[i]!);
    flipped[i % 32]! ^= 1 << (i % 8);
    yield proof.toSpliced(i, 1, flipped);
    const next = proof[i + 1];
    if (next !== undefined && !equalBytes(next, proof[i]!)) yield proof.toSpliced(i, 2, next, proof[i]!);
  }
}

suite("inclusion", () => {
  const sizeAndIndex = fc
    .integer({ min: 1, max: 300 })
    .chain((size) => fc.tuple(fc.constant(size), fc.nat(size - 1)));

  test("a proof holds for its leaf, index, size and root, and for no other leaf, index or root", () => {
    fc.assert(
      fc.property(sizeAndIndex, fc.nat(299), ([size, index], other) => {
        const proof = referenceInclusion(index, leaves.slice(0, size));
        const [leaf, root] = [leaves[index]!, roots[size]!];
        assert.ok(verifyInclusion(index, size, leaf, proof, root));
        assert.ok(!verifyInclusion(index, size, stranger, proof, root));
        assert.ok(!verifyInclusion(index, size, leaf, proof, stranger));
        if (other !== index) assert.ok(!verifyInclusion(other, size, leaf, proof, root));
        if (other + 1 !== size) assert.ok(!verifyInclusion(index, size, leaf, proof, roots[other + 1]!));
      }),
    );
  });

  test("a proof with any hash changed, dropped, doubled, swapped or added is refused", () => {
    fc.assert(
      fc.property(sizeAndIndex, ([size, index]) => {
        const proof = referenceInclusion(index, leaves.slice(0, size));
        for (const mutated of mutations(proof)) {
          assert.ok(!verifyInclusion(index, size, leaves[index]!, mutated, roots[size]!));
        }
      }),
      { numRuns: 40 },
    );
  });

  test("an index or size that is no number of leaves is refused", () => {
    for (const [index, size] of [
      [-1, 1],
      [0, 0],
      [1, 1],
      [0.5, 1],
      [0, 2 ** 53],
      [Number.NaN, 1],
    ] as const) {
      assert.equal(rootFromInclusion(index, size, leaves[0]!, []), undefined);
    }
  });

  test("a leaf far above 2^32 is proved by a path as long as its tree is high", () => {
    const path = Array.from({ length: 53 }, (_, i) => sha256(utf8(`sibling ${i}`)));
    const size = Number.MAX_SAFE_INTEGER;
    const index = 2 ** 52 + 5;
    // Along this path a bit of the index says on which side the sibling stands, except at the ragged right edge.
    let root = leaves[0]!;
    for (let level = 0; level < 53; level++) {
      const right = Math.floor(index / 2 ** level) % 2 === 1;
      root = right ? nodeHash(path[level]!, root) : nodeHash(root, path[level]!);
    }
    assert.ok(verifyInclusion(index, size, leaves[0]!, path, root));
    assert.ok(!verifyInclusion(index - 2 ** 32, size, leaves[0]!, path, root));
    assert.ok(!verifyInclusion(index + 2 ** 33, size, leaves[0]!, path, root));
    assert.ok(!verifyInclusion(index % 2 ** 32, size, leaves[0]!, path, root));
    assert.ok(!verifyInclusion(index, size, leaves[0]!, path.slice(0, 52), root));
  });
});

suite("consistency", () => {
  test("every pair of sizes up to 70 is consistent", () => {
    for (let to = 0; to <= 70; to++) {
      for (let from = 0; from <= to; from++) {
        const proof = referenceConsistency(from, leaves.slice(0, to));
        assert.ok(verifyConsistency(from, to, roots[from]!, roots[to]!, proof), `${from} to ${to}`);
      }
    }
  });

  const pair = fc
    .integer({ min: 1, max: 300 })
    .chain((to) => fc.tuple(fc.integer({ min: 1, max: to }), fc.constant(to)));

  test("wrong roots, wrong sizes and changed proofs are refused", () => {
    fc.assert(
      fc.property(pair, fc.integer({ min: 1, max: 300 }), ([from, to], other) => {
        const proof = referenceConsistency(from, leaves.slice(0, to));
        assert.ok(!verifyConsistency(from, to, stranger, roots[to]!, proof));
        assert.ok(!verifyConsistency(from, to, roots[from]!, stranger, proof));
        if (from < to) assert.ok(!verifyConsistency(to, from, roots[to]!, roots[from]!, proof));
        if (other !== from) assert.ok(!verifyConsistency(from, to, roots[other]!, roots[to]!, proof));
        if (other !== to) assert.ok(!verifyConsistency(from, to, roots[from]!, roots[other]!, proof));
        for (const mutated of mutations(proof)) {
          assert.ok(!verifyConsistency(from, to, roots[from]!, roots[to]!, mutated));
        }
      }),
      { numRuns: 60 },
    );
  });

  test("everything begins with the empty tree, and nothing else of size 0 does", () => {
    assert.ok(verifyConsistency(0, 5, EMPTY_ROOT, roots[5]!, []));
    assert.ok(verifyConsistency(0, 0, EMPTY_ROOT, EMPTY_ROOT, []));
    assert.ok(!verifyConsistency(0, 5, stranger, roots[5]!, []));
    assert.ok(!verifyConsistency(0, 5, EMPTY_ROOT, roots[5]!, [stranger]));
  });

  test("trees above 2^32 leaves are compared without losing bits", () => {
    const old = sha256(utf8("a tree of 2^40 leaves"));
    const right = sha256(utf8("the leaf after them"));
    const later = nodeHash(old, right);
    assert.ok(verifyConsistency(2 ** 40, 2 ** 40 + 1, old, later, [right]));
    assert.ok(!verifyConsistency(2 ** 40, 2 ** 40 + 2 ** 32 + 1, old, stranger, [right]));
    assert.ok(!verifyConsistency(2 ** 32 + 2, 2 ** 40 + 1, old, later, [right]));
    assert.ok(!verifyConsistency(1.5, 2, old, later, [right]));
    assert.ok(!verifyConsistency(2 ** 40, 2 ** 53, old, later, [right]));
  });
});

test("a packed proof unpacks to the same hashes; bytes that are no proof do not", () => {
  const proof = referenceInclusion(17, leaves);
  assert.deepEqual(unpackProof(packProof(proof))!.map(toHex), proof.map(toHex));
  assert.deepEqual(unpackProof(new Uint8Array(0)), []);
  assert.equal(unpackProof(concatBytes(...proof, Uint8Array.of(0))), undefined);
  assert.equal(unpackProof(new Uint8Array(64 * 32))?.length, 64);
  assert.equal(unpackProof(new Uint8Array(65 * 32)), undefined);
});
