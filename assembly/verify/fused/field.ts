/**
 * Field arithmetic modulo p = 2^256 - K, K = 2^32 + 977, by fused multiply-add: two elements at a time.
 *
 * Representation: five integer-valued doubles at bit positions 0, 52, 103, 154, 205, in two lanes. The
 * positions go on at 256, 308, 359, 410, 461, the columns of a product. For i, j >= 1 the product of limbs
 * i and j lies one bit above column i + j; that is where the doublings in multiply.ts come from.
 *
 * Bounds. "Tight", what a product or a table entry is: |l0| <= 2^51; |l1|, |l2|, |l3| <= 2^50;
 * |l4| <= 2^50 + 2^33. "Loose", what a difference is: |l0| <= 2^51 + 2^33, the others <= 2^50 + 1.
 * Factors may be either. What is subtracted or subtracted from is tight. Either kind is an integer below
 * 2^255 + 2^239 < p in absolute value.
 *
 * Why a product x*y with |x*y| <= 2^102 splits without error. In [2^103, 2^104) doubles are 2^51 apart, so
 * h = fma(x, y, 1.5 * 2^103) rounds x*y to a multiple of 2^51, and bits(h) - bits(1.5 * 2^103) is that
 * multiple. 1.5 * 2^103 + 1.5 * 2^52 - h is a multiple of 2^51 below 2^104 and exact; so
 * l = fma(x, y, that) is the exact rest, at most 2^50, plus 1.5 * 2^52: an integer in [2^52, 2^53), where
 * doubles are 1 apart. bits(l) - bits(1.5 * 2^52) is the rest. Columns are then sums of 64-bit integers,
 * and the constants of all summands are taken off once, in the column's starting value.
 * The room is enough: l0 meets only limbs that are not doubled, and of two limbs one at most is doubled, so
 * every product is below (2^51 + 2^33) * (2^50 + 2^33) < 2^101.01, about half of it. Column 0 steps by
 * 2^52: the same with 2^104 for 2^103, and (2^51 + 2^33)^2 < 2^102.01 against 2^103.
 */
export { multiply, multiplySubtract, square, squareSubtract2 } from "./multiply";
import { DOWN51, DOWN52, FOLD_TOP, ROUND51, ROUND52 } from "./constants";
import { WORDS, addSmall, subtractSmall } from "../words";

/** Bytes of an element (five limbs, two lanes) and of a table entry (x and y of one point, five limbs each). */
export const ELEMENT: usize = 80;
export const ENTRY: usize = 80;

/** 2^51 + 1 and -2^102. */
const FACTOR = memory.data<f64>([2251799813685249, 2251799813685249], 16);
const ADDEND = memory.data<f64>([-5070602400912917605986812821504.0, -5070602400912917605986812821504.0], 16);

/**
 * Whether this machine's multiply-add is fused, on which all of this rests: relaxed_madd may also round
 * twice. (2^51 + 1)^2 - 2^102 is 2^52 + 1; rounded twice it is 2^52.
 */
export function isExact(): bool {
  const result = f64x2.relaxed_madd(v128.load(FACTOR), v128.load(FACTOR), v128.load(ADDEND));
  return f64x2.extract_lane(result, 0) == 4503599627370497 && f64x2.extract_lane(result, 1) == 4503599627370497;
}

const FOLD_SMALL: u64 = 0x1000003d1;

/** into = a - b, loose: each limb hands its excess to the next, once and in parallel. */
@inline
export function subtract(into: usize, a: usize, b: usize): void {
  const x0 = f64x2.sub(v128.load(a, 0), v128.load(b, 0));
  const x1 = f64x2.sub(v128.load(a, 16), v128.load(b, 16));
  const x2 = f64x2.sub(v128.load(a, 32), v128.load(b, 32));
  const x3 = f64x2.sub(v128.load(a, 48), v128.load(b, 48));
  const x4 = f64x2.sub(v128.load(a, 64), v128.load(b, 64));
  // Limbs are below 1.5 digits, so an excess is -1, 0 or 1 digit; that of limb 4 comes back as +-K.
  const e0 = nearest(x0, ROUND52), e1 = nearest(x1, ROUND51), e2 = nearest(x2, ROUND51);
  const e3 = nearest(x3, ROUND51), e4 = nearest(x4, ROUND51);
  v128.store(into, f64x2.relaxed_madd(e4, v128.load(FOLD_TOP), f64x2.sub(x0, e0)), 0);
  v128.store(into, f64x2.relaxed_madd(e0, v128.load(DOWN52), f64x2.sub(x1, e1)), 16);
  v128.store(into, f64x2.relaxed_madd(e1, v128.load(DOWN51), f64x2.sub(x2, e2)), 32);
  v128.store(into, f64x2.relaxed_madd(e2, v128.load(DOWN51), f64x2.sub(x3, e3)), 48);
  v128.store(into, f64x2.relaxed_madd(e3, v128.load(DOWN51), f64x2.sub(x4, e4)), 64);
}

@inline
function nearest(x: v128, round: usize): v128 {
  return f64x2.sub(f64x2.add(x, v128.load(round)), v128.load(round));
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
  v128.store(into, f64x2.splat(value));
}

