/**
 * The tiles of a tree that is known only by its signed head: each one is fetched from whoever has it, and kept only if
 * it gives the hash that its parent tile, or the head itself, demands. RFC 6962, C2SP tlog-tiles.
 */

import { LRUCache } from "lru-cache";
import { equalBytes } from "../base/bytes.ts";
import { VERIFIED_TILES_MAX } from "../base/limits.ts";
import type { Head } from "../log/checkpoint.ts";
import { frontierOf, rootOf } from "../log/merkle.ts";
import { hashInTile, TILE_HEIGHT, TILE_WIDTH, tileWidth } from "../log/tiles.ts";

/** Fetches the first `width` hashes of a tile; asks another peer whenever `accept` says no. */
export type FetchTile = (
  level: number,
  index: number,
  width: number,
  accept: (hashes: Uint8Array) => boolean,
) => Promise<Uint8Array>;

export class VerifiedTiles {
  readonly head: Head;
  readonly #fetch: FetchTile;
  /** Per level, the tile that is not full. */
  #edges: readonly Uint8Array[] = [];
  readonly #full = new LRUCache<string, Promise<Uint8Array>>({ max: VERIFIED_TILES_MAX });

  private constructor(head: Head, fetch: FetchTile) {
    this.head = head;
    this.#fetch = fetch;
  }

  /**
   * Begins with the right edge, which the head's root vouches for.
   * @param fetchEdges all edges from one peer: they can only be judged together
   */
  static async open(
    head: Head,
    fetch: FetchTile,
    fetchEdges: (
      wanted: readonly { level: number; index: number; width: number }[],
      accept: (edges: readonly Uint8Array[]) => boolean,
    ) => Promise<readonly Uint8Array[]>,
  ): Promise<VerifiedTiles> {
    const tiles = new VerifiedTiles(head, fetch);
    const wanted: { level: number; index: number; width: number }[] = [];
    for (let level = 0; tiles.#countAt(level) > 0; level++) {
      const index = Math.floor(tiles.#countAt(level) / TILE_WIDTH);
      wanted.push({ level, index, width: tileWidth(level, index, head.size) });
    }
    const nonEmpty = wanted.filter(({ width }) => width > 0);
    const place = (edges: readonly Uint8Array[]): Uint8Array[] =>
      wanted.map((one) => edges[nonEmpty.indexOf(one)] ?? new Uint8Array(0));
    const edges = await fetchEdges(nonEmpty, (got) => tiles.#edgesFit(place(got)));
    tiles.#edges = place(edges);
    return tiles;
  }

  /** The hash of the perfect subtree at (level, index). */
  async node(level: number, index: number): Promise<Uint8Array> {
    const tileLevel = Math.floor(level / TILE_HEIGHT);
    const height = level % TILE_HEIGHT;
    const first = index * 2 ** height;
    const tile = await this.#tile(tileLevel, Math.floor(first / TILE_WIDTH));
    return hashInTile(tile, first % TILE_WIDTH, height);
  }

  /** The frontier of the tree's first `size` leaves. */
  async frontierAt(size: number): Promise<Uint8Array[]> {
    const wanted: Promise<Uint8Array>[] = [];
    frontierOf(size, (level, index) => {
      wanted.push(this.node(level, index));
      return new Uint8Array(0);
    });
    return await Promise.all(wanted);
  }

  #tile(level: number, index: number): Promise<Uint8Array> {
    const isEdge = index === Math.floor(this.#countAt(level) / TILE_WIDTH);
    if (isEdge) return Promise.resolve(this.#edges[level]!);
    const key = `${level}/${index}`;
    let tile = this.#full.get(key);
    if (tile === undefined) {
      tile = this.#fetchFull(level, index);
      tile.catch(() => this.#full.delete(key));
      this.#full.set(key, tile);
    }
    return tile;
  }

  async #fetchFull(level: number, index: number): Promise<Uint8Array> {
    const expected = await this.node((level + 1) * TILE_HEIGHT, index);
    return await this.#fetch(level, index, TILE_WIDTH, (hashes) =>
      equalBytes(hashInTile(hashes, 0, TILE_HEIGHT), expected),
    );
  }

  #edgesFit(edges: readonly Uint8Array[]): boolean {
    const frontier = frontierOf(this.head.size, (level, index) => {
      const height = level % TILE_HEIGHT;
      const offset = (index * 2 ** height) % TILE_WIDTH;
      return hashInTile(edges[Math.floor(level / TILE_HEIGHT)]!, offset, height);
    });
    return equalBytes(rootOf(frontier), this.head.root);
  }

  #countAt(level: number): number {
    return Math.floor(this.head.size / TILE_WIDTH ** level);
  }
}
