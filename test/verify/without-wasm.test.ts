/** Where there is no WebAssembly everything still works, slowly. A file of its own: it changes its process. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { it } from "node:test";
import { keccak_256 } from "@noble/hashes/sha3.js";
import { concatBytes } from "../../src/base/bytes.ts";
import { transactionDigest } from "../../src/base/eip712.ts";
import { pack, randomBytes, randomSigner, SPOILERS, seededRandom, sign } from "./signatures.ts";

Object.defineProperty(globalThis, "WebAssembly", { value: undefined });
const { hashLeaves, hashPairs, hashVariant, keccak256, keccak256Batch, sha256Batch } = await import(
  "../../src/verify/hash.ts"
);
const { transactionDigests } = await import("../../src/verify/digests.ts");
const { createVerifier } = await import("../../src/verify/verify.ts");

const random = seededRandom(19);
const sha256 = (...parts: Uint8Array[]) =>
  new Uint8Array(
    createHash("sha256")
      .update(concatBytes(...parts))
      .digest(),
  );

it("hashes without lanes", () => {
  assert.equal(hashVariant(), "javascript");
  const [a, b] = [randomBytes(random, 100), randomBytes(random, 28)];
  const data = concatBytes(a, b);
  const offsets = Uint32Array.of(0, 100, 128);
  const [leaf, node] = [Uint8Array.of(0), Uint8Array.of(1)];
  assert.deepEqual(sha256Batch(data, offsets), concatBytes(sha256(a), sha256(b)));
  assert.deepEqual(hashLeaves(data, offsets), concatBytes(sha256(leaf, a), sha256(leaf, b)));
  assert.deepEqual(keccak256Batch(data, offsets), concatBytes(keccak_256(a), keccak_256(b)));
  assert.deepEqual(keccak256(a), keccak_256(a));
  const nodes = concatBytes(sha256(node, data.subarray(0, 64)), sha256(node, data.subarray(64)));
  assert.deepEqual(hashPairs(data), nodes);
  assert.equal(hashPairs(new Uint8Array(0)).length, 0);
});

it("makes digests without lanes", () => {
  const context = { separator: randomBytes(random, 32), logId: randomBytes(random, 32) };
  const fields = { from: randomBytes(random, 20), nonce: 7n, expires: 8, data: randomBytes(random, 50) };
  const digest = transactionDigest(context, fields);
  assert.deepEqual(transactionDigests(context, [fields, fields]), concatBytes(digest, digest));
});

it("verifies by the reference alone, and says so", () => {
  const messages: string[] = [];
  const verifier = createVerifier({ log: (message) => messages.push(message) });
  assert.equal(verifier.variant, "native");
  assert.match(messages.join(), /variant fma does not run .*variant simd does not run/s);
  const signer = randomSigner(random);
  const valid = sign(signer, randomBytes(random, 32));
  verifier.addKey(signer.publicKey);
  assert.deepEqual([...verifier.verify(pack([valid, SPOILERS.s!(valid, random, signer)]))], [1, 0]);
  assert.equal(verifier.metrics.accepted, 0);
});
