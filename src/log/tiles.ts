/**
 * Tiles, C2SP tlog-tiles: the tree cut into files of 256 hashes, and the log into bundles of 256 entries.
 * Tile (L, N) holds the hashes of level 8 * L from index 256 * N on. Paths and their parsing; no storage.
 */
import { HASH_BYTES } from "../base/hash.ts";
import { nodeHash } from "./merkle.ts";

/** Hashes or entries of a full tile. */
export const TILE_WIDTH = 256;
/** Levels of the tree that one tile spans. */
export const TILE_HEIGHT = 8;

/** A tile or an entry bundle that somebody asks for: its first `width` hashes or entries. */
export interface TileRequest {
  readonly kind: number | "entries";
  readonly index: number;
  readonly width: number;
}

/** How many hashes tile (level, index) has in a tree of `size` leaves: 0 to 256. */
export function tileWidth(level: number, index: number, size: number): number {
  const hashes = Math.floor(size / TILE_WIDTH ** level) - index * TILE_WIDTH;
  return Math.max(0, Math.min(TILE_WIDTH, hashes));
}

/** `tile/<L>/<N>[.p/<W>]`, without a leading slash. */
export function tilePath({ kind, index, width }: TileRequest): string {
  const groups: string[] = [String(index % 1000).padStart(3, "0")];
  for (let rest = Math.floor(index / 1000); rest > 0; rest = Math.floor(rest / 1000)) {
    groups.unshift(`x${String(rest % 1000).padStart(3, "0")}`);
  }
  return `tile/${kind}/${groups.join("/")}${width === TILE_WIDTH ? "" : `.p/${width}`}`;
}

/** Seven levels of tiles: 2^53 leaves need no more. */
const TILE_PATH = /^tile\/(entries|[0-6])\/((?:x\d{3}\/){0,5}\d{3})(?:\.p\/([1-9]\d{0,2}))?$/;

/** What a path without its leading slash asks for, or undefined if it is not the one spelling of a tile's path. */
export function parseTilePath(path: string): TileRequest | undefined {
  const match = TILE_PATH.exec(path);
  if (match === null) return undefined;
  const [, kindText, groups, widthText] = match as unknown as [string, string, string, string | undefined];
  const kind = kindText === "entries" ? "entries" : Number(kindText);
  const index = Number(groups.replaceAll(/[x/]/g, ""));
  const width = widthText === undefined ? TILE_WIDTH : Number(widthText);
  if (!Number.isSafeInteger(index) || width > TILE_WIDTH) return undefined;
  const request: TileRequest = { kind, index, width };
  return tilePath(request) === path ? request : undefined;
}

/** The hash at the top of 2^height hashes of a tile, from `offset` on. */
export function hashInTile(tile: Uint8Array, offset: number, height: number): Uint8Array {
  let hashes: Uint8Array[] = [];
  for (let i = 0; i < 2 ** height; i++) {
    hashes.push(tile.subarray((offset + i) * HASH_BYTES, (offset + i + 1) * HASH_BYTES));
  }
  while (hashes.length > 1) {
    const parents: Uint8Array[] = [];
    for (let i = 0; i < hashes.length; i += 2) parents.push(nodeHash(hashes[i]!, hashes[i + 1]!));
    hashes = parents;
  }
  return hashes[0]!;
}
