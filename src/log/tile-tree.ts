/**
 * A Merkle tree kept as tiles: the unfilled tile of every level in memory, all others in a store. It says which tiles
 * a growth changes and reads the hash of any perfect subtree from one tile. C2SP tlog-tiles.
 */
import { LRUCache } from "lru-cache";
import { assert } from "../base/assert.ts";
import { concatBytes } from "../base/bytes.ts";
import { HASH_BYTES } from "../base/hash.ts";
import { TILE_CACHE_ENTRIES } from "../base/limits.ts";
import type { TreeGrowth } from "./growth.ts";
import { hashPairs } from "./merkle.ts";
import { damaged, type StoredTile } from "./store.ts";
import { hashInTile, TILE_HEIGHT, TILE_WIDTH, tileWidth } from "./tiles.ts";

const TILE_BYTES = TILE_WIDTH * HASH_BYTES;

export class TileTree {
  readonly #load: (level: number, index: number) => Uint8Array | undefined;
  /** Per level of tiles, the hashes of the tile that is not full yet. */
  #edges: Uint8Array[] = [];
  #size: number;
  /** Hashes of full tiles, height by height as far as they were asked for. */
  readonly #pyramids = new LRUCache<string, Uint8Array[]>({ max: TILE_CACHE_ENTRIES });

  /**
   * @param size leaves of the tree
   * @param load reads a tile, the right edge's included; it may hold more hashes than asked for, never others
   * @throws SequencerError `store` if a tile is missing, here one of the right edge, later any other
   */
  constructor(size: number, load: (level: number, index: number) => Uint8Array | undefined) {
    this.#size = size;
    this.#load = load;
    for (let level = 0; this.#countAt(level) > 0; level++) {
      const index = Math.floor(this.#countAt(level) / TILE_WIDTH);
      const width = tileWidth(level, index, size);
      this.#edges.push(width === 0 ? new Uint8Array(0) : this.#stored(level, index, width));
    }
  }

  /** The tiles that this growth of the tree adds to, as they are afterwards. */
  tilesAfter(growth: TreeGrowth): StoredTile[] {
    assert(growth.first === this.#size, "a growth starts from the tree as it is");
    const tiles: StoredTile[] = [];
    for (let level = 0; ; level++) {
      const added = growth.newNodes(level * TILE_HEIGHT);
      if (added.length === 0) return tiles;
      const firstIndex = Math.floor(this.#countAt(level) / TILE_WIDTH);
      const hashes = concatBytes(this.#edges[level] ?? new Uint8Array(0), added);
      for (let offset = 0; offset < hashes.length; offset += TILE_BYTES) {
        const index = firstIndex + offset / TILE_BYTES;
        tiles.push({ level, index, hashes: hashes.slice(offset, offset + TILE_BYTES) });
      }
    }
  }

  /** Makes the growth part of the tree, once its tiles are stored. */
  advance(growth: TreeGrowth, tiles: readonly StoredTile[]): void {
    this.#size = growth.size;
    for (const { level, hashes } of tiles) {
      this.#edges[level] = hashes.length === TILE_BYTES ? new Uint8Array(0) : hashes;
    }
  }

  /** The hash of the perfect subtree at (level, index), which must be complete. */
  node(level: number, index: number): Uint8Array {
    const tileLevel = Math.floor(level / TILE_HEIGHT);
    const height = level % TILE_HEIGHT;
    const leaf = index * 2 ** height;
    const tileIndex = Math.floor(leaf / TILE_WIDTH);
    const offset = leaf % TILE_WIDTH;
    assert((index + 1) * 2 ** level <= this.#size, "only complete subtrees have a hash");
    if (tileIndex === Math.floor(this.#countAt(tileLevel) / TILE_WIDTH)) {
      return hashInTile(this.#edges[tileLevel]!, offset, height);
    }
    const row = this.#pyramid(tileLevel, tileIndex, height)[height]!;
    const at = offset / 2 ** height;
    return row.subarray(at * HASH_BYTES, (at + 1) * HASH_BYTES);
  }

  /** The first `width` hashes of a tile; undefined if the tree does not have that many there. */
  tile(level: number, index: number, width: number): Uint8Array | undefined {
    if (tileWidth(level, index, this.#size) < width) return undefined;
    return this.#stored(level, index, width);
  }

  #pyramid(level: number, index: number, height: number): Uint8Array[] {
    const key = `${level}/${index}`;
    let rows = this.#pyramids.get(key);
    if (rows === undefined) {
      rows = [this.#stored(level, index, TILE_WIDTH)];
      this.#pyramids.set(key, rows);
    }
    for (let row = rows.at(-1)!; rows.length <= height; rows.push(row)) {
      const parents = new Uint8Array(row.length / 2);
      hashPairs(row, parents);
      row = parents;
    }
    return rows;
  }

  #stored(level: number, index: number, width: number): Uint8Array {
    const hashes = this.#load(level, index);
    if (hashes === undefined || hashes.length < width * HASH_BYTES) {
      throw damaged("-dbpath", `tile ${level}/${index} of width ${width} is missing`);
    }
    return hashes.subarray(0, width * HASH_BYTES);
  }

  /** Complete subtrees of height 8 * level. */
  #countAt(level: number): number {
    return Math.floor(this.#size / TILE_WIDTH ** level);
  }
}
