/**
 * Paths of tiles, C2SP tlog-tiles: one spelling each, and nothing else is understood.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { concatBytes, toHex } from "../../src/base/bytes.ts";
import { hashInTile, parseTilePath, tilePath, tileWidth } from "../../src/log/tiles.ts";
import { referenceRoot } from "../helpers/merkle-reference.ts";
import { decimalLeaves } from "../helpers/trees.ts";

test("paths are those of the specification's examples", () => {
  assert.equal(tilePath({ kind: 0, index: 1_234_067, width: 256 }), "tile/0/x001/x234/067");
  assert.equal(tilePath({ kind: 1, index: 0, width: 17 }), "tile/1/000.p/17");
  assert.equal(tilePath({ kind: "entries", index: 5, width: 256 }), "tile/entries/005");
  assert.equal(tilePath({ kind: 0, index: 1_000, width: 1 }), "tile/0/x001/000.p/1");
});

test("every request round-trips through its path", () => {
  const kind = fc.oneof(fc.nat(6), fc.constant("entries" as const));
  fc.assert(
    fc.property(kind, fc.maxSafeNat(), fc.integer({ min: 1, max: 256 }), (kind, index, width) => {
      assert.deepEqual(parseTilePath(tilePath({ kind, index, width })), { kind, index, width });
    }),
  );
});

test("foreign spellings of a path are refused", () => {
  const foreign = [
    "",
    "tile",
    "tile/0",
    "tile/0/",
    "/tile/0/000",
    "tile/0/0",
    "tile/0/00",
    "tile/0/0000",
    "tile/0/x000/001",
    "tile/0/001/234",
    "tile/0/x001/x234",
    "tile/7/000",
    "tile/63/000",
    "tile/00/000",
    "tile/-1/000",
    "tile/data/000",
    "tile/Entries/000",
    "tile/0/000.p/0",
    "tile/0/000.p/256",
    "tile/0/000.p/257",
    "tile/0/000.p/01",
    "tile/0/000.p/",
    "tile/0/000.p",
    "tile/0/000/",
    "tile/0/000\n",
    "tile/0/٠٠٠",
    "tile/0/%30%30%30",
    "tile/0/x009/x007/x199/x254/x740/992",
    "tile/0/../0/000",
    "tile/0/x1000/000",
  ];
  for (const path of foreign) assert.equal(parseTilePath(path), undefined, path);
});

test("whatever parses is spelled in the one way", () => {
  const piece = fc.constantFrom(
    "tile",
    "/",
    "0",
    "1",
    "entries",
    "x",
    "000",
    "001",
    "x001",
    ".p/",
    "255",
    "256",
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
      const path = pieces.join("");
      const request = parseTilePath(path);
      if (request !== undefined) assert.equal(tilePath(request), path);
    }),
    { numRuns: 1_000 },
  );
});

test("a tile is as wide as the tree has hashes for it", () => {
  assert.equal(tileWidth(0, 0, 0), 0);
  assert.equal(tileWidth(0, 0, 255), 255);
  assert.equal(tileWidth(0, 0, 70_000), 256);
  assert.equal(tileWidth(0, 273, 70_000), 112);
  assert.equal(tileWidth(0, 274, 70_000), 0);
  assert.equal(tileWidth(1, 1, 70_000), 17);
  assert.equal(tileWidth(2, 0, 70_000), 1);
  assert.equal(tileWidth(6, 0, Number.MAX_SAFE_INTEGER), 31);
});

test("the hash over part of a tile is that of the perfect subtree there", () => {
  const leaves = decimalLeaves(0, 256);
  const tile = concatBytes(...leaves);
  for (let height = 0; height <= 8; height++) {
    const width = 2 ** height;
    for (const offset of [0, 256 - width]) {
      const expected = referenceRoot(leaves.slice(offset, offset + width));
      assert.equal(toHex(hashInTile(tile, offset, height)), toHex(expected));
    }
  }
});
