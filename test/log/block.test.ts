/**
 * Blocks and packed entries: one form for wire and disk, bounded before anything is allocated.
 */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import fc from "fast-check";
import { concatBytes, toHex, u64be } from "../../src/base/bytes.ts";
import { BLOCK_BYTES_MAX, BLOCK_ENTRIES_MAX } from "../../src/base/limits.ts";
import {
  type Block,
  decodeBlock,
  ENCODED_BLOCK_BYTES_MAX,
  encodeBlock,
  growthUnder,
} from "../../src/log/block.ts";
import { leafHash, leafHashes } from "../../src/log/merkle.ts";
import { countPacked, packEntries, skipPacked, unpackEntries } from "../../src/log/packed-entries.ts";
import { bytesOf, hostile } from "../helpers/arbitraries.ts";
import { CountedTree } from "../helpers/trees.ts";

const bits = (value: number): number => [...value.toString(2)].filter((bit) => bit === "1").length;

const block: fc.Arbitrary<Block> = fc
  .tuple(
    fc.oneof(fc.nat(9), fc.maxSafeNat()),
    fc.array(fc.uint8Array({ maxLength: 20 }), { minLength: 1, maxLength: 5 }),
    fc.string({ unit: "binary", maxLength: 20 }),
  )
  .chain(([first, entries, note]) =>
    fc.array(bytesOf(32), { minLength: bits(first), maxLength: bits(first) }).map((frontier) => ({
      first: first === 0 ? 0 : first,
      count: entries.length,
      frontier: first === 0 ? [] : frontier,
      entries: packEntries(entries),
      note,
    })),
  );

const raw = (count: number, entries: Uint8Array, note = new Uint8Array(2)): Uint8Array =>
  concatBytes(u64be(0), Uint8Array.of(count >> 8, count & 255), entries, note);

suite("packed entries", () => {
  const entries = fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 20 });

  test("entries round-trip, and what lies between two of them is found", () => {
    fc.assert(
      fc.property(entries, fc.nat(), fc.nat(), (list, a, b) => {
        const packed = packEntries(list);
        assert.deepEqual(unpackEntries(packed, list.length), list);
        assert.equal(countPacked(packed, list.length), list.length);
        const [start = 0, end = 0] = [a % (list.length + 1), b % (list.length + 1)].sort((x, y) => x - y);
        const from = skipPacked(packed, 0, start);
        const slice = packed.subarray(from, skipPacked(packed, from, end - start));
        assert.deepEqual(slice, packEntries(list.slice(start, end)));
        assert.equal(toHex(leafHashes(list)), toHex(concatBytes(...list.map(leafHash))));
      }),
    );
  });

  test("bytes that are not exactly so many entries are refused", () => {
    const packed = packEntries([Uint8Array.of(1), Uint8Array.of(2, 3)]);
    for (const count of [0, 1, 3, 65_535]) assert.equal(unpackEntries(packed, count), undefined);
    for (let cut = 1; cut <= packed.length; cut++) {
      assert.equal(unpackEntries(packed.subarray(0, packed.length - cut), 2), undefined);
    }
  });

  test("entries are counted, unless they are too many or end within one", () => {
    const packed = packEntries([Uint8Array.of(1), Uint8Array.of(2, 3)]);
    assert.deepEqual(
      [1, 2, 3].map((countMax) => countPacked(packed, countMax)),
      [undefined, 2, 2],
    );
    const lengths = Array.from({ length: packed.length + 1 }, (_, length) => length);
    const counts = lengths.map((length) => countPacked(packed.subarray(0, length), 9));
    assert.deepEqual(counts, [0, undefined, undefined, 1, undefined, undefined, undefined, 2]);
  });
});

