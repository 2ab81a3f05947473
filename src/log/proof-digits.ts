/**
 * The inclusion proofs of a block's leaves as hexadecimal. Neighbours share their path from some level on: each hash
 * becomes text once, and the upper part of a path is joined once for all leaves below it.
 */
import { assert } from "../base/assert.ts";
import { toHexDigits } from "../base/bytes.ts";
import { HASH_BYTES } from "../base/hash.ts";
import type { TreeGrowth } from "./growth.ts";

const HASH_DIGITS = 2 * HASH_BYTES;

export class ProofDigits {
  readonly #growth: TreeGrowth;
  /** The nodes of each level as digits, end to end, once they are needed. */
  readonly #levels: { readonly start: number; readonly digits: string }[] = [];
  /** Paths from each level up, by how far the position lies behind that of the block's first leaf. */
  readonly #paths: string[][];

  constructor(growth: TreeGrowth) {
    this.#growth = growth;
    this.#paths = Array.from({ length: growth.height }, () => []);
  }

  /** The proof of a leaf of the block under the block's root, its hashes from the leaf up. */
  of(sequence: number): string {
    const { first, size } = this.#growth;
    assert(sequence >= first && sequence < size, "only the block's own leaves are proved from it");
    return this.#path(0, sequence);
  }

  #path(level: number, position: number): string {
    const paths = this.#paths[level];
    if (paths === undefined) return "";
    const place = position - Math.floor(this.#growth.first / 2 ** level);
    paths[place] ??= this.#sibling(level, position) + this.#path(level + 1, Math.floor(position / 2));
    return paths[place];
  }

  #sibling(level: number, position: number): string {
    const index = position % 2 === 0 ? position + 1 : position - 1;
    const { start, digits } = this.#level(level);
    const at = (index - start) * HASH_DIGITS;
    if (at < digits.length) return digits.slice(at, at + HASH_DIGITS);
    const edge = this.#growth.node(level, index);
    return edge === undefined ? "" : toHexDigits(edge);
  }

  #level(level: number): { readonly start: number; readonly digits: string } {
    let known = this.#levels[level];
    if (known === undefined) {
      const { start, nodes } = this.#growth.level(level);
      known = { start, digits: toHexDigits(nodes) };
      this.#levels[level] = known;
    }
    return known;
  }
}
