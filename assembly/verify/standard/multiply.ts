/** Products and squares of the standard field, two elements at a time. Representation and bounds: field.ts. */
import { FOUR_P, MASK24, MASK29 } from "./constants";

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

/** Limb i of both lanes, in the low half: all that a dot product looks at. */
@inline
function limb(element: usize, i: usize): v128 {
  return v128.load64_zero(element + 8 * i);
}

@inline
function add(a: v128, b: v128): v128 {
  return i64x2.add(a, b);
}

/** Sums of products of 32-bit lanes to 64 bits: a*b, a*b + c*d, ... */
@inline
function dot1(a: v128, b: v128): v128 {
  return i64x2.extmul_low_i32x4_u(a, b);
}

@inline
function dot2(a: v128, b: v128, c: v128, d: v128): v128 {
  return add(dot1(a, b), dot1(c, d));
}

@inline
function dot3(a: v128, b: v128, c: v128, d: v128, e: v128, f: v128): v128 {
  return add(dot2(a, b, c, d), dot1(e, f));
}

@inline
function dot4(a: v128, b: v128, c: v128, d: v128, e: v128, f: v128, g: v128, h: v128): v128 {
  return add(dot2(a, b, c, d), dot2(e, f, g, h));
}

@inline
function low29(column: v128): v128 {
  return v128.and(column, v128.load(MASK29));
}

@inline
function carry(column: v128): v128 {
  return i64x2.shr_u(column, 29);
}

/** 977 = 1024 - 32 - 16 + 1: shifts are cheaper than a 64-bit multiplication. */
@inline
function times977(x: v128): v128 {
  return i64x2.sub(add(i64x2.shl(x, 10), x), add(i64x2.shl(x, 5), i64x2.shl(x, 4)));
}

/** What column k + 9 and column k + 8 add to column k: 2^261 = 2^5 * K modulo p, that is 977 * 2^5 + 2^8 * 2^29. */
@inline
function folded(column: v128, below: v128): v128 {
  return add(i64x2.shl(times977(column), 5), i64x2.shl(below, 8));
}

/** Limb i of 4p - a and of 4p - a - b, never negative. */
@inline
function minus(a: usize, i: usize): v128 {
  return i64x2.extend_low_i32x4_u(i32x4.sub(limb(FOUR_P, i), limb(a, i)));
}

@inline
function minus2(a: usize, b: usize, i: usize): v128 {
  return i64x2.extend_low_i32x4_u(i32x4.sub(i32x4.sub(limb(FOUR_P, i), limb(a, i)), limb(b, i)));
}

@inline
function product(into: usize, a: usize, b: usize, c: usize): void {
  const a0 = limb(a, 0), a1 = limb(a, 1), a2 = limb(a, 2), a3 = limb(a, 3), a4 = limb(a, 4);
  const a5 = limb(a, 5), a6 = limb(a, 6), a7 = limb(a, 7), a8 = limb(a, 8);
  const b0 = limb(b, 0), b1 = limb(b, 1), b2 = limb(b, 2), b3 = limb(b, 3), b4 = limb(b, 4);
  const b5 = limb(b, 5), b6 = limb(b, 6), b7 = limb(b, 7), b8 = limb(b, 8);

  // Columns 9 to 16, and what is carried out of them.
  let t = add(dot4(a1, b8, a2, b7, a3, b6, a4, b5), dot4(a5, b4, a6, b3, a7, b2, a8, b1));
  const h0 = low29(t);
  t = add(carry(t), add(dot4(a2, b8, a3, b7, a4, b6, a5, b5), dot3(a6, b4, a7, b3, a8, b2)));
  const h1 = low29(t);
  t = add(carry(t), add(dot4(a3, b8, a4, b7, a5, b6, a6, b5), dot2(a7, b4, a8, b3)));
  const h2 = low29(t);
  t = add(carry(t), add(dot4(a4, b8, a5, b7, a6, b6, a7, b5), dot1(a8, b4)));
  const h3 = low29(t);
  t = add(carry(t), dot4(a5, b8, a6, b7, a7, b6, a8, b5));
  const h4 = low29(t);
  t = add(carry(t), dot3(a6, b8, a7, b7, a8, b6));
  const h5 = low29(t);
  t = add(carry(t), dot2(a7, b8, a8, b7));
  const h6 = low29(t);
  t = add(carry(t), dot1(a8, b8));
  const h7 = low29(t);
  const h8 = carry(t);

  // Columns 0 to 8, with those above folded in.
  t = add(dot1(a0, b0), i64x2.shl(times977(h0), 5));
  if (c) t = add(t, minus(c, 0));
  const r0 = low29(t);
  t = add(carry(t), add(dot2(a0, b1, a1, b0), folded(h1, h0)));
  if (c) t = add(t, minus(c, 1));
  const r1 = low29(t);
  t = add(carry(t), add(dot3(a0, b2, a1, b1, a2, b0), folded(h2, h1)));
  if (c) t = add(t, minus(c, 2));
  const r2 = low29(t);
  t = add(carry(t), add(dot4(a0, b3, a1, b2, a2, b1, a3, b0), folded(h3, h2)));
  if (c) t = add(t, minus(c, 3));
  const r3 = low29(t);
  t = add(carry(t), add(dot4(a0, b4, a1, b3, a2, b2, a3, b1), dot1(a4, b0)));
  t = add(t, folded(h4, h3));
  if (c) t = add(t, minus(c, 4));
  const r4 = low29(t);
  t = add(carry(t), add(dot4(a0, b5, a1, b4, a2, b3, a3, b2), dot2(a4, b1, a5, b0)));
  t = add(t, folded(h5, h4));
  if (c) t = add(t, minus(c, 5));
  const r5 = low29(t);
  t = add(carry(t), add(dot4(a0, b6, a1, b5, a2, b4, a3, b3), dot3(a4, b2, a5, b1, a6, b0)));
  t = add(t, folded(h6, h5));
  if (c) t = add(t, minus(c, 6));
  const r6 = low29(t);
  t = add(carry(t), add(dot4(a0, b7, a1, b6, a2, b5, a3, b4), dot4(a4, b3, a5, b2, a6, b1, a7, b0)));
  t = add(t, folded(h7, h6));
  if (c) t = add(t, minus(c, 7));
  const r7 = low29(t);
  t = add(carry(t), add(dot4(a0, b8, a1, b7, a2, b6, a3, b5), dot4(a4, b4, a5, b3, a6, b2, a7, b1)));
  t = add(t, add(dot1(a8, b0), folded(h8, h7)));
  if (c) t = add(t, minus(c, 8));
  finish(into, r0, r1, r2, r3, r4, r5, r6, r7, t, h8);
}

