/**
 * Scalars modulo the group order n: Montgomery products, and the digits of u1 and u2.
 *
 * Representation: nine limbs of 29 bits, one per u64, least significant first; R = 2^261.
 * Bounds: an operand is below 2^257, so its limbs are below 2^29 and the ninth below 2^25. A product is
 * (a*b + m*n) / R with m < 2^261, hence below 2^253 + n < 2^257: it can be an operand again, and the final
 * subtraction is left to whoever needs the canonical value. A column sums at most 18 products below 2^58 and
 * a carry below 2^34: below 2^62.3, so no u64 overflows.
 */

/** Bytes of one scalar. */
export const SCALAR: usize = 72;

/** The order, (n - 1) / 2, and R^2 / 2 modulo n. */
const N0: u64 = 0x10364141;
const N1: u64 = 0x1e92f466;
const N2: u64 = 0x12280eef;
const N3: u64 = 0x1db9cd5e;
const N4: u64 = 0x1fffebaa;
const N5: u64 = 0x1fffffff;
const N6: u64 = 0x1fffffff;
const N7: u64 = 0x1fffffff;
const N8: u64 = 0xffffff;
const ORDER = memory.data<u64>([N0, N1, N2, N3, N4, N5, N6, N7, N8]);
export const HALF_R_SQUARED = memory.data<u64>([
  0xd167646, 0xee180c2, 0x1719f264, 0x52253f5, 0x18e772eb, 0x45bcd07, 0xf34bfaf, 0x71a6f1, 0xce39ab,
]);

const MASK: u64 = 0x1fffffff;
/** -1/n modulo 2^29. */
const MINUS_INVERSE: u64 = 0x1588b13f;

/** The multiple of n that clears the low limb of a column. */
@inline
function quotient(column: u64): u64 {
  return ((column & MASK) * MINUS_INVERSE) & MASK;
}

/** into = a * b / R modulo n, below 2^257. `into` may be an operand. */
export function multiply(into: usize, a: usize, b: usize): void {
  const a0 = load<u64>(a, 0), a1 = load<u64>(a, 8), a2 = load<u64>(a, 16);
  const a3 = load<u64>(a, 24), a4 = load<u64>(a, 32), a5 = load<u64>(a, 40);
  const a6 = load<u64>(a, 48), a7 = load<u64>(a, 56), a8 = load<u64>(a, 64);
  const b0 = load<u64>(b, 0), b1 = load<u64>(b, 8), b2 = load<u64>(b, 16);
  const b3 = load<u64>(b, 24), b4 = load<u64>(b, 32), b5 = load<u64>(b, 40);
  const b6 = load<u64>(b, 48), b7 = load<u64>(b, 56), b8 = load<u64>(b, 64);

  // Columns 0 to 8: each gets the multiple of n that clears its limb, which is then dropped.
  let c = a0 * b0;
  const m0 = quotient(c);
  c = (c + m0 * N0) >> 29;
  c += a0 * b1 + a1 * b0 + m0 * N1;
  const m1 = quotient(c);
  c = (c + m1 * N0) >> 29;
  c += a0 * b2 + a1 * b1 + a2 * b0 + m0 * N2 + m1 * N1;
  const m2 = quotient(c);
  c = (c + m2 * N0) >> 29;
  c += a0 * b3 + a1 * b2 + a2 * b1 + a3 * b0 + m0 * N3 + m1 * N2 + m2 * N1;
  const m3 = quotient(c);
  c = (c + m3 * N0) >> 29;
  c += a0 * b4 + a1 * b3 + a2 * b2 + a3 * b1 + a4 * b0 + m0 * N4 + m1 * N3 + m2 * N2 + m3 * N1;
  const m4 = quotient(c);
  c = (c + m4 * N0) >> 29;
  c += a0 * b5 + a1 * b4 + a2 * b3 + a3 * b2 + a4 * b1 + a5 * b0;
  c += m0 * N5 + m1 * N4 + m2 * N3 + m3 * N2 + m4 * N1;
  const m5 = quotient(c);
  c = (c + m5 * N0) >> 29;
  c += a0 * b6 + a1 * b5 + a2 * b4 + a3 * b3 + a4 * b2 + a5 * b1 + a6 * b0;
  c += m0 * N6 + m1 * N5 + m2 * N4 + m3 * N3 + m4 * N2 + m5 * N1;
  const m6 = quotient(c);
  c = (c + m6 * N0) >> 29;
  c += a0 * b7 + a1 * b6 + a2 * b5 + a3 * b4 + a4 * b3 + a5 * b2 + a6 * b1 + a7 * b0;
  c += m0 * N7 + m1 * N6 + m2 * N5 + m3 * N4 + m4 * N3 + m5 * N2 + m6 * N1;
  const m7 = quotient(c);
  c = (c + m7 * N0) >> 29;
  c += a0 * b8 + a1 * b7 + a2 * b6 + a3 * b5 + a4 * b4 + a5 * b3 + a6 * b2 + a7 * b1 + a8 * b0;
  c += m0 * N8 + m1 * N7 + m2 * N6 + m3 * N5 + m4 * N4 + m5 * N3 + m6 * N2 + m7 * N1;
  const m8 = quotient(c);
  c = (c + m8 * N0) >> 29;

  // Columns 9 to 16 are the result.
  c += a1 * b8 + a2 * b7 + a3 * b6 + a4 * b5 + a5 * b4 + a6 * b3 + a7 * b2 + a8 * b1;
  c += m1 * N8 + m2 * N7 + m3 * N6 + m4 * N5 + m5 * N4 + m6 * N3 + m7 * N2 + m8 * N1;
  store<u64>(into, c & MASK, 0);
  c = (c >> 29) + a2 * b8 + a3 * b7 + a4 * b6 + a5 * b5 + a6 * b4 + a7 * b3 + a8 * b2;
  c += m2 * N8 + m3 * N7 + m4 * N6 + m5 * N5 + m6 * N4 + m7 * N3 + m8 * N2;
  store<u64>(into, c & MASK, 8);
  c = (c >> 29) + a3 * b8 + a4 * b7 + a5 * b6 + a6 * b5 + a7 * b4 + a8 * b3;
  c += m3 * N8 + m4 * N7 + m5 * N6 + m6 * N5 + m7 * N4 + m8 * N3;
  store<u64>(into, c & MASK, 16);
  c = (c >> 29) + a4 * b8 + a5 * b7 + a6 * b6 + a7 * b5 + a8 * b4;
  c += m4 * N8 + m5 * N7 + m6 * N6 + m7 * N5 + m8 * N4;
  store<u64>(into, c & MASK, 24);
  c = (c >> 29) + a5 * b8 + a6 * b7 + a7 * b6 + a8 * b5 + m5 * N8 + m6 * N7 + m7 * N6 + m8 * N5;
  store<u64>(into, c & MASK, 32);
  c = (c >> 29) + a6 * b8 + a7 * b7 + a8 * b6 + m6 * N8 + m7 * N7 + m8 * N6;
  store<u64>(into, c & MASK, 40);
  c = (c >> 29) + a7 * b8 + a8 * b7 + m7 * N8 + m8 * N7;
  store<u64>(into, c & MASK, 48);
  c = (c >> 29) + a8 * b8 + m8 * N8;
  store<u64>(into, c & MASK, 56);
  store<u64>(into, c >> 29, 64);
}

