/**
 * Tables of odd multiples of a fixed point P, for windows of w bits:
 * table[j][i] = (2i + 1) * 2^(w*j) * P, for i < 2^(w-1) and j < ceil(256 / w), affine.
 *
 * Built from the powers 2^i * P: with {1, 3, .., 2m - 1} * Q known, adding 2m * Q gives
 * {2m + 1, .., 4m - 1} * Q, for all windows at once. P has the prime order n and the multiples are below
 * 2^13 * 2^(w*j), so no two points of an addition have the same x and no entry is infinity.
 */
import {
  ELEMENT, ENTRY, fromWords, gather, multiply, multiplySubtract, scatter, setSmall, square, squareSubtract2, subtract,
} from "./field";
import { POINT, addPairs, invertElement } from "./tree";

/** Additions per inversion while building: half of them in each lane. */
const BLOCK: usize = 2048;

/** Windows of at most 264 bits in all, and one power more. */
const POWERS_MAX: usize = 266;
const POWERS = memory.data(POWERS_MAX * ENTRY, 16);

/** Jacobian X, Y, Z of each power, both lanes the same, and the products of the Zs before it. */
const JACOBIAN: usize = 3 * ELEMENT;
const X = memory.data(POWERS_MAX * JACOBIAN, 16);
const Z_PRODUCTS = memory.data((POWERS_MAX + 1) * ELEMENT, 16);

const PAIRS = memory.data((BLOCK >> 1) * 2 * POINT, 16);
const NO_FLAGS = memory.data(BLOCK, 16);

const TWO = memory.data(ELEMENT, 16);
const THREE = memory.data(ELEMENT, 16);
const FOUR = memory.data(ELEMENT, 16);
const EIGHT = memory.data(ELEMENT, 16);
const T0 = memory.data(ELEMENT, 16);
const T1 = memory.data(ELEMENT, 16);
const T2 = memory.data(ELEMENT, 16);
const AFFINE = memory.data(POINT, 16);

/**
 * Writes the table of the point whose coordinates are the two numbers at `point`. The point is on the curve:
 * the caller has checked it. False if an inversion failed; then the table must not be used.
 */
export function buildTable(table: usize, point: usize, window: usize): bool {
  const windows = (window + 255) / window;
  if (!computePowers(point, windows * window + 1)) return false;
  const size = <usize>1 << (window - 1);
  for (let j: usize = 0; j < windows; j++) {
    memory.copy(table + j * size * ENTRY, POWERS + j * window * ENTRY, ENTRY);
  }
  for (let level: usize = 0; level < window - 1; level++) {
    const count = windows << level;
    for (let first: usize = 0; first < count; first += BLOCK) {
      if (!extend(table, window, level, first, min(BLOCK, count - first))) return false;
    }
  }
  return true;
}

/** Additions first .. first + count - 1 of a level: number t makes entry (t mod m) + m of window t / m, m = 2^level. */
function extend(table: usize, window: usize, level: usize, first: usize, count: usize): bool {
  const m = <usize>1 << level;
  const pairs = (count + 1) >> 1;
  for (let pair: usize = 0; pair < pairs; pair++) {
    const t0 = first + 2 * pair;
    const t1 = min(t0 + 1, first + count - 1);
    const at = PAIRS + pair * 2 * POINT;
    gather(at, entryOf(table, window, t0, level), 0, entryOf(table, window, t1, level), 0);
    gather(at + POINT, powerOf(window, t0, level), 0, powerOf(window, t1, level), 0);
  }
  if (!addPairs(PAIRS, 2 * POINT, pairs, 1, NO_FLAGS)) return false;
  for (let pair: usize = 0; pair < pairs; pair++) {
    const t0 = first + 2 * pair;
    const t1 = min(t0 + 1, first + count - 1);
    const at = PAIRS + pair * 2 * POINT;
    scatter(at, entryOf(table, window, t0, level) + m * ENTRY, entryOf(table, window, t1, level) + m * ENTRY);
  }
  return true;
}

@inline
function entryOf(table: usize, window: usize, t: usize, level: usize): usize {
  return table + (((t >> level) << (window - 1)) + (t & ((1 << level) - 1))) * ENTRY;
}

/** 2m * 2^(w*j) * P. */
@inline
function powerOf(window: usize, t: usize, level: usize): usize {
  return POWERS + ((t >> level) * window + level + 1) * ENTRY;
}

/** POWERS[i] = 2^i * P: doublings in Jacobian coordinates, then all of them made affine with one inversion. */
function computePowers(point: usize, count: usize): bool {
  setSmall(TWO, 2);
  setSmall(THREE, 3);
  setSmall(FOUR, 4);
  setSmall(EIGHT, 8);
  fromWords(X, point);
  fromWords(X + ELEMENT, point + 32);
  setSmall(X + 2 * ELEMENT, 1);
  setSmall(Z_PRODUCTS, 1);
  for (let i: usize = 0; i < count; i++) {
    const from = X + i * JACOBIAN;
    multiply(Z_PRODUCTS + (i + 1) * ELEMENT, Z_PRODUCTS + i * ELEMENT, from + 2 * ELEMENT);
    if (i + 1 < count) double(from + JACOBIAN, from);
  }
  if (!invertElement(T0, Z_PRODUCTS + count * ELEMENT)) return false;
  for (let i = count; i-- > 0; ) {
    const from = X + i * JACOBIAN;
    multiply(T1, T0, Z_PRODUCTS + i * ELEMENT);
    multiply(T0, T0, from + 2 * ELEMENT);
    square(T2, T1);
    multiply(AFFINE, from, T2);
    multiply(T2, T2, T1);
    multiply(AFFINE + ELEMENT, from + ELEMENT, T2);
    scatter(AFFINE, POWERS + i * ENTRY, POWERS + i * ENTRY);
  }
  return true;
}

/** M = 3X^2, S = 4XY^2: X' = M^2 - 2S, Y' = M(S - X') - 8Y^4, Z' = 2YZ. */
function double(into: usize, from: usize): void {
  const x = from, y = from + ELEMENT, z = from + 2 * ELEMENT;
  const m = T0, s = T1, yy = T2;
  square(m, x);
  multiply(m, m, THREE);
  square(yy, y);
  multiply(s, x, yy);
  multiply(s, s, FOUR);
  squareSubtract2(into, m, s, s);
  square(yy, yy);
  multiply(yy, yy, EIGHT);
  subtract(s, s, into);
  multiplySubtract(into + ELEMENT, m, s, yy);
  multiply(yy, y, z);
  multiply(into + 2 * ELEMENT, yy, TWO);
}
