/**
 * Proofs as text are the proofs as bytes, whatever the block and the order in which they are asked for.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { concatBytes, toHexDigits } from "../../src/base/bytes.ts";
import { TreeGrowth } from "../../src/log/growth.ts";
import { ProofDigits } from "../../src/log/proof-digits.ts";
import { decimalLeaves } from "../helpers/trees.ts";

const leaves = decimalLeaves(0, 200);

test("each leaf's proof is the growth's, in any order, asked for twice", () => {
  const size = fc.integer({ min: 0, max: 90 });
  const picks = fc.array(fc.nat(), { maxLength: 12 });
  fc.assert(
    fc.property(size, fc.integer({ min: 1, max: 90 }), picks, (first, count, places) => {
      const before = first === 0 ? undefined : new TreeGrowth(0, [], concatBytes(...leaves.slice(0, first)));
      const growth = new TreeGrowth(
        first,
        before?.frontier ?? [],
        concatBytes(...leaves.slice(first, first + count)),
      );
      const digits = new ProofDigits(growth);
      const asked = [...places, ...places].map((place) => first + (place % count));
      const target = Buffer.alloc(3 + digits.lengthMax);
      for (const index of asked) {
        const end = digits.write(index, target, 3);
        assert.equal(target.toString("latin1", 3, end), toHexDigits(growth.inclusionProof(index)));
      }
    }),
    { numRuns: 150 },
  );
});

test("a leaf of another block has no proof from this one", () => {
  const digits = new ProofDigits(new TreeGrowth(0, [], concatBytes(...leaves.slice(0, 3))));
  assert.throws(() => digits.write(3, Buffer.alloc(digits.lengthMax), 0));
});
