/** A hundred thousand signatures against libsecp256k1, and some against @noble/curves, at each run. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { javascriptReference, loadReference } from "../../src/verify/reference.ts";
import { compareWithReference } from "./differential.ts";

const SIGNATURES = 50_000;
const SLOW_SIGNATURES = 400;

describe("the verifier and the reference agree", () => {
  it("on a machine where the native reference can be loaded", () => {
    assert.equal(loadReference().name, "native");
  });

  for (const variant of ["fma", "simd"] as const) {
    it(`about ${SIGNATURES} signatures with variant ${variant}`, () => {
      const outcome = compareWithReference(variant, SIGNATURES, 20_260_101);
      assert.equal(outcome.signatures, SIGNATURES);
      assert.ok(outcome.accepted > SIGNATURES / 2, "the fast path accepts most");
      assert.ok(outcome.valid < 0.9 * SIGNATURES, "many are invalid");
      assert.ok(outcome.tablesBuilt > 50, "tables come and go");
    });

    it(`about ${SLOW_SIGNATURES} signatures with variant ${variant}, the reference being @noble/curves`, () => {
      const outcome = compareWithReference(variant, SLOW_SIGNATURES, 7, javascriptReference());
      assert.equal(outcome.signatures, SLOW_SIGNATURES);
      assert.ok(outcome.accepted > 0);
    });
  }
});
