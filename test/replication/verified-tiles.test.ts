import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { toHex } from "../../src/base/bytes.ts";
import { leafHash, rootOf } from "../../src/log/merkle.ts";
import { VerifiedTiles } from "../../src/replication/verified-tiles.ts";
import { CountedTree } from "../helpers/trees.ts";
import { flipped } from "./logs.ts";

const SIZES = [1, 2, 255, 256, 257, 511, 512, 65_536, 65_537, 70_000];
const LARGEST = Math.max(...SIZES);

const leaf = (index: number): Uint8Array => leafHash(new TextEncoder().encode(`${index}`));

/** A tree of this many leaves, and what a peer would answer with. */
function treeOf(size: number) {
  const tree = new CountedTree();
  for (let first = 0; first < size; first += 4_096) {
    tree.grow(Array.from({ length: Math.min(4_096, size - first) }, (_, i) => leaf(first + i)));
  }
  const root = (length: number) => rootOf(frontier(length));
  const frontier = (length: number): Uint8Array[] => {
    const hashes: Uint8Array[] = [];
    let start = 0;
    for (let level = 52; level >= 0; level--) {
      if (Math.floor(length / 2 ** level) % 2 === 0) continue;
      hashes.push(tree.node(level, start / 2 ** level));
      start += 2 ** level;
    }
    return hashes;
  };
  const tile = (level: number, index: number, width: number) => tree.tree.tile(level, index, width)!;
  return { root, tile, node: tree.node };
}

type Fetched = (hashes: Uint8Array, level: number) => Uint8Array;

async function open(size: number, change: Fetched = (hashes) => hashes) {
  const source = treeOf(size);
  let asked = 0;
  const refuse = () => {
    throw new Error("refused");
  };
  const tiles = await VerifiedTiles.open(
    { size, root: source.root(size) },
    async (level, index, width, accept) => {
      asked++;
      const hashes = change(source.tile(level, index, width), level);
      return accept(hashes) ? hashes : refuse();
    },
    async (wanted, accept) => {
      const edges = wanted.map(({ level, index, width }) =>
        change(source.tile(level, index, width), -1 - level),
      );
      return accept(edges) ? edges : refuse();
    },
  );
  return { tiles, source, asked: () => asked };
}

test("every node of the head's tree is found, at all levels, with a few tiles fetched once", async () => {
  for (const size of SIZES) {
    const { tiles, source, asked } = await open(size);
    for (const index of new Set([0, 1, 254, 255, 256, Math.floor(size / 2), size - 1])) {
      if (index >= size) continue;
      assert.equal(
        toHex(await tiles.node(0, index)),
        toHex(source.node(0, index)),
        `leaf ${index} of ${size}`,
      );
    }
    for (let level = 1; 2 ** level <= size; level++) {
      const last = Math.floor(size / 2 ** level) - 1;
      assert.equal(toHex(await tiles.node(level, last)), toHex(source.node(level, last)));
    }
    assert.ok(asked() <= 12, `${asked()} tiles for a tree of ${size}`);
  }
});

test("the frontier of any earlier size gives the root that the tree had then", async () => {
  const { tiles, source } = await open(LARGEST);
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: LARGEST }), async (size) => {
      assert.equal(toHex(rootOf(await tiles.frontierAt(size))), toHex(source.root(size)));
    }),
  );
});

test("an edge that was tampered with at any level is refused", async () => {
  for (const size of [255, 300, 70_000]) {
    for (let level = 0; 256 ** level <= size; level++) {
      if (Math.floor(size / 256 ** level) % 256 === 0) continue;
      await assert.rejects(
        open(size, (hashes, at) => (at === -1 - level ? flipped(hashes) : hashes)),
        /refused/,
      );
    }
  }
});

test("a full tile that was tampered with is refused, and asked for again the next time", async () => {
  let isLying = true;
  const { tiles, source } = await open(70_000, (hashes, level) =>
    isLying && level === 0 ? flipped(hashes) : hashes,
  );
  await assert.rejects(tiles.node(0, 5), /refused/);
  isLying = false;
  assert.equal(toHex(await tiles.node(0, 5)), toHex(source.node(0, 5)));
});
