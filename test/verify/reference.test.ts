/** Both references against SPEC section 1, on signatures valid and spoilt. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { addressOf, javascriptReference, loadReference } from "../../src/verify/reference.ts";
import { createVerifier } from "../../src/verify/verify.ts";
import { N } from "./modules.ts";
import { bytes32, randomBytes, randomSigner, SPOILERS, seededRandom, sign } from "./signatures.ts";

const random = seededRandom(13);

describe("the reference", () => {
  for (const reference of [loadReference(), javascriptReference()]) {
    it(`${reference.name} recovers the signer of valid signatures only`, () => {
      const [signer, other] = [randomSigner(random), randomSigner(random)];
      for (const digest of [randomBytes(random, 32), bytes32(0n), bytes32(N), bytes32(2n ** 256n - 1n)]) {
        const valid = sign(signer, digest);
        assert.deepEqual(reference.recover(valid.digest, valid.signature), signer.publicKey);
        for (const name of [
          "high s",
          "zero r",
          "zero s",
          "r = n",
          "s = n",
          "s = n + 1",
          "largest r",
          "largest s",
          "parity of r + n",
          "parity as v",
        ]) {
          const { signature } = SPOILERS[name]!(valid, random, other);
          assert.equal(reference.recover(digest, signature), undefined, name);
        }
      }
    });

    it(`${reference.name} reads keys of every form and nothing else`, () => {
      const { publicKey } = randomSigner(random);
      const compressed = Uint8Array.of(2 + (publicKey[63]! & 1), ...publicKey.subarray(0, 32));
      for (const form of [publicKey, Uint8Array.of(4, ...publicKey), compressed]) {
        assert.deepEqual(reference.parseKey(form), publicKey);
      }
      assert.equal(reference.parseKey(publicKey.map((byte, i) => (i === 40 ? byte ^ 1 : byte))), undefined);
      assert.equal(reference.parseKey(new Uint8Array(0)), undefined);
    });
  }

  it("tells who signed what was not signed by the claimed account", () => {
    const verifier = createVerifier();
    const signer = randomSigner(random);
    const { digest, signature } = sign(signer, randomBytes(random, 32));
    assert.deepEqual(verifier.recoverAddress(digest, signature), signer.address);
    assert.deepEqual(addressOf(signer.publicKey), signer.address);
    assert.equal(verifier.recoverAddress(digest, new Uint8Array(65)), undefined);
    assert.throws(() => verifier.recoverAddress(digest, new Uint8Array(64)), RangeError);
  });
});
