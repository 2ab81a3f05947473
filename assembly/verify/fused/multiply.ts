/** Products and squares of the fused field, two elements at a time. Representation and bounds: field.ts. */
import { add, carryAndFold, high, high0, low, low0 } from "./carry";
import { PRODUCT, SQUARE, UNIT } from "./constants";

/** into = a * b. */
export function multiply(into: usize, a: usize, b: usize): void {
  product(into, a, b, 0);
}

/** into = a * b - c. */
export function multiplySubtract(into: usize, a: usize, b: usize, c: usize): void {
  product(into, a, b, c);
}

/** into = a^2. */
export function square(into: usize, a: usize): void {
  squared(into, a, 0, 0);
}

/** into = a^2 - b - c. */
export function squareSubtract2(into: usize, a: usize, b: usize, c: usize): void {
  squared(into, a, b, c);
}

/** -limb as an integer; bits(1.5 * 2^52 - limb) is in order for |limb| <= 2^51. */
@inline
function minus(limb: v128): v128 {
  return i64x2.sub(f64x2.sub(v128.load(UNIT), limb), v128.load(UNIT));
}

/** -a - b as an integer: the two constants cancel. */
@inline
function minus2(a: v128, b: v128): v128 {
  return i64x2.sub(f64x2.sub(v128.load(UNIT), a), f64x2.add(v128.load(UNIT), b));
}

/** One line per partial product: its low part goes to its column, its high part to the next. */
@inline
function product(into: usize, a: usize, b: usize, subtrahend: usize): void {
  const a0 = v128.load(a, 0), a1 = v128.load(a, 16), a2 = v128.load(a, 32), a3 = v128.load(a, 48), a4 = v128.load(a, 64);
  const b0 = v128.load(b, 0), b1 = v128.load(b, 16), b2 = v128.load(b, 32), b3 = v128.load(b, 48), b4 = v128.load(b, 64);
  const d1 = f64x2.add(b1, b1), d2 = f64x2.add(b2, b2), d3 = f64x2.add(b3, b3);
  let h: v128;

  let c3 = v128.load(PRODUCT, 48), c4 = v128.load(PRODUCT, 64), c5 = v128.load(PRODUCT, 80);
  h = high(a0, b3); c3 = add(c3, low(a0, b3, h)); c4 = add(c4, h);
  h = high(a1, d2); c3 = add(c3, low(a1, d2, h)); c4 = add(c4, h);
  h = high(a2, d1); c3 = add(c3, low(a2, d1, h)); c4 = add(c4, h);
  h = high(a3, b0); c3 = add(c3, low(a3, b0, h)); c4 = add(c4, h);

  h = high(a0, b4); c4 = add(c4, low(a0, b4, h)); c5 = add(c5, h);
  h = high(a1, d3); c4 = add(c4, low(a1, d3, h)); c5 = add(c5, h);
  h = high(a2, d2); c4 = add(c4, low(a2, d2, h)); c5 = add(c5, h);
  h = high(a3, d1); c4 = add(c4, low(a3, d1, h)); c5 = add(c5, h);
  h = high(a4, b0); c4 = add(c4, low(a4, b0, h)); c5 = add(c5, h);

  // At 2^257, one above column 5: the low parts are doubled after summing, the high ones belong to column 6.
  let twice5: v128, c6 = v128.load(PRODUCT, 96);
  h = high(a1, b4); twice5 = low(a1, b4, h); c6 = add(c6, h);
  h = high(a2, b3); twice5 = add(twice5, low(a2, b3, h)); c6 = add(c6, h);
  h = high(a3, b2); twice5 = add(twice5, low(a3, b2, h)); c6 = add(c6, h);
  h = high(a4, b1); twice5 = add(twice5, low(a4, b1, h)); c6 = add(c6, h);
  c5 = add(c5, i64x2.shl(twice5, 1));

  let c7 = v128.load(PRODUCT, 112), c8 = v128.load(PRODUCT, 128), c9 = v128.load(PRODUCT, 144);
  h = high(a2, b4); c6 = add(c6, low(a2, b4, h)); c7 = add(c7, h);
  h = high(a3, b3); c6 = add(c6, low(a3, b3, h)); c7 = add(c7, h);
  h = high(a4, b2); c6 = add(c6, low(a4, b2, h)); c7 = add(c7, h);
  h = high(a3, b4); c7 = add(c7, low(a3, b4, h)); c8 = add(c8, h);
  h = high(a4, b3); c7 = add(c7, low(a4, b3, h)); c8 = add(c8, h);
  h = high(a4, b4); c8 = add(c8, low(a4, b4, h)); c9 = add(c9, h);
  if (subtrahend) c4 = add(c4, minus(v128.load(subtrahend, 64)));

  let c0 = v128.load(PRODUCT, 0), c1 = v128.load(PRODUCT, 16), c2 = v128.load(PRODUCT, 32);
  h = high0(a0, b0); c0 = add(c0, low0(a0, b0, h)); c1 = add(c1, h);
  h = high(a0, b1); c1 = add(c1, low(a0, b1, h)); c2 = add(c2, h);
  h = high(a1, b0); c1 = add(c1, low(a1, b0, h)); c2 = add(c2, h);
  h = high(a0, b2); c2 = add(c2, low(a0, b2, h)); c3 = add(c3, h);
  h = high(a1, d1); c2 = add(c2, low(a1, d1, h)); c3 = add(c3, h);
  h = high(a2, b0); c2 = add(c2, low(a2, b0, h)); c3 = add(c3, h);
  if (subtrahend) {
    c0 = add(c0, minus(v128.load(subtrahend, 0)));
    c1 = add(c1, minus(v128.load(subtrahend, 16)));
    c2 = add(c2, minus(v128.load(subtrahend, 32)));
    c3 = add(c3, minus(v128.load(subtrahend, 48)));
  }
  carryAndFold(into, c0, c1, c2, c3, c4, c5, c6, c7, c8, c9);
}

