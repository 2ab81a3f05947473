/**
 * Affine additions of many pairs of points with one inversion for all of them (Montgomery's trick).
 *
 * A point is two elements, x then y; every element has two lanes, two signatures side by side. A group is
 * a run of points; groups lie `stride` bytes apart. All points are tight and none is infinity.
 * An addition costs five multiplications, one squaring and three subtractions; the inversion about as much
 * as two hundred multiplications.
 */
import {
  ELEMENT, copy, fromWords, multiply, multiplySubtract, setLaneOne, setSmall, squareSubtract2, subtract, swapLanes,
  toWords,
} from "./field";
import { FIELD_MODULUS, invert } from "./inverse";
import { WORDS, isOne, isZero } from "./words";

export const POINT: usize = 2 * ELEMENT;

/** Additions in one call of addPairs, at most. */
export const ADDITIONS_MAX: usize = 2048;

/** dx = x2 - x1 of each addition, and the products of those before it: two interleaved chains. */
const DIFFERENCES = memory.data(ADDITIONS_MAX * ELEMENT, 16);
const PRODUCTS = memory.data((ADDITIONS_MAX + 2) * ELEMENT, 16);

const INVERSE0 = memory.data(ELEMENT, 16);
const INVERSE1 = memory.data(ELEMENT, 16);
const BOTH = memory.data(ELEMENT, 16);
const SWAPPED = memory.data(ELEMENT, 16);
const ALL = memory.data(ELEMENT, 16);
const INVERSE = memory.data(ELEMENT, 16);
const DY = memory.data(ELEMENT, 16);
const SLOPE = memory.data(ELEMENT, 16);
const X3 = memory.data(ELEMENT, 16);
const VALUE = memory.data(WORDS, 16);

/**
 * In each group adds point j + half to point j, for j < half. Where the two have the same x (a doubling or
 * a sum of infinity) the sum is meaningless and flags[2 * group + lane] becomes 1; the others are unharmed.
 * Returns false if no inverse was found: then every sum is meaningless.
 */
export function addPairs(points: usize, stride: usize, groups: usize, half: usize, flags: usize): bool {
  subtractAll(points, stride, groups, half);
  multiplyUp(groups * half);
  if (!invertChains(groups * half)) {
    replaceZeros(groups, half, flags);
    multiplyUp(groups * half);
    if (!invertChains(groups * half)) return false;
  }
  addAll(points, stride, groups, half);
  return true;
}

function subtractAll(points: usize, stride: usize, groups: usize, half: usize): void {
  let difference = DIFFERENCES;
  for (let group: usize = 0; group < groups; group++) {
    let a = points + stride * group;
    for (let j: usize = 0; j < half; j++) {
      subtract(difference, a + half * POINT, a);
      difference += ELEMENT;
      a += POINT;
    }
  }
}

/** PRODUCTS[i + 2] = PRODUCTS[i] * DIFFERENCES[i]. */
function multiplyUp(count: usize): void {
  setSmall(PRODUCTS, 1);
  setSmall(PRODUCTS + ELEMENT, 1);
  for (let i: usize = 0; i < count * ELEMENT; i += ELEMENT) {
    multiply(PRODUCTS + 2 * ELEMENT + i, PRODUCTS + i, DIFFERENCES + i);
  }
}

/** INVERSE0, INVERSE1 = the inverses of the chains' ends, PRODUCTS[count] and PRODUCTS[count + 1]. */
function invertChains(count: usize): bool {
  const end0 = PRODUCTS + count * ELEMENT;
  const end1 = end0 + ELEMENT;
  multiply(BOTH, end0, end1);
  swapLanes(SWAPPED, BOTH);
  multiply(ALL, BOTH, SWAPPED);
  if (!invertElement(INVERSE, ALL)) return false;
  multiply(BOTH, INVERSE, SWAPPED);
  multiply(INVERSE0, BOTH, end1);
  multiply(INVERSE1, BOTH, end0);
  return true;
}

/**
 * into = 1 / element, where both lanes hold the same value. The result is checked by a multiplication, so
 * a wrong inverse cannot lead to a wrong answer. False for zero.
 */
export function invertElement(into: usize, element: usize): bool {
  toWords(VALUE, element, 0);
  if (isZero(VALUE) || !invert(VALUE, FIELD_MODULUS)) return false;
  fromWords(into, VALUE);
  multiply(SLOPE, into, element);
  toWords(VALUE, SLOPE, 0);
  return isOne(VALUE);
}

/** Flags the lanes whose difference is zero and puts a one in its place. */
function replaceZeros(groups: usize, half: usize, flags: usize): void {
  let difference = DIFFERENCES;
  for (let group: usize = 0; group < groups; group++) {
    for (let j: usize = 0; j < half; j++) {
      for (let lane: usize = 0; lane < 2; lane++) {
        toWords(VALUE, difference, lane);
        if (isZero(VALUE)) {
          setLaneOne(difference, lane);
          store<u8>(flags + 2 * group + lane, 1);
        }
      }
      difference += ELEMENT;
    }
  }
}

/** Walks back: 1/dx[i] is the inverse of its chain so far times the product of those before. */
function addAll(points: usize, stride: usize, groups: usize, half: usize): void {
  let i = groups * half * ELEMENT;
  let chain = INVERSE1;
  let other = INVERSE0;
  for (let group = groups; group-- > 0; ) {
    let a = points + stride * group + half * POINT;
    for (let j: usize = 0; j < half; j++) {
      a -= POINT;
      i -= ELEMENT;
      const b = a + half * POINT;
      multiply(INVERSE, chain, PRODUCTS + i);
      multiply(chain, chain, DIFFERENCES + i);
      subtract(DY, b + ELEMENT, a + ELEMENT);
      multiply(SLOPE, DY, INVERSE);
      squareSubtract2(X3, SLOPE, a, b);
      subtract(DY, a, X3);
      multiplySubtract(a + ELEMENT, SLOPE, DY, a + ELEMENT);
      copy(a, X3);
      const swap = chain;
      chain = other;
      other = swap;
    }
  }
}
