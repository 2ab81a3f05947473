/**
 * Affine additions of many pairs of points with one inversion for all of them (Montgomery's trick).
 *
 * A point is two elements, x then y; every element has two lanes, two signatures side by side. A group is
 * a run of points; groups lie `stride` bytes apart. Coordinates are tight, or negated where y is that of a
 * table entry (field.ts says what that means), and no point is infinity. Sums are tight.
 * An addition costs five multiplications, one squaring and three subtractions; the inversion, about sixty
 * multiplications.
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

/** The first point of each addition. */
const FIRSTS = memory.data(ADDITIONS_MAX * 4, 16);
/** Additions that go through the steps of addAll together. */
const BLOCK: usize = 16;

const INVERSES = memory.data(2 * ELEMENT, 16);
const BOTH = memory.data(ELEMENT, 16);
const SWAPPED = memory.data(ELEMENT, 16);
const ALL = memory.data(ELEMENT, 16);
const INVERSE = memory.data(ELEMENT, 16);
const DY = memory.data(ELEMENT, 16);
const CHECK = memory.data(ELEMENT, 16);
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
  addAll(groups * half, half);
  return true;
}

function subtractAll(points: usize, stride: usize, groups: usize, half: usize): void {
  let difference = DIFFERENCES;
  let firsts = FIRSTS;
  for (let group: usize = 0; group < groups; group++) {
    let a = points + stride * group;
    for (let j: usize = 0; j < half; j++) {
      store<u32>(firsts, a);
      subtract(difference, a + half * POINT, a);
      difference += ELEMENT;
      firsts += 4;
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

/** INVERSES = those of the chains' ends, PRODUCTS[count] and PRODUCTS[count + 1]; the even chain's comes first. */
function invertChains(count: usize): bool {
  const end0 = PRODUCTS + count * ELEMENT;
  const end1 = end0 + ELEMENT;
  multiply(BOTH, end0, end1);
  swapLanes(SWAPPED, BOTH);
  multiply(ALL, BOTH, SWAPPED);
  if (!invertElement(INVERSE, ALL)) return false;
  multiply(BOTH, INVERSE, SWAPPED);
  multiply(INVERSES + (count & 1) * ELEMENT, BOTH, end1);
  multiply(INVERSES + (~count & 1) * ELEMENT, BOTH, end0);
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
  multiply(CHECK, into, element);
  toWords(VALUE, CHECK, 0);
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

/**
 * The additions themselves, the last first. Each step is taken for a block of additions before the next one:
 * the multiplications of a step do not depend on each other, so the processor overlaps them.
 */
function addAll(count: usize, half: usize): void {
  for (let end = count; end > 0; ) {
    const start = end > BLOCK ? end - BLOCK : 0;
    invertBlock(start, end);
    addBlock(start, end, half * POINT);
    end = start;
  }
}

/** PRODUCTS[i] = 1/dx[i]: the inverse of the chain up to here times the product of those before. */
function invertBlock(start: usize, end: usize): void {
  for (let i = end; i-- > start; ) {
    const chain = INVERSES + (i & 1) * ELEMENT;
    const at = i * ELEMENT;
    multiply(PRODUCTS + at, PRODUCTS + at, chain);
    multiply(chain, DIFFERENCES + at, chain);
  }
}

/** slope = dy / dx, x3 = slope^2 - x1 - x2, y3 = slope * (x1 - x3) - y1. Slopes go to PRODUCTS, x3 to DIFFERENCES. */
function addBlock(start: usize, end: usize, toSecond: usize): void {
  for (let i = start; i < end; i++) {
    const a = load<u32>(FIRSTS + 4 * i);
    subtract(DY, a + toSecond + ELEMENT, a + ELEMENT);
    multiply(PRODUCTS + i * ELEMENT, DY, PRODUCTS + i * ELEMENT);
  }
  for (let i = start; i < end; i++) {
    const a = load<u32>(FIRSTS + 4 * i);
    squareSubtract2(DIFFERENCES + i * ELEMENT, PRODUCTS + i * ELEMENT, a, a + toSecond);
  }
  for (let i = start; i < end; i++) {
    const a = load<u32>(FIRSTS + 4 * i);
    subtract(DY, a, DIFFERENCES + i * ELEMENT);
    multiplySubtract(a + ELEMENT, DY, PRODUCTS + i * ELEMENT, a + ELEMENT);
    copy(a, DIFFERENCES + i * ELEMENT);
  }
}