/** One lane becomes 1. */
export function setLaneOne(into: usize, lane: usize): void {
  store<f64>(into + 8 * lane, 1);
  for (let i: usize = 16; i < ELEMENT; i += 16) store<f64>(into + i + 8 * lane, 0);
}

export function swapLanes(into: usize, from: usize): void {
  for (let i: usize = 0; i < ELEMENT; i += 16) {
    const limb = v128.load(from + i);
    v128.store(into + i, v128.shuffle<u64>(limb, limb, 1, 0));
  }
}

/**
 * The canonical value of one lane. The value is below p in absolute value; its two's complement modulo 2^256
 * needs only a negative value's 2^256 turned into p.
 */
export function toWords(words: usize, element: usize, lane: usize): void {
  const limbs = element + 8 * lane;
  let sum = i64(load<f64>(limbs, 0));
  const d0 = sum & 0xfffffffffffff;
  sum = (sum >> 52) + i64(load<f64>(limbs, 16));
  const d1 = sum & 0x7ffffffffffff;
  sum = (sum >> 51) + i64(load<f64>(limbs, 32));
  const d2 = sum & 0x7ffffffffffff;
  sum = (sum >> 51) + i64(load<f64>(limbs, 48));
  const d3 = sum & 0x7ffffffffffff;
  const d4 = (sum >> 51) + i64(load<f64>(limbs, 64));
  store<u64>(words, d0 | (d1 << 52), 0);
  store<u64>(words, (d1 >> 12) | (d2 << 39), 8);
  store<u64>(words, (d2 >> 25) | (d3 << 26), 16);
  store<u64>(words, (d3 >> 38) | (d4 << 13), 24);
  if (d4 < 0) subtractSmall(words, FOLD_SMALL);
}

const SIGNED = memory.data(WORDS, 16);

/** Both lanes become the canonical value in words, as a tight element. */
export function fromWords(into: usize, words: usize): void {
  memory.copy(SIGNED, words, WORDS);
  // From 2^255 on take the value minus p: adding K leaves minus p in two's complement.
  if (load<i64>(SIGNED, 24) < 0) addSmall(SIGNED, FOLD_SMALL);
  const w0 = load<u64>(SIGNED, 0), w1 = load<u64>(SIGNED, 8), w2 = load<u64>(SIGNED, 16), w3 = load<u64>(SIGNED, 24);
  let carry = storeDigit(into, 0, w0 & 0xfffffffffffff, 52);
  carry = storeDigit(into, 16, (((w0 >> 52) | (w1 << 12)) & 0x7ffffffffffff) + carry, 51);
  carry = storeDigit(into, 32, (((w1 >> 39) | (w2 << 25)) & 0x7ffffffffffff) + carry, 51);
  carry = storeDigit(into, 48, (((w2 >> 26) | (w3 << 38)) & 0x7ffffffffffff) + carry, 51);
  v128.store(into, f64x2.splat(f64((i64(w3) >> 13) + i64(carry))), 64);
}

/** Stores a digit centred around zero in both lanes; returns the carry, 0 or 1. */
function storeDigit(into: usize, at: usize, digit: u64, bits: u64): u64 {
  const carry = digit >> (bits - 1) ? <u64>1 : 0;
  v128.store(into + at, f64x2.splat(f64(i64(digit) - i64(carry << bits))));
  return carry;
}

/** One point (x, y) from two table entries, one per lane; a `minus` of all ones negates the lane's y. */
@inline
export function gather(point: usize, entry0: usize, minus0: u64, entry1: usize, minus1: u64): void {
  const sign = i64x2.shl(i64x2.replace_lane(i64x2.splat(minus0), 1, minus1), 63);
  v128.store(point, v128.load64_lane(entry1, v128.load64_zero(entry0, 0), 1, 0), 0);
  v128.store(point, v128.load64_lane(entry1, v128.load64_zero(entry0, 8), 1, 8), 16);
  v128.store(point, v128.load64_lane(entry1, v128.load64_zero(entry0, 16), 1, 16), 32);
  v128.store(point, v128.load64_lane(entry1, v128.load64_zero(entry0, 24), 1, 24), 48);
  v128.store(point, v128.load64_lane(entry1, v128.load64_zero(entry0, 32), 1, 32), 64);
  v128.store(point, v128.xor(sign, v128.load64_lane(entry1, v128.load64_zero(entry0, 40), 1, 40)), 80);
  v128.store(point, v128.xor(sign, v128.load64_lane(entry1, v128.load64_zero(entry0, 48), 1, 48)), 96);
  v128.store(point, v128.xor(sign, v128.load64_lane(entry1, v128.load64_zero(entry0, 56), 1, 56)), 112);
  v128.store(point, v128.xor(sign, v128.load64_lane(entry1, v128.load64_zero(entry0, 64), 1, 64)), 128);
  v128.store(point, v128.xor(sign, v128.load64_lane(entry1, v128.load64_zero(entry0, 72), 1, 72)), 144);
}

/** The two lanes of a tight point to two table entries. */
export function scatter(point: usize, entry0: usize, entry1: usize): void {
  for (let i: usize = 0; i < 10; i++) {
    store<f64>(entry0 + 8 * i, load<f64>(point + 16 * i, 0));
    store<f64>(entry1 + 8 * i, load<f64>(point + 16 * i, 8));
  }
}
