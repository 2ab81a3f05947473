/**
 * Entries: a timestamp and a payload, at most 65,535 bytes.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { concatBytes, toHex, u64be } from "../../src/base/bytes.ts";
import { ENTRY_BYTES_MAX } from "../../src/base/limits.ts";
import { decodeEntry, encodeEntry, payloadTypeName } from "../../src/log/entry.ts";

test("every entry round-trips", () => {
  fc.assert(
    fc.property(fc.maxSafeNat(), fc.uint8Array({ minLength: 1 }), (timestamp, payload) => {
      assert.deepEqual(decodeEntry(encodeEntry({ timestamp, payload })), { timestamp, payload });
    }),
  );
});

test("whatever decodes re-encodes to the same bytes", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 20 }), (bytes) => {
      const entry = decodeEntry(bytes);
      if (entry !== undefined) assert.equal(toHex(encodeEntry(entry)), toHex(bytes));
    }),
  );
});

test("an entry without payload, too long, or with a timestamp above 2^53 - 1 is none", () => {
  assert.equal(decodeEntry(new Uint8Array(0)), undefined);
  assert.equal(decodeEntry(u64be(1)), undefined);
  assert.equal(decodeEntry(new Uint8Array(ENTRY_BYTES_MAX))?.payload.length, ENTRY_BYTES_MAX - 8);
  assert.equal(decodeEntry(new Uint8Array(ENTRY_BYTES_MAX + 1)), undefined);
  assert.equal(decodeEntry(concatBytes(Uint8Array.of(0, 0x20), new Uint8Array(7))), undefined);
});

test("making an entry of more than 65,535 bytes is the programmer's error", () => {
  const payload = new Uint8Array(ENTRY_BYTES_MAX - 7);
  assert.throws(() => encodeEntry({ timestamp: 0, payload }), { name: "AssertionError" });
});

test("payload types have names, those of the future are unknown", () => {
  const names = ["G", "S", "P", "E", "K", ""].map((type) =>
    payloadTypeName(Uint8Array.from(Buffer.from(type))),
  );
  assert.deepEqual(names, ["genesis", "transaction", "permission", "unknown", "unknown", "unknown"]);
});