@inline
function squared(into: usize, a: usize, b: usize, c: usize): void {
  const a0 = limb(a, 0), a1 = limb(a, 1), a2 = limb(a, 2), a3 = limb(a, 3), a4 = limb(a, 4);
  const a5 = limb(a, 5), a6 = limb(a, 6), a7 = limb(a, 7), a8 = limb(a, 8);
  const d0 = i32x4.add(a0, a0), d1 = i32x4.add(a1, a1), d2 = i32x4.add(a2, a2), d3 = i32x4.add(a3, a3);
  const d4 = i32x4.add(a4, a4), d5 = i32x4.add(a5, a5), d6 = i32x4.add(a6, a6), d7 = i32x4.add(a7, a7);

  let t = dot4(d1, a8, d2, a7, d3, a6, d4, a5);
  const h0 = low29(t);
  t = add(carry(t), dot4(d2, a8, d3, a7, d4, a6, a5, a5));
  const h1 = low29(t);
  t = add(carry(t), dot3(d3, a8, d4, a7, d5, a6));
  const h2 = low29(t);
  t = add(carry(t), dot3(d4, a8, d5, a7, a6, a6));
  const h3 = low29(t);
  t = add(carry(t), dot2(d5, a8, d6, a7));
  const h4 = low29(t);
  t = add(carry(t), dot2(d6, a8, a7, a7));
  const h5 = low29(t);
  t = add(carry(t), dot1(d7, a8));
  const h6 = low29(t);
  t = add(carry(t), dot1(a8, a8));
  const h7 = low29(t);
  const h8 = carry(t);

  t = add(dot1(a0, a0), i64x2.shl(times977(h0), 5));
  if (b) t = add(t, minus2(b, c, 0));
  const r0 = low29(t);
  t = add(carry(t), add(dot1(d0, a1), folded(h1, h0)));
  if (b) t = add(t, minus2(b, c, 1));
  const r1 = low29(t);
  t = add(carry(t), add(dot2(d0, a2, a1, a1), folded(h2, h1)));
  if (b) t = add(t, minus2(b, c, 2));
  const r2 = low29(t);
  t = add(carry(t), add(dot2(d0, a3, d1, a2), folded(h3, h2)));
  if (b) t = add(t, minus2(b, c, 3));
  const r3 = low29(t);
  t = add(carry(t), add(dot3(d0, a4, d1, a3, a2, a2), folded(h4, h3)));
  if (b) t = add(t, minus2(b, c, 4));
  const r4 = low29(t);
  t = add(carry(t), add(dot3(d0, a5, d1, a4, d2, a3), folded(h5, h4)));
  if (b) t = add(t, minus2(b, c, 5));
  const r5 = low29(t);
  t = add(carry(t), add(dot4(d0, a6, d1, a5, d2, a4, a3, a3), folded(h6, h5)));
  if (b) t = add(t, minus2(b, c, 6));
  const r6 = low29(t);
  t = add(carry(t), add(dot4(d0, a7, d1, a6, d2, a5, d3, a4), folded(h7, h6)));
  if (b) t = add(t, minus2(b, c, 7));
  const r7 = low29(t);
  t = add(carry(t), add(add(dot4(d0, a8, d1, a7, d2, a6, d3, a5), dot1(a4, a4)), folded(h8, h7)));
  if (b) t = add(t, minus2(b, c, 8));
  finish(into, r0, r1, r2, r3, r4, r5, r6, r7, t, h8);
}

/**
 * The last carries: what is above 2^256, below 2^41, is folded into limbs 0 and 1, and ripples at most into
 * limb 3, by one.
 */
@inline
function finish(
  into: usize, r0: v128, r1: v128, r2: v128, r3: v128, r4: v128, r5: v128, r6: v128, r7: v128, r8: v128, h8: v128,
): void {
  const top = add(i64x2.shr_u(r8, 24), i64x2.shl(h8, 13));
  r0 = add(r0, times977(top));
  r1 = add(add(carry(r0), r1), i64x2.shl(top, 3));
  r2 = add(carry(r1), r2);
  r3 = add(carry(r2), r3);
  storeLimbs(into, low29(r0), low29(r1));
  storeLimbs(into + 16, low29(r2), r3);
  storeLimbs(into + 32, r4, r5);
  storeLimbs(into + 48, r6, r7);
  storeLimbs(into + 64, v128.and(r8, v128.load(MASK24)), i64x2.splat(0));
}

/** Two limbs of two 64-bit lanes each, as 32-bit lanes. */
@inline
function storeLimbs(into: usize, x: v128, y: v128): void {
  v128.store(into, v128.shuffle<u32>(x, y, 0, 2, 4, 6));
}
