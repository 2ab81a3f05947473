/**
 * What every verifier has to do: one verdict for each signature, in order, whatever the batches are.
 */
import assert from "node:assert/strict";
import { suite, type TestContext, test } from "node:test";
import { u64be } from "../../src/base/bytes.ts";
import { keccak256 } from "../../src/base/hash.ts";
import { signDigest } from "../../src/base/secp256k1.ts";
import { packSignatures, type SignatureClaim, type Verifier } from "../../src/sequencing/verifier.ts";
import { operator, stranger, writer } from "../helpers/accounts.ts";

/** A claim that holds, or one that fails in one of five ways. */
export function claimOf(i: number, fault = 0): SignatureClaim {
  const { key, address } = i % 2 === 0 ? writer : operator;
  const digest = keccak256(u64be(i));
  const signature = signDigest(digest, key);
  signature[64]! -= 27;
  const claim = { digest, signature, address };
  if (fault === 1) return { ...claim, address: stranger.address };
  if (fault === 2) return { ...claim, digest: keccak256(digest) };
  if (fault === 3) return { ...claim, signature: signature.with(64, 1 - signature[64]!) };
  if (fault === 4) return { ...claim, signature: new Uint8Array(65) };
  if (fault === 5) return { ...claim, signature: signature.with(64, 2) };
  return claim;
}

/** @param open makes a verifier that ends with the test */
export function verifierCompliance(name: string, open: (t: TestContext) => Verifier): void {
  suite(`${name} as a verifier`, () => {
    test("right signatures are 1, all others 0, each in its place", async (t) => {
      const verifier = open(t);
      const faults = Array.from({ length: 60 }, (_, i) => (i * 7) % 11);
      const claims = faults.map((fault, i) => claimOf(i, fault));
      const verdicts = await verifier.verify(packSignatures(claims));
      assert.deepEqual(
        [...verdicts],
        faults.map((fault) => (fault >= 1 && fault <= 5 ? 0 : 1)),
      );
    });

    test("an empty batch has no verdicts", async (t) => {
      assert.equal((await open(t).verify(packSignatures([]))).length, 0);
    });

    test("a large batch keeps its order", async (t) => {
      const size = 700;
      const wrong = new Set([0, 255, 256, 257, 511, 512, 699]);
      const claims = Array.from({ length: size }, (_, i) => claimOf(i, wrong.has(i) ? 1 : 0));
      const verdicts = await open(t).verify(packSignatures(claims));
      assert.deepEqual(
        [...verdicts.keys()].filter((i) => verdicts[i] === 0),
        [...wrong],
      );
      assert.equal(verdicts.length, size);
    });

    test("many batches at once get their own verdicts, and the caller keeps its arrays", async (t) => {
      const verifier = open(t);
      const batches = Array.from({ length: 30 }, (_, i) =>
        packSignatures(
          Array.from({ length: 1 + (i % 5) }, (__, j) => claimOf(10 * i + j, j === 0 ? i % 2 : 0)),
        ),
      );
      const answers = await Promise.all(batches.map((batch) => verifier.verify(batch)));
      answers.forEach((verdicts, i) => {
        assert.deepEqual(
          [...verdicts],
          Array.from({ length: 1 + (i % 5) }, (_, j) => (j === 0 && i % 2 === 1 ? 0 : 1)),
        );
      });
      for (const { count, digests } of batches) assert.equal(digests.length, count * 32);
    });
  });
}
