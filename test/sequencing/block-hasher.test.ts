/**
 * Trees hashed by another thread are those that this one would have made, behind every edge.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { toHex, u64be } from "../../src/base/bytes.ts";
import { BLOCK_BYTES_MAX, BLOCK_ENTRIES_MAX, HASH_HERE_ENTRIES_MAX } from "../../src/base/limits.ts";
import type { TreeEdge } from "../../src/log/growth.ts";
import { packEntries } from "../../src/log/packed-entries.ts";
import { BlockHasher, growHere } from "../../src/sequencing/block-hasher.ts";

const EMPTY: TreeEdge = { size: 0, frontier: [] };

/** `count` entries of lengths from 9 bytes up to about `bytes`. */
function packed(count: number, bytes: number): Uint8Array {
  return packEntries(
    Array.from({ length: count }, (_, i) => {
      const entry = new Uint8Array(9 + ((i * 7_919) % (bytes - 8)));
      entry.set(u64be(i));
      return entry;
    }),
  );
}

test("blocks of all sizes, one after the other, grow the same tree here and there", async (t) => {
  const hasher = new BlockHasher();
  t.after(() => hasher.close());
  const sizes = [
    1,
    2,
    HASH_HERE_ENTRIES_MAX,
    HASH_HERE_ENTRIES_MAX + 1,
    257,
    1_000,
    2_501,
    BLOCK_ENTRIES_MAX,
  ];
  let here: TreeEdge = EMPTY;
  let there: TreeEdge = EMPTY;
  for (const count of [...sizes, ...sizes.toReversed()]) {
    const entries = packed(count, Math.floor(BLOCK_BYTES_MAX / BLOCK_ENTRIES_MAX));
    const expected = growHere(here, entries, count);
    const grown = await hasher.grow(there, entries, count);
    assert.equal(toHex(grown.root), toHex(expected.root));
    assert.equal(grown.size, expected.size);
    for (const index of [grown.first, grown.first + (count >> 1), grown.size - 1]) {
      assert.equal(toHex(grown.inclusionProof(index)), toHex(expected.inclusionProof(index)));
    }
    for (let level = 0; level < 16; level++) {
      assert.equal(toHex(grown.newNodes(level)), toHex(expected.newNodes(level)));
    }
    here = expected;
    there = grown;
  }
});

test("what was hashed is left as it was", async (t) => {
  const hasher = new BlockHasher();
  t.after(() => hasher.close());
  for (const count of [HASH_HERE_ENTRIES_MAX, BLOCK_ENTRIES_MAX]) {
    const entries = packed(count, 200);
    const before = Uint8Array.from(entries);
    await hasher.grow(EMPTY, entries, count);
    assert.deepEqual(entries, before);
  }
});

test("a thread that breaks fails the block that it was at, and every block after it", async (t) => {
  const hasher = new BlockHasher();
  t.after(() => hasher.close());
  const broken = { code: "internal", message: /thread that hashes blocks/ };
  // More hashes than any array has room for.
  await assert.rejects(hasher.grow(EMPTY, packed(200, 200), 2 ** 50), broken);
  await assert.rejects(hasher.grow(EMPTY, packed(200, 200), 200), broken);
});
