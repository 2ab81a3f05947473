/**
 * Inverses modulo p and n by the "safegcd" divisions of Bernstein and Yang (eprint 2019/266), in variable time.
 *
 * Representation: nine signed limbs of 30 bits in i32 words; all but the last are in [0, 2^30).
 * Bounds: thirty division steps give a matrix with |u| + |v| <= 2^30 and |q| + |r| <= 2^30. f and g stay in
 * (-modulus, modulus) and d and e in (-2*modulus, modulus), so a column is below 2^60 + 2^60 plus a carry.
 * Nothing rests on this file: every caller multiplies the inverse back and compares with one.
 */
import { WORDS } from "./words";

const LIMBS: usize = 9;
const MASK: i64 = 0x3fffffff;
/** 256-bit operands need at most 741 steps (eprint 2019/266, section 11), thirty at a time. */
const ROUNDS_MAX: i32 = 25;

/** A modulus as nine limbs, followed by its inverse modulo 2^30. */
export const FIELD_MODULUS = memory.data<i32>([
  0x3ffffc2f, 0x3ffffffb, 0x3fffffff, 0x3fffffff, 0x3fffffff, 0x3fffffff, 0x3fffffff, 0x3fffffff, 0xffff,
  0x2ddacacf,
]);
export const ORDER_MODULUS = memory.data<i32>([
  0x10364141, 0x3f497a33, 0x348a03bb, 0x2bb739ab, 0x3ffffeba, 0x3fffffff, 0x3fffffff, 0x3fffffff, 0xffff,
  0x2a774ec1,
]);

const D = memory.data(40, 16);
const E = memory.data(40, 16);
const F = memory.data(40, 16);
const G = memory.data(40, 16);
/** The matrix (u v; q r) of the last thirty division steps, scaled by 2^30. */
const MATRIX = memory.data(16, 16);

/** words = 1 / words, canonical. False if there is no inverse. */
export function invert(words: usize, modulus: usize): bool {
  memory.fill(D, 0, 36);
  memory.fill(E, 0, 36);
  store<i32>(E, 1);
  memory.copy(F, modulus, 36);
  toLimbs(G, words);
  let eta: i32 = -1;
  let round = 0;
  while (!allZero(G)) {
    if (round++ == ROUNDS_MAX) return false;
    eta = divide(eta, load<i32>(F), load<i32>(G));
    updateCoefficients(modulus);
    updateRemainders();
  }
  const sign = load<i32>(F, 32) >> 31;
  normalize(D, sign, modulus);
  toWords(words, D);
  return true;
}

/** Thirty division steps on the low limbs; the matrix goes to MATRIX, the new eta is returned. */
function divide(eta: i32, f: i32, g: i32): i32 {
  let u: i32 = 1, v: i32 = 0, q: i32 = 0, r: i32 = 1;
  let left: i32 = 30;
  while (true) {
    const zeros = ctz(g | (-1 << left));
    g >>= zeros;
    u <<= zeros;
    v <<= zeros;
    eta -= zeros;
    left -= zeros;
    if (left == 0) break;
    if (eta < 0) {
      eta = -eta;
      let old = f; f = g; g = -old;
      old = u; u = q; q = -old;
      old = v; v = r; r = -old;
    }
    // The next min(eta + 1, left, 6) steps only add f to g: cancel that many bits of g at once.
    // f * (f * f - 2) is -1/f modulo 2^6 for every odd f.
    const count = min(min(eta + 1, left), 6);
    const multiple = (g * (f * (f * f - 2))) & ((1 << count) - 1);
    g += f * multiple;
    q += u * multiple;
    r += v * multiple;
  }
  store<i32>(MATRIX, u, 0);
  store<i32>(MATRIX, v, 4);
  store<i32>(MATRIX, q, 8);
  store<i32>(MATRIX, r, 12);
  return eta;
}