/**
 * Every product in columns 1 to 4 counts an even number of times: half the column is summed, then doubled,
 * which keeps each product below 2^102.
 */
@inline
function squared(into: usize, a: usize, first: usize, second: usize): void {
  const a0 = v128.load(a, 0), a1 = v128.load(a, 16), a2 = v128.load(a, 32), a3 = v128.load(a, 48), a4 = v128.load(a, 64);
  const d1 = f64x2.add(a1, a1), d2 = f64x2.add(a2, a2), d3 = f64x2.add(a3, a3);
  let h: v128;

  let half3: v128, half4: v128, half5: v128;
  h = high(a0, a3); half3 = low(a0, a3, h); half4 = h;
  h = high(d1, a2); half3 = add(half3, low(d1, a2, h)); half4 = add(half4, h);

  h = high(a0, a4); half4 = add(half4, low(a0, a4, h)); half5 = h;
  h = high(d1, a3); half4 = add(half4, low(d1, a3, h)); half5 = add(half5, h);
  h = high(a2, a2); half4 = add(half4, low(a2, a2, h)); half5 = add(half5, h);

  let c6 = v128.load(SQUARE, 96), c7 = v128.load(SQUARE, 112);
  h = high(d1, a4); half5 = add(half5, low(d1, a4, h)); c6 = add(c6, h);
  h = high(d2, a3); half5 = add(half5, low(d2, a3, h)); c6 = add(c6, h);
  const c5 = add(v128.load(SQUARE, 80), i64x2.shl(half5, 1));

  let c8 = v128.load(SQUARE, 128), c9 = v128.load(SQUARE, 144);
  h = high(d2, a4); c6 = add(c6, low(d2, a4, h)); c7 = add(c7, h);
  h = high(a3, a3); c6 = add(c6, low(a3, a3, h)); c7 = add(c7, h);
  h = high(d3, a4); c7 = add(c7, low(d3, a4, h)); c8 = add(c8, h);
  h = high(a4, a4); c8 = add(c8, low(a4, a4, h)); c9 = add(c9, h);
  let c4 = add(v128.load(SQUARE, 64), i64x2.shl(half4, 1));
  if (first) c4 = add(c4, minus2(v128.load(first, 64), v128.load(second, 64)));

  let c0 = v128.load(SQUARE, 0), c1 = v128.load(SQUARE, 16), half1: v128, half2: v128;
  h = high0(a0, a0); c0 = add(c0, low0(a0, a0, h)); c1 = add(c1, h);
  h = high(a0, a1); half1 = low(a0, a1, h); half2 = h;
  h = high(a0, a2); half2 = add(half2, low(a0, a2, h)); half3 = add(half3, h);
  h = high(a1, a1); half2 = add(half2, low(a1, a1, h)); half3 = add(half3, h);
  c1 = add(c1, i64x2.shl(half1, 1));
  let c2 = add(v128.load(SQUARE, 32), i64x2.shl(half2, 1));
  let c3 = add(v128.load(SQUARE, 48), i64x2.shl(half3, 1));
  if (first) {
    c0 = add(c0, minus2(v128.load(first, 0), v128.load(second, 0)));
    c1 = add(c1, minus2(v128.load(first, 16), v128.load(second, 16)));
    c2 = add(c2, minus2(v128.load(first, 32), v128.load(second, 32)));
    c3 = add(c3, minus2(v128.load(first, 48), v128.load(second, 48)));
  }
  carryAndFold(into, c0, c1, c2, c3, c4, c5, c6, c7, c8, c9);
}
