/**
 * The inclusion proofs of a block's leaves as hexadecimal, written where they are sent from. Neighbours share their path
 * from some level on: each hash becomes text once, and the upper part of a path is put together once for all below it.
 */
import { assert } from "../base/assert.ts";
import { toHexDigits } from "../base/bytes.ts";
import { HASH_BYTES } from "../base/hash.ts";
import type { TreeGrowth } from "./growth.ts";

const HASH_DIGITS = 2 * HASH_BYTES;
/** From here up, paths are kept: below it they would be as many as there are leaves. */
const SHARED_LEVEL = 4;

export class ProofDigits {
  /** Characters that the longest of the proofs has. */
  readonly lengthMax: number;
  readonly #growth: TreeGrowth;
  /** The nodes of each level as ASCII, end to end, once they are needed. */
  readonly #levels: { readonly start: number; readonly digits: Buffer }[] = [];
  /** Paths from SHARED_LEVEL up, by the position that they begin at there. */
  readonly #tops = new Map<number, Buffer>();

  constructor(growth: TreeGrowth) {
    this.#growth = growth;
    this.lengthMax = growth.height * HASH_DIGITS;
  }

  /**
   * Writes the proof of a leaf of the block under the block's root, its hashes from the leaf up.
   * @param target with room for `lengthMax` bytes from `at` on
   * @returns where it ends
   */
  write(sequence: number, target: Buffer, at: number): number {
    const { first, size, height } = this.#growth;
    assert(sequence >= first && sequence < size, "only the block's own leaves are proved from it");
    const end = this.#climb(0, Math.min(SHARED_LEVEL, height), sequence, target, at);
    return end + this.#top(Math.floor(sequence / 2 ** SHARED_LEVEL)).copy(target, end);
  }

  #top(position: number): Buffer {
    let top = this.#tops.get(position);
    if (top === undefined) {
      const path = Buffer.allocUnsafe(this.lengthMax);
      top = path.subarray(0, this.#climb(SHARED_LEVEL, this.#growth.height, position, path, 0));
      this.#tops.set(position, top);
    }
    return top;
  }

  /** Writes what a path from `position` meets on the levels [from, to). */
  #climb(from: number, to: number, position: number, target: Buffer, at: number): number {
    let place = position;
    let end = at;
    for (let level = from; level < to; level++) {
      end += this.#copySibling(level, place, target, end);
      place = Math.floor(place / 2);
    }
    return end;
  }

  #copySibling(level: number, position: number, target: Buffer, at: number): number {
    const index = position % 2 === 0 ? position + 1 : position - 1;
    const { start, digits } = this.#level(level);
    const from = (index - start) * HASH_DIGITS;
    if (from < digits.length) return digits.copy(target, at, from, from + HASH_DIGITS);
    const edge = this.#growth.node(level, index);
    return edge === undefined ? 0 : target.write(toHexDigits(edge), at, "latin1");
  }

  #level(level: number): { readonly start: number; readonly digits: Buffer } {
    let known = this.#levels[level];
    if (known === undefined) {
      const { start, nodes } = this.#growth.level(level);
      known = { start, digits: Buffer.from(toHexDigits(nodes), "latin1") };
      this.#levels[level] = known;
    }
    return known;
  }
}
