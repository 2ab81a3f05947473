/**
 * Field arithmetic modulo p = 2^256 - K, K = 2^32 + 977, with standard SIMD: two elements at a time.
 *
 * Representation: nine unsigned limbs of 29 bits, as two 32-bit lanes side by side; a tenth is zero.
 * Bounds. "Tight", what a product or a table entry is: l0 to l7 <= 2^29, l8 < 2^24. "Negated", the y of a
 * table entry with its sign flipped: l0 to l7 < 3 * 2^29, l8 < 2^26. "Loose", what a difference is:
 * l0 to l7 < 3 * 2^30, l8 < 2^27. None is ever negative.
 * A product takes one loose and one tight factor, a square a tight one; products and squares subtract tight
 * or negated elements (squareSubtract2 tight ones only). A difference takes tight or negated operands.
 *
 * Why nothing overflows: a column sums at most nine products, below 9 * 3 * 2^30 * 2^29 < 2^63.76; the carry
 * from below is under 2^35, the parts folded in under 2^45, a subtrahend's 4p - l under 2^31: together below
 * 2^64. In a square a doubled limb is at most 2^30.
 */
import { FOUR_P } from "./constants";
import { WORDS, addSmall } from "../words";
export { multiply, multiplySubtract, square, squareSubtract2 } from "./multiply";

/** Bytes of an element (ten limbs, two lanes) and of a table entry (x and y of one point, nine limbs each). */
export const ELEMENT: usize = 80;
export const ENTRY: usize = 72;

/** Integer arithmetic is the same everywhere. */
export function isExact(): bool {
  return true;
}

const FOLD_SMALL: u64 = 0x1000003d1;
const MASK: u64 = 0x1fffffff;

/** into = a - b + 4p, loose. */
@inline
export function subtract(into: usize, a: usize, b: usize): void {
  difference(into, a, b, 0);
  difference(into, a, b, 16);
  difference(into, a, b, 32);
  difference(into, a, b, 48);
  difference(into, a, b, 64);
}

@inline
function difference(into: usize, a: usize, b: usize, offset: usize): void {
  const fourP = v128.load(FOUR_P + offset);
  v128.store(into + offset, i32x4.add(i32x4.sub(v128.load(a + offset), v128.load(b + offset)), fourP));
}

/** One by one: memory.copy is a call, which costs more than five vectors. */
@inline
export function copy(into: usize, from: usize): void {
  v128.store(into, v128.load(from, 0), 0);
  v128.store(into, v128.load(from, 16), 16);
  v128.store(into, v128.load(from, 32), 32);
  v128.store(into, v128.load(from, 48), 48);
  v128.store(into, v128.load(from, 64), 64);
}

/** Both lanes become a small integer. */
export function setSmall(into: usize, value: i32): void {
  memory.fill(into, 0, ELEMENT);
  store<i32>(into, value, 0);
  store<i32>(into, value, 4);
}

/** One lane becomes 1. */
export function setLaneOne(into: usize, lane: usize): void {
  for (let i: usize = 0; i < 9; i++) store<u32>(into + 8 * i + 4 * lane, i == 0);
}

export function swapLanes(into: usize, from: usize): void {
  for (let i: usize = 0; i < ELEMENT; i += 16) {
    const limbs = v128.load(from + i);
    v128.store(into + i, v128.shuffle<u32>(limbs, limbs, 1, 0, 3, 2));
  }
}

const DIGITS = memory.data(72, 16);

/** The canonical value of one lane of an element of any kind. */
export function toWords(words: usize, element: usize, lane: usize): void {
  let sum: u64 = 0;
  for (let i: usize = 0; i < 9; i++) {
    sum += load<u32>(element + 8 * i + 4 * lane);
    store<u64>(DIGITS + 8 * i, i < 8 ? sum & MASK : sum & 0xffffff);
    sum >>= i < 8 ? 29 : 24;
  }
  const d2 = load<u64>(DIGITS, 16), d4 = load<u64>(DIGITS, 32), d6 = load<u64>(DIGITS, 48);
  store<u64>(words, load<u64>(DIGITS, 0) | (load<u64>(DIGITS, 8) << 29) | (d2 << 58), 0);
  store<u64>(words, (d2 >> 6) | (load<u64>(DIGITS, 24) << 23) | (d4 << 52), 8);
  store<u64>(words, (d4 >> 12) | (load<u64>(DIGITS, 40) << 17) | (d6 << 46), 16);
  store<u64>(words, (d6 >> 18) | (load<u64>(DIGITS, 56) << 11) | (load<u64>(DIGITS, 64) << 40), 24);
  // Above 2^256 is `sum`, at most 2^4; folding it in may reach 2^256 once more, with little left.
  if (addSmall(words, sum * FOLD_SMALL)) addSmall(words, FOLD_SMALL);
  memory.copy(DIGITS, words, WORDS);
  if (addSmall(DIGITS, FOLD_SMALL)) memory.copy(words, DIGITS, WORDS);
}