suite("encoding", () => {
  test("every block round-trips", () => {
    fc.assert(fc.property(block, (each) => assert.deepEqual(decodeBlock(encodeBlock(each)), each)));
  });

  test("whatever decodes re-encodes to the same bytes, and nothing throws", () => {
    fc.assert(
      fc.property(hostile(block.map(encodeBlock)), (bytes) => {
        const decoded = decodeBlock(bytes);
        if (decoded !== undefined) assert.equal(toHex(encodeBlock(decoded)), toHex(bytes));
      }),
      { numRuns: 2_000 },
    );
  });

  test("no block is empty, and none has more than 4,096 entries", () => {
    const empty = (count: number): Uint8Array => new Uint8Array(2 * count);
    assert.equal(decodeBlock(raw(0, empty(0))), undefined);
    assert.equal(decodeBlock(raw(BLOCK_ENTRIES_MAX, empty(BLOCK_ENTRIES_MAX)))?.count, BLOCK_ENTRIES_MAX);
    assert.equal(decodeBlock(raw(BLOCK_ENTRIES_MAX + 1, empty(BLOCK_ENTRIES_MAX + 1))), undefined);
  });

  test("the entries of a block are at most 1 MiB, their lengths not counted", () => {
    const entries = (bytes: number): Uint8Array =>
      packEntries([
        ...Array.from({ length: 31 }, () => new Uint8Array(32_768)),
        new Uint8Array(bytes - 31 * 32_768),
      ]);
    assert.equal(decodeBlock(raw(32, entries(BLOCK_BYTES_MAX)))?.count, 32);
    assert.equal(decodeBlock(raw(32, entries(BLOCK_BYTES_MAX + 1))), undefined);
    assert.equal(decodeBlock(new Uint8Array(ENCODED_BLOCK_BYTES_MAX + 1)), undefined);
  });

  test("a first sequence number above 2^53 - 1, a cut frontier, a long note and text that is no UTF-8 are refused", () => {
    const entries = packEntries([Uint8Array.of(1)]);
    const tail = concatBytes(Uint8Array.of(0, 1), entries, new Uint8Array(2));
    assert.equal(decodeBlock(concatBytes(new Uint8Array(8).fill(255), tail)), undefined);
    assert.equal(decodeBlock(concatBytes(u64be(1), tail)), undefined);
    assert.equal(decodeBlock(raw(1, entries, Uint8Array.of(0, 2, 65))), undefined);
    assert.equal(decodeBlock(raw(1, entries, Uint8Array.of(0, 1, 0xff))), undefined);
    assert.equal(decodeBlock(raw(1, entries, Uint8Array.of(0, 1, 65)))?.note, "A");
    assert.equal(decodeBlock(raw(1, entries, Uint8Array.of(0, 1, 65, 65))), undefined);
  });

  test("a frontier of the wrong length is the programmer's error", () => {
    const wrong = { first: 3, count: 1, frontier: [], entries: new Uint8Array(2), note: "" };
    assert.throws(() => encodeBlock(wrong), { name: "AssertionError" });
  });
});

suite("under a head", () => {
  const tree = new CountedTree();
  const old = Array.from({ length: 11 }, (_, i) => Uint8Array.of(i));
  const entries = Array.from({ length: 5 }, (_, i) => Uint8Array.of(100 + i));
  const before = tree.grow(old.map(leafHash));
  const head = tree.grow(entries.map(leafHash));
  const sound = { first: 11, count: 5, frontier: before.frontier, entries: packEntries(entries) };

  test("frontier and entries give the root, across any gap", () => {
    assert.equal(toHex(growthUnder(sound, head)!.root), toHex(head.root));
  });

  test("any other size, root, frontier or entry does not", () => {
    assert.equal(growthUnder(sound, { size: 17, root: head.root }), undefined);
    assert.equal(growthUnder(sound, { size: 16, root: before.root }), undefined);
    assert.equal(growthUnder({ ...sound, frontier: sound.frontier.toReversed() }, head), undefined);
    assert.equal(growthUnder({ ...sound, entries: packEntries(entries.toReversed()) }, head), undefined);
    assert.equal(growthUnder({ ...sound, entries: sound.entries.subarray(1) }, head), undefined);
    assert.equal(growthUnder({ ...sound, first: 10 }, head), undefined);
  });
});