/** Four words to nine limbs: any 256-bit number, also one above n. */
export function fromWords(into: usize, words: usize): void {
  const w0 = load<u64>(words, 0), w1 = load<u64>(words, 8);
  const w2 = load<u64>(words, 16), w3 = load<u64>(words, 24);
  store<u64>(into, w0 & MASK, 0);
  store<u64>(into, (w0 >> 29) & MASK, 8);
  store<u64>(into, ((w0 >> 58) | (w1 << 6)) & MASK, 16);
  store<u64>(into, (w1 >> 23) & MASK, 24);
  store<u64>(into, ((w1 >> 52) | (w2 << 12)) & MASK, 32);
  store<u64>(into, (w2 >> 17) & MASK, 40);
  store<u64>(into, ((w2 >> 46) | (w3 << 18)) & MASK, 48);
  store<u64>(into, (w3 >> 11) & MASK, 56);
  store<u64>(into, w3 >> 40, 64);
}

const SUM = memory.data(SCALAR, 16);
const REDUCED = memory.data(SCALAR, 16);

/**
 * The canonical value of a + b as four words; a is below 2^257 and b below n, so at most three subtractions
 * of n are needed.
 */
export function addToWords(words: usize, a: usize, b: usize): void {
  let from: usize = SUM;
  let to: usize = REDUCED;
  let carry: u64 = 0;
  for (let i: usize = 0; i < SCALAR; i += 8) {
    carry += load<u64>(a + i) + load<u64>(b + i);
    store<u64>(from + i, carry & MASK);
    carry >>= 29;
  }
  while (true) {
    let borrow: i64 = 0;
    for (let i: usize = 0; i < SCALAR; i += 8) {
      borrow += load<i64>(from + i) - load<i64>(ORDER + i);
      store<u64>(to + i, u64(borrow) & MASK);
      borrow >>= 29;
    }
    if (borrow < 0) break;
    const swap = from;
    from = to;
    to = swap;
  }
  const l2 = load<u64>(from, 16), l4 = load<u64>(from, 32), l6 = load<u64>(from, 48), l8 = load<u64>(from, 64);
  store<u64>(words, load<u64>(from, 0) | (load<u64>(from, 8) << 29) | (l2 << 58), 0);
  store<u64>(words, (l2 >> 6) | (load<u64>(from, 24) << 23) | (l4 << 52), 8);
  store<u64>(words, (l4 >> 12) | (load<u64>(from, 40) << 17) | (l6 << 46), 16);
  store<u64>(words, (l6 >> 18) | (load<u64>(from, 56) << 11) | (l8 << 40), 24);
}
