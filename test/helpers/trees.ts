/**
 * Trees of made-up leaves, grown through the code under test.
 */
import { concatBytes, utf8 } from "../../src/base/bytes.ts";
import { TreeGrowth } from "../../src/log/growth.ts";
import { leafHash, type NodeReader } from "../../src/log/merkle.ts";
import { TileTree } from "../../src/log/tile-tree.ts";

/** Leaf hashes of the ASCII decimals of [from, to). */
export function decimalLeaves(from: number, to: number): Uint8Array[] {
  return Array.from({ length: to - from }, (_, i) => leafHash(utf8(String(from + i))));
}

/** A tree in tiles, with the tiles that were read since the counter was last reset. */
export class CountedTree {
  readonly tiles = new Map<string, Uint8Array>();
  readonly tree: TileTree;
  readonly node: NodeReader = (level, index) => this.tree.node(level, index);
  loads = 0;
  #frontier: readonly Uint8Array[] = [];
  #size = 0;

  constructor() {
    this.tree = new TileTree(0, this.load);
  }

  readonly load = (level: number, index: number): Uint8Array | undefined => {
    this.loads++;
    return this.tiles.get(`${level}/${index}`);
  };

  grow(leaves: readonly Uint8Array[]): TreeGrowth {
    const growth = new TreeGrowth(this.#size, this.#frontier, concatBytes(...leaves));
    const tiles = this.tree.tilesAfter(growth);
    for (const { level, index, hashes } of tiles) this.tiles.set(`${level}/${index}`, hashes);
    this.tree.advance(growth, tiles);
    this.#frontier = growth.frontier;
    this.#size = growth.size;
    return growth;
  }
}
