/**
 * Blocks as stores keep them: one layout, whoever makes it, and nothing else is read back.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { HASH_BYTES } from "../../src/base/hash.ts";
import { packEntries } from "../../src/log/packed-entries.ts";
import { decodeStoredBlock, encodeStoredBlock, layOutBlock } from "../../src/log/stored-block.ts";

const block = fc
  .array(fc.uint8Array({ minLength: 9, maxLength: 80 }), { minLength: 1, maxLength: 20 })
  .chain((list) =>
    fc.record({
      first: fc.nat(),
      count: fc.constant(list.length),
      entries: fc.constant(packEntries(list)),
      ids: fc.uint8Array({ minLength: list.length * HASH_BYTES, maxLength: list.length * HASH_BYTES }),
    }),
  );

test("a block laid out beforehand is the same value as one put together, and reads back", () => {
  fc.assert(
    fc.property(block, (parts) => {
      const laidOut = layOutBlock(parts.count, parts.entries.length);
      laidOut.entries.set(parts.entries);
      laidOut.ids.set(parts.ids);
      assert.equal(encodeStoredBlock({ ...parts, ...laidOut }), laidOut.value, "nothing is copied");
      assert.deepEqual(encodeStoredBlock(parts), laidOut.value);
      assert.deepEqual(decodeStoredBlock(parts.first, laidOut.value), { ...parts });
    }),
  );
});

test("a value cut short, or longer than it says, is no block", () => {
  const { value } = layOutBlock(3, 100);
  for (let length = 0; length < value.length; length++) {
    assert.equal(decodeStoredBlock(0, value.subarray(0, length)), undefined);
  }
  assert.equal(decodeStoredBlock(0, new Uint8Array([...value, 0])), undefined);
});
