/**
 * Signatures as `ecrecover` accepts them: every rule of SPEC section 1 by a signature that breaks it alone, and the
 * native library in agreement with the JavaScript one.
 */
import assert from "node:assert/strict";
import { before, suite, test } from "node:test";
import { secp256k1 } from "@noble/curves/secp256k1.js";
import fc from "fast-check";
import { concatBytes, fromHex, toHex, utf8 } from "../../src/base/bytes.ts";
import { keccak256 } from "../../src/base/hash.ts";
import { addressOfPrivateKey, recoverAddress, recoveredFrom, signDigest } from "../../src/base/secp256k1.ts";
import { useNativeSecp256k1 } from "../../src/sequencing/native-secp256k1.ts";
import { bytesOf, mutated } from "../helpers/arbitraries.ts";

const ORDER = secp256k1.Point.Fn.ORDER;
const FIELD = secp256k1.Point.Fp.ORDER;
const key = new Uint8Array(32).fill(0x11);
const address = addressOfPrivateKey(key);
const digest = keccak256(utf8("what is signed"));

const scalar = (value: bigint): Uint8Array => fromHex(`0x${value.toString(16).padStart(64, "0")}`);
const signatureOf = (r: bigint, s: bigint, yParity: number): Uint8Array =>
  concatBytes(scalar(r), scalar(s), Uint8Array.of(yParity));
const recovered = (signature: Uint8Array): string | undefined => {
  const found = recoverAddress(digest, signature);
  return found === undefined ? undefined : toHex(found);
};

const valid = signDigest(digest, key);
valid[64]! -= 27;
const [r, s, yParity] = [
  BigInt(toHex(valid.subarray(0, 32))),
  BigInt(toHex(valid.subarray(32, 64))),
  valid[64]!,
];

/** Every rule, on whichever library is plugged in. */
function rules(): void {
  test("a signature recovers to its signer, and is low-s and deterministic", () => {
    assert.equal(recovered(valid), toHex(address));
    assert.ok(s <= ORDER / 2n);
    assert.equal(
      toHex(signDigest(digest, key)),
      toHex(concatBytes(valid.subarray(0, 64), Uint8Array.of(yParity + 27))),
    );
  });

  test("an account has one address, and a key that is no scalar has none", () => {
    assert.equal(toHex(addressOfPrivateKey(key)), toHex(address));
    for (const wrong of [0n, ORDER]) assert.throws(() => addressOfPrivateKey(scalar(wrong)));
  });

  test("the other parity is another account's signature", () => {
    assert.notEqual(recovered(signatureOf(r, s, 1 - yParity)), toHex(address));
  });

  test("a high s is refused, though the mirrored signature is otherwise right", () => {
    assert.equal(recovered(signatureOf(r, ORDER - s, 1 - yParity)), undefined);
    assert.equal(recovered(signatureOf(r, ORDER / 2n + 1n, yParity)), undefined);
    assert.notEqual(recovered(signatureOf(r, ORDER / 2n, yParity)), undefined);
  });

  test("r and s outside [1, n) are refused", () => {
    for (const wrong of [0n, ORDER, ORDER + r, 2n ** 256n - 1n].filter((value) => value < 2n ** 256n)) {
      assert.equal(recovered(signatureOf(wrong, s, yParity)), undefined, `r = ${wrong}`);
      assert.equal(recovered(signatureOf(r, wrong, yParity)), undefined, `s = ${wrong}`);
    }
  });

  test("an r that is no point's x coordinate is refused", () => {
    const isX = (x: bigint): boolean => {
      const square = (x ** 3n + 7n) % FIELD;
      return secp256k1.Point.Fp.pow(square, (FIELD - 1n) / 2n) === 1n;
    };
    let x = 1n;
    while (isX(x)) x++;
    for (const parity of [0, 1]) assert.equal(recovered(signatureOf(x, s, parity)), undefined);
  });

  test("x(R) = r + n is refused: parities 2 and 3 name it, and 0 and 1 never mean it", () => {
    for (const parity of [2, 3, 27, 28, 255]) assert.equal(recovered(signatureOf(r, s, parity)), undefined);
    // A small r whose R would have x = r + n if the larger candidate were tried.
    assert.equal(recovered(signatureOf(1n, 1n, 2)), undefined);
  });

  test("a signature of any other length is refused", () => {
    for (const length of [0, 64, 66]) assert.equal(recovered(new Uint8Array(length).fill(1)), undefined);
  });

  test("a signature whose key would be the point at infinity is refused", () => {
    // R = G and s * R = digest * G make Q = (s * R - digest * G) / r the neutral element.
    const generator = secp256k1.Point.BASE.toAffine();
    const small = scalar(5n);
    const infinite = signatureOf(generator.x, 5n, Number(generator.y % 2n));
    assert.equal(recoverAddress(small, infinite), undefined);
  });

  test("v is 27 or 28 where a signature is compared with an address", () => {
    const withV = signDigest(digest, key);
    assert.ok(recoveredFrom(digest, withV, address));
    assert.ok(!recoveredFrom(digest, valid, address));
    assert.ok(!recoveredFrom(digest, withV, new Uint8Array(20)));
    assert.ok(!recoveredFrom(digest, withV.subarray(0, 64), address));
    assert.ok(!recoveredFrom(keccak256(digest), withV, address));
  });
}

suite("JavaScript", rules);

suite("libsecp256k1", () => {
  // JavaScript is asked first: from then on the native library stands in its place in this thread.
  const near = mutated(fc.constant(valid)).map((bytes) =>
    bytes.length === 65 ? bytes : concatBytes(bytes, valid).slice(0, 65),
  );
  const signature = fc.oneof(
    near,
    fc.tuple(bytesOf(64), fc.nat(2)).map(([rs, parity]) => Uint8Array.of(...rs, parity)),
  );
  const samples = fc.sample(fc.tuple(fc.oneof(bytesOf(32), fc.constant(digest)), signature), 300);
  let inJavaScript: (string | undefined)[];
  let signedInJavaScript: string[];
  const recoverAll = (): (string | undefined)[] =>
    samples.map(([message, each]) => {
      const found = recoverAddress(message, each);
      return found === undefined ? undefined : toHex(found);
    });
  const signAll = (): string[] => samples.map(([message]) => toHex(signDigest(message, key)));
  before(() => {
    inJavaScript = recoverAll();
    signedInJavaScript = signAll();
    assert.ok(useNativeSecp256k1(), "the native binding is part of the installation");
  });

  rules();

  test("it agrees with JavaScript on random and mutated signatures", () => {
    assert.deepEqual(recoverAll(), inJavaScript);
    assert.ok(inJavaScript.some((found) => found !== undefined));
    assert.ok(inJavaScript.some((found) => found === undefined));
  });

  test("it makes the same signatures as JavaScript", () => {
    assert.deepEqual(signAll(), signedInJavaScript);
  });
});