/** Both lanes become the canonical value in words. */
export function fromWords(into: usize, words: usize): void {
  const w0 = load<u64>(words, 0), w1 = load<u64>(words, 8), w2 = load<u64>(words, 16), w3 = load<u64>(words, 24);
  storeBoth(into, w0 & MASK, (w0 >> 29) & MASK);
  storeBoth(into + 16, ((w0 >> 58) | (w1 << 6)) & MASK, (w1 >> 23) & MASK);
  storeBoth(into + 32, ((w1 >> 52) | (w2 << 12)) & MASK, (w2 >> 17) & MASK);
  storeBoth(into + 48, ((w2 >> 46) | (w3 << 18)) & MASK, (w3 >> 11) & MASK);
  storeBoth(into + 64, w3 >> 40, 0);
}

/** Two limbs, each in both lanes. */
function storeBoth(into: usize, first: u64, second: u64): void {
  store<u64>(into, first | (first << 32), 0);
  store<u64>(into, second | (second << 32), 8);
}

/** One point (x, y) from two table entries, one per lane; a `minus` of all ones negates the lane's y. */
@inline
export function gather(point: usize, entry0: usize, minus0: u64, entry1: usize, minus1: u64): void {
  v128.store(point, interleave(v128.load(entry0, 0), v128.load(entry1, 0)), 0);
  v128.store(point, interleaveHigh(v128.load(entry0, 0), v128.load(entry1, 0)), 16);
  v128.store(point, interleave(v128.load(entry0, 16), v128.load(entry1, 16)), 32);
  v128.store(point, interleaveHigh(v128.load(entry0, 16), v128.load(entry1, 16)), 48);
  v128.store(point, interleave(v128.load32_zero(entry0, 32), v128.load32_zero(entry1, 32)), 64);
  const minus = i32x4.replace_lane(i32x4.replace_lane(i32x4.splat(i32(minus0)), 1, i32(minus1)), 3, i32(minus1));
  storeSigned(point + 80, interleave(v128.load(entry0, 36), v128.load(entry1, 36)), 0, minus);
  storeSigned(point + 80, interleaveHigh(v128.load(entry0, 36), v128.load(entry1, 36)), 16, minus);
  storeSigned(point + 80, interleave(v128.load(entry0, 52), v128.load(entry1, 52)), 32, minus);
  storeSigned(point + 80, interleaveHigh(v128.load(entry0, 52), v128.load(entry1, 52)), 48, minus);
  storeSigned(point + 80, interleave(v128.load32_zero(entry0, 68), v128.load32_zero(entry1, 68)), 64, minus);
}

@inline
function interleave(a: v128, b: v128): v128 {
  return v128.shuffle<u32>(a, b, 0, 4, 1, 5);
}

@inline
function interleaveHigh(a: v128, b: v128): v128 {
  return v128.shuffle<u32>(a, b, 2, 6, 3, 7);
}

@inline
function storeSigned(into: usize, limbs: v128, offset: usize, minus: v128): void {
  const negated = i32x4.sub(v128.load(FOUR_P + offset), limbs);
  v128.store(into + offset, v128.bitselect(negated, limbs, minus));
}

/** The two lanes of a tight point to two table entries. */
export function scatter(point: usize, entry0: usize, entry1: usize): void {
  for (let i: usize = 0; i < 9; i++) {
    store<u32>(entry0 + 4 * i, load<u32>(point + 8 * i, 0));
    store<u32>(entry1 + 4 * i, load<u32>(point + 8 * i, 4));
    store<u32>(entry0 + 4 * i, load<u32>(point + 8 * i, 80), 36);
    store<u32>(entry1 + 4 * i, load<u32>(point + 8 * i, 84), 36);
  }
}
