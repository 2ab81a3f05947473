/**
 * Blocks as databases keep them: cut and put together again, whatever the sizes, and nothing read beyond a value.
 */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import fc from "fast-check";
import { concatBytes } from "../../src/base/bytes.ts";
import { HASH_BYTES } from "../../src/base/hash.ts";
import { packEntries } from "../../src/log/packed-entries.ts";
import { cutEntries, cutIds, entriesIn, idsIn } from "../../src/log/stored-values.ts";

/** Four pages of LMDB, the header before them included. */
const PAGES = 4 * 4_096;
const HEADER = 24;

const entryLengths = fc.array(fc.oneof(fc.integer({ min: 9, max: 900 }), fc.constant(40_000)), {
  minLength: 1,
  maxLength: 200,
});

function packed(lengths: readonly number[]): Uint8Array {
  return packEntries(lengths.map((length, i) => new Uint8Array(length).fill(i)));
}

suite("entries", () => {
  test("a block's values follow each other, fill four pages at most, and are the block together", () => {
    fc.assert(
      fc.property(fc.nat(), entryLengths, (first, lengths) => {
        const entries = packed(lengths);
        const values = [...cutEntries({ first, count: lengths.length, entries })];
        assert.deepEqual(concatBytes(...values.map(({ bytes }) => bytes)), entries);
        values.forEach((value, i) => {
          const end = values[i + 1]?.first ?? first + lengths.length;
          const run = entriesIn(value, value.first, Number.MAX_SAFE_INTEGER)!;
          assert.deepEqual(run, { first: value.first, count: end - value.first, entries: value.bytes });
          assert.ok(run.count === 1 || value.bytes.length + HEADER <= PAGES);
        });
      }),
    );
  });

  test("of a value any run is read, as far as the value goes", () => {
    const value = { first: 5, bytes: packed([10, 20, 30]) };
    assert.deepEqual(entriesIn(value, 6, 7)?.entries, value.bytes.subarray(12, 34));
    assert.deepEqual(entriesIn(value, 6, 99), { first: 6, count: 2, entries: value.bytes.subarray(12) });
    for (const beyond of [8, 9, 2 ** 40]) assert.equal(entriesIn(value, beyond, beyond + 1), undefined);
  });

  test("what is cut within an entry is not read that far", () => {
    const bytes = packed([10, 20, 30]);
    for (let length = 0; length < bytes.length; length++) {
      const value = { first: 0, bytes: bytes.subarray(0, length) };
      assert.equal(entriesIn(value, 2, 3), undefined);
      if (length !== 12 && length !== 34) assert.equal(entriesIn(value, 0, 3), undefined);
    }
  });
});

suite("ids", () => {
  test("a block's values follow each other, fill one page at most, and are the block together", () => {
    for (const count of [1, 126, 127, 128, 4_096]) {
      const ids = Uint8Array.from({ length: count * HASH_BYTES }, (_, i) => i % 251);
      const values = [...cutIds(7, ids)];
      assert.deepEqual(concatBytes(...values.map(({ bytes }) => bytes)), ids);
      for (const { first, bytes } of values) {
        assert.equal(bytes[0], ids[(first - 7) * HASH_BYTES]);
        assert.ok(bytes.length + HEADER <= PAGES / 4);
      }
    }
  });

  test("of a value any run is read, as far as the value goes", () => {
    const value = { first: 5, bytes: new Uint8Array(3 * HASH_BYTES).fill(1) };
    assert.equal(idsIn(value, 6, 7)?.length, HASH_BYTES);
    assert.equal(idsIn(value, 6, 99)?.length, 2 * HASH_BYTES);
    assert.equal(idsIn(value, 8, 9), undefined);
    assert.equal(idsIn({ first: 5, bytes: value.bytes.subarray(1) }, 5, 6), undefined, "cut short");
  });
});
