/**
 * Products in two parts, and the carries of a column sum: what a multiplication and a squaring share.
 * Representation and bounds are in field.ts.
 */
import {
  CENTRE51, CENTRE52, EXPONENT, FOLD, LAST_START, MASK51, MASK52, OVER_START, SPLIT, SPLIT0, SPLIT_LOW, UNIT,
} from "./constants";

/** The multiple of 2^51 nearest to x*y, as a double near 1.5 * 2^103. */
@inline
export function high(x: v128, y: v128): v128 {
  return f64x2.relaxed_madd(x, y, v128.load(SPLIT));
}

/** The rest of x*y, as a double near 1.5 * 2^52. */
@inline
export function low(x: v128, y: v128, h: v128): v128 {
  return f64x2.relaxed_madd(x, y, f64x2.sub(v128.load(SPLIT_LOW), h));
}

/** The same for column 0, where the step is 2^52. */
@inline
export function high0(x: v128, y: v128): v128 {
  return f64x2.relaxed_madd(x, y, v128.load(SPLIT0));
}

@inline
export function low0(x: v128, y: v128, h: v128): v128 {
  return f64x2.add(f64x2.relaxed_madd(x, y, f64x2.sub(v128.load(SPLIT0), h)), v128.load(UNIT));
}

@inline
export function add(a: v128, b: v128): v128 {
  return i64x2.add(a, b);
}

/** The centred low 51 bits of a biased column, as doubles in [-2^50, 2^50). */
@inline
function digit51(column: v128): v128 {
  return f64x2.sub(v128.or(v128.and(column, v128.load(MASK51)), v128.load(EXPONENT)), v128.load(CENTRE51));
}

/** The centred low 52 bits, in [-2^51, 2^51). */
@inline
function digit52(column: v128): v128 {
  return f64x2.sub(v128.or(v128.and(column, v128.load(MASK52)), v128.load(EXPONENT)), v128.load(CENTRE52));
}

/**
 * From columns to a tight element. A column is a sum of at most 14 parts below 2^52, under 2^56, so with its
 * bias of 2^58 it is positive and the shifts are exact.
 */
@inline
export function carryAndFold(
  into: usize, c0: v128, c1: v128, c2: v128, c3: v128, c4: v128, c5: v128, c6: v128, c7: v128, c8: v128, c9: v128,
): void {
  // Columns 5 to 9 become digits. |h9| < 2^49 + 2^34: the high part of l4 * l4 and a carry.
  c6 = add(c6, i64x2.shr_u(c5, 52));
  c7 = add(c7, i64x2.shr_u(c6, 51));
  c8 = add(c8, i64x2.shr_u(c7, 51));
  c9 = add(c9, i64x2.shr_u(c8, 51));
  const h9 = f64x2.sub(c9, v128.load(UNIT));

  // h9 lands on column 4; what that carries over 2^256 is added to h5, then |h5| < 2^51 + 2^31.
  const k = v128.load(FOLD);
  let h = high(h9, k);
  c4 = add(c4, low(h9, k, h));
  const over = add(add(h, v128.load(OVER_START)), i64x2.shr_u(c4, 51));
  const h5 = f64x2.add(digit52(c5), f64x2.sub(over, v128.load(UNIT)));

  // h5 to h8 land on columns 0 to 3. The last carry into limb 4 is the high part of h8 * K, below 2^32, and
  // that of column 3, below 2^6.
  const h6 = digit51(c6), h7 = digit51(c7), h8 = digit51(c8);
  h = high(h8, k); c3 = add(c3, low(h8, k, h));
  let last = add(h, v128.load(LAST_START));
  h = high(h7, k); c2 = add(c2, low(h7, k, h)); c3 = add(c3, h);
  h = high(h6, k); c1 = add(c1, low(h6, k, h)); c2 = add(c2, h);
  h = high0(h5, k); c0 = add(c0, low0(h5, k, h)); c1 = add(c1, h);

  v128.store(into, digit52(c0), 0);
  c1 = add(c1, i64x2.shr_u(c0, 52));
  v128.store(into, digit51(c1), 16);
  c2 = add(c2, i64x2.shr_u(c1, 51));
  v128.store(into, digit51(c2), 32);
  c3 = add(c3, i64x2.shr_u(c2, 51));
  v128.store(into, digit51(c3), 48);
  last = add(last, i64x2.shr_u(c3, 51));
  v128.store(into, f64x2.sub(add(v128.and(c4, v128.load(MASK51)), last), v128.load(UNIT)), 64);
}