/** (d, e) = MATRIX * (d, e) / 2^30 modulo the modulus. */
function updateCoefficients(modulus: usize): void {
  const u = i64(load<i32>(MATRIX, 0)), v = i64(load<i32>(MATRIX, 4));
  const q = i64(load<i32>(MATRIX, 8)), r = i64(load<i32>(MATRIX, 12));
  const inverse = load<i32>(modulus, 36);
  const dSign = i64(load<i32>(D, 32) >> 31), eSign = i64(load<i32>(E, 32) >> 31);
  let d = i64(load<i32>(D)), e = i64(load<i32>(E));
  let dSum = u * d + v * e;
  let eSum = q * d + r * e;
  // Start from the multiple that makes a negative d or e positive, and clear the low thirty bits.
  let dMultiple = (u & dSign) + (v & eSign);
  let eMultiple = (q & dSign) + (r & eSign);
  dMultiple -= (i64(inverse) * dSum + dMultiple) & MASK;
  eMultiple -= (i64(inverse) * eSum + eMultiple) & MASK;
  let limb = i64(load<i32>(modulus));
  dSum = (dSum + limb * dMultiple) >> 30;
  eSum = (eSum + limb * eMultiple) >> 30;
  for (let i: usize = 4; i < 4 * LIMBS; i += 4) {
    d = i64(load<i32>(D + i));
    e = i64(load<i32>(E + i));
    limb = i64(load<i32>(modulus + i));
    dSum += u * d + v * e + limb * dMultiple;
    eSum += q * d + r * e + limb * eMultiple;
    store<i32>(D + i - 4, i32(dSum & MASK));
    store<i32>(E + i - 4, i32(eSum & MASK));
    dSum >>= 30;
    eSum >>= 30;
  }
  store<i32>(D, i32(dSum), 32);
  store<i32>(E, i32(eSum), 32);
}

/** (f, g) = MATRIX * (f, g) / 2^30, exactly. */
function updateRemainders(): void {
  const u = i64(load<i32>(MATRIX, 0)), v = i64(load<i32>(MATRIX, 4));
  const q = i64(load<i32>(MATRIX, 8)), r = i64(load<i32>(MATRIX, 12));
  let f = i64(load<i32>(F)), g = i64(load<i32>(G));
  let fSum = (u * f + v * g) >> 30;
  let gSum = (q * f + r * g) >> 30;
  for (let i: usize = 4; i < 4 * LIMBS; i += 4) {
    f = i64(load<i32>(F + i));
    g = i64(load<i32>(G + i));
    fSum += u * f + v * g;
    gSum += q * f + r * g;
    store<i32>(F + i - 4, i32(fSum & MASK));
    store<i32>(G + i - 4, i32(gSum & MASK));
    fSum >>= 30;
    gSum >>= 30;
  }
  store<i32>(F, i32(fSum), 32);
  store<i32>(G, i32(gSum), 32);
}

/** From (-2*modulus, modulus), times -1 if sign is -1, to [0, modulus) with limbs in [0, 2^30). */
function normalize(limbs: usize, sign: i32, modulus: usize): void {
  addIfNegative(limbs, modulus);
  for (let i: usize = 0; i < 4 * LIMBS; i += 4) {
    store<i32>(limbs + i, (load<i32>(limbs + i) ^ sign) - sign);
  }
  carry(limbs);
  addIfNegative(limbs, modulus);
}

function addIfNegative(limbs: usize, modulus: usize): void {
  if (load<i32>(limbs, 32) >= 0) return;
  for (let i: usize = 0; i < 4 * LIMBS; i += 4) {
    store<i32>(limbs + i, load<i32>(limbs + i) + load<i32>(modulus + i));
  }
  carry(limbs);
}

function carry(limbs: usize): void {
  let sum: i32 = 0;
  for (let i: usize = 0; i < 4 * (LIMBS - 1); i += 4) {
    sum += load<i32>(limbs + i);
    store<i32>(limbs + i, sum & i32(MASK));
    sum >>= 30;
  }
  store<i32>(limbs, load<i32>(limbs, 32) + sum, 32);
}

function allZero(limbs: usize): bool {
  let any: i32 = 0;
  for (let i: usize = 0; i < 4 * LIMBS; i += 4) any |= load<i32>(limbs + i);
  return any == 0;
}

function toLimbs(limbs: usize, words: usize): void {
  for (let i: usize = 0; i < LIMBS; i++) {
    const bit = 30 * i;
    const at = words + ((bit >> 6) << 3);
    const shift = bit & 63;
    let limb = load<u64>(at) >> shift;
    if (shift > 34 && at + 8 < words + WORDS) limb |= load<u64>(at, 8) << (64 - shift);
    store<i32>(limbs + 4 * i, i32(limb & MASK));
  }
}

function toWords(words: usize, limbs: usize): void {
  memory.fill(words, 0, WORDS);
  for (let i: usize = 0; i < LIMBS; i++) {
    const bit = 30 * i;
    const at = words + ((bit >> 6) << 3);
    const shift = bit & 63;
    const limb = u64(load<u32>(limbs + 4 * i));
    store<u64>(at, load<u64>(at) | (limb << shift));
    if (shift > 34 && at + 8 < words + WORDS) store<u64>(at, limb >> (64 - shift), 8);
  }
}
