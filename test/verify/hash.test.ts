/** Batch hashes against Node's SHA-256 and @noble/hashes, of every length, and at the borders of the window. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { describe, it } from "node:test";
import { keccak_256 } from "@noble/hashes/sha3.js";
import fc from "fast-check";
import { concatBytes, fromHex, toHex } from "../../src/base/bytes.ts";
import {
  hashLeaves,
  hashPairs,
  hashVariant,
  keccak256,
  keccak256Batch,
  sha256Batch,
} from "../../src/verify/hash.ts";
import { randomBytes, seededRandom } from "./signatures.ts";

const random = seededRandom(17);
const sha256 = (...parts: Uint8Array[]) => {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part);
  return new Uint8Array(hash.digest());
};

function packed(messages: readonly Uint8Array[]): [Uint8Array, Uint32Array] {
  const offsets = new Uint32Array(messages.length + 1);
  for (const [i, { length }] of messages.entries()) offsets[i + 1] = offsets[i]! + length;
  return [concatBytes(...messages), offsets];
}

const LEAF = Uint8Array.of(0);
const NODE = Uint8Array.of(1);

function checkAll(messages: readonly Uint8Array[]): void {
  const [data, offsets] = packed(messages);
  assert.deepEqual(sha256Batch(data, offsets), concatBytes(...messages.map((message) => sha256(message))));
  assert.deepEqual(
    hashLeaves(data, offsets),
    concatBytes(...messages.map((message) => sha256(LEAF, message))),
  );
  assert.deepEqual(
    keccak256Batch(data, offsets),
    concatBytes(...messages.map((message) => keccak_256(message))),
  );
}

describe("batch hashes", () => {
  it("run in SIMD lanes here", () => {
    assert.equal(hashVariant(), "simd");
  });

  it("are known ones for known messages", () => {
    const text = (message: string) => packed([new TextEncoder().encode(message)]);
    const abc = "0xba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    assert.equal(toHex(sha256Batch(...text("abc"))), abc);
    assert.equal(
      toHex(keccak256Batch(...text(""))),
      "0xc5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470",
    );
    assert.equal(
      toHex(hashLeaves(...text(""))),
      "0x6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    );
    assert.deepEqual(keccak256(new Uint8Array(0)), fromHex(toHex(keccak256Batch(...text("")))));
  });

  it("are right for every length from 0 to 1,000 bytes, in order and out of it", () => {
    const messages = Array.from({ length: 1_001 }, (_, length) => randomBytes(random, length));
    checkAll(messages);
    checkAll(messages.toReversed());
    checkAll(messages.map((_, i) => messages[(i * 389) % 1_001]!));
  });

  it("are right for every number of messages around the lanes", () => {
    for (let count = 0; count <= 20; count++) {
      checkAll(Array.from({ length: count }, () => randomBytes(random, Math.floor(random() * 400))));
    }
  });

  it("are right for messages and batches larger than the window", () => {
    const big = randomBytes(random, 300_000);
    checkAll([
      big,
      randomBytes(random, 3),
      big.subarray(0, 262_144),
      big.subarray(0, 262_145),
      big.subarray(7, 200_000),
    ]);
    checkAll(Array.from({ length: 9_000 }, (_, i) => big.subarray(i, i + (i % 50))));
  });

  it("are right for any messages", () => {
    const messages = fc.array(fc.uint8Array({ maxLength: 500 }), { maxLength: 40 });
    fc.assert(fc.property(messages, checkAll), { numRuns: 200 });
  });

  it("of pairs are RFC 6962 nodes", () => {
    for (const count of [0, 1, 2, 3, 4, 5, 100, 4_096, 5_000]) {
      const pairs = randomBytes(random, 64 * count);
      const expected = Array.from({ length: count }, (_, i) =>
        sha256(NODE, pairs.subarray(64 * i, 64 * i + 64)),
      );
      assert.deepEqual(hashPairs(pairs), concatBytes(...expected));
    }
  });

  it("are the caller's: a later call does not change them", () => {
    const first = keccak256(randomBytes(random, 10));
    const copy = first.slice();
    keccak256(randomBytes(random, 10));
    assert.deepEqual(first, copy);
  });

  it("are refused for offsets and pairs that do not fit", () => {
    const data = new Uint8Array(10);
    assert.throws(() => sha256Batch(data, new Uint32Array(0)), RangeError);
    assert.throws(() => sha256Batch(data, Uint32Array.of(0, 11)), RangeError);
    assert.throws(() => keccak256Batch(data, Uint32Array.of(5, 3)), RangeError);
    assert.throws(() => hashLeaves(data, Uint32Array.of(0, 8, 4)), RangeError);
    assert.throws(() => hashPairs(new Uint8Array(63)), RangeError);
  });
});
