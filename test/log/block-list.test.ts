/**
 * Blocks in memory: all of them, or the newest as far as the bound goes.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { HASH_BYTES } from "../../src/base/hash.ts";
import { BlockList } from "../../src/log/block-list.ts";
import { packEntries } from "../../src/log/packed-entries.ts";
import type { StoredBlock } from "../../src/log/store.ts";

/** A block whose entries have one byte each, and its size in the list. */
function block(first: number, count: number): StoredBlock {
  const entries = packEntries(Array.from({ length: count }, (_, i) => Uint8Array.of(first + i)));
  return { first, count, entries, ids: new Uint8Array(count * HASH_BYTES).fill(first) };
}
const BYTES_OF_ONE = 3 + HASH_BYTES;

test("the oldest blocks make way, the newest one stays whatever its size", () => {
  const list = new BlockList(10 * BYTES_OF_ONE);
  const has = (): number[] =>
    Array.from({ length: 40 }, (_, i) => i).filter((i) => list.piece(i, i + 1) !== undefined);
  list.add(block(0, 4));
  list.add(block(4, 6));
  assert.deepEqual(has(), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  list.add(block(10, 1));
  assert.deepEqual(has(), [4, 5, 6, 7, 8, 9, 10]);
  list.add(block(11, 20));
  assert.deepEqual(
    has(),
    Array.from({ length: 20 }, (_, i) => 11 + i),
  );
});

test("a piece and its ids end with their block", () => {
  const list = new BlockList();
  list.add(block(0, 4));
  list.add(block(4, 6));
  assert.equal(list.piece(2, 9)?.count, 2);
  assert.equal(list.piece(4, 9)?.count, 5);
  assert.deepEqual(list.ids(2, 9), new Uint8Array(2 * HASH_BYTES));
  assert.equal(list.ids(10, 11), undefined);
  assert.equal(new BlockList().piece(0, 1), undefined);
});
