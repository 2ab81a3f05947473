/**
 * A batch of signatures by keys with tables: u1*G + u2*Q = R with x(R) = r and the parity of y(R) as stated.
 *
 * u = 1/2 * (z/s or r/s) + (2^L - 1)/2 modulo n, L = window * windows, turns the sum over the bits b_i of
 * that number, (2*b_i - 1) * 2^i, into z/s or r/s itself. So every window of w bits v is the odd digit
 * 2v - (2^w - 1), never zero: one table entry, or its negative. The entries of all windows of a signature
 * are summed as a balanced tree, level by level together with those of all other signatures.
 * Whatever is not a plain accept is for the reference implementation to decide; see the answers below.
 */
import { ELEMENT, ENTRY, copy, gather, toWords } from "./field";
import { ORDER_MODULUS, invert } from "./inverse";
import { HALF_R_SQUARED, SCALAR, addToWords, fromWords, multiply } from "./scalar";
import { buildTable } from "./tables";
import { POINT, addPairs } from "./tree";
import { WORDS, isEqual, isLess, isZero, loadBigEndian } from "./words";

/**
 * Signatures per call, at most. Their points take 270 KiB, which stays in a second-level cache; 32 and 128 at a
 * time are no faster.
 */
export const CHUNK: usize = 64;

/** Answers: the reference must decide, and an accept; EXCEPTIONAL is a sum that affine additions cannot form. */
const REJECTED: u8 = 0;
const ACCEPTED: u8 = 1;
const EXCEPTIONAL: u8 = 2;

/** Bits of a window of the generator's table and of a key's table. */
const BASE_WINDOW: usize = 12;
const KEY_WINDOW: usize = 8;
const BASE_WINDOWS: usize = 22;
const KEY_WINDOWS: usize = 32;
const WINDOWS: usize = BASE_WINDOWS + KEY_WINDOWS;
const STRIDE: usize = WINDOWS * POINT;

/** (2^264 - 1)/2 and (2^256 - 1)/2 modulo n. */
const BASE_OFFSET = memory.data<u64>([0xcfa8020, 0x15cf46f2, 0x150c8f7d, 0x11f63766, 0xa205e, 0, 0, 0, 0x800000]);
const KEY_OFFSET = memory.data<u64>([0x17e4df5f, 0xb685cc, 0x16ebf888, 0x11231950, 0xa2a, 0, 0, 0, 0]);
/** n and (n - 1) / 2. */
const ORDER = memory.data<u64>([0xbfd25e8cd0364141, 0xbaaedce6af48a03b, 0xfffffffffffffffe, 0xffffffffffffffff]);
const HALF_ORDER = memory.data<u64>([0xdfe92f46681b20a0, 0x5d576e7357a4501d, 0xffffffffffffffff, 0x7fffffffffffffff]);
/** R / 2 modulo n. */
const HALF_R = memory.data<u64>([0x02da1732fc9bebf0, 0x551231950b75fc44, 0x14, 0]);
const GENERATOR = memory.data<u64>([
  0x59f2815b16f81798, 0x029bfcdb2dce28d9, 0x55a06295ce870b07, 0x79be667ef9dcbbac, 0x9c47d08ffb10d4b8,
  0xfd17b448a6855419, 0x5da4fbfc0e1108a8, 0x483ada7726a3c465,
]);

/** Input: digests of 32 bytes, signatures r || s || yParity of 65, tables by address, the places to verify. */
export const DIGESTS = memory.data(32 * CHUNK, 16);
export const SIGNATURES = memory.data(65 * CHUNK, 16);
export const TABLES = memory.data(4 * CHUNK, 16);
export const PLACES = memory.data(4 * CHUNK, 16);
/** The coordinates of a new key, x then y, as words. */
export const KEY = memory.data(64, 16);
/** Output, one answer per entry of PLACES. */
export const ANSWERS = memory.data(CHUNK, 16);

export const TABLE_BYTES: usize = KEY_WINDOWS * ENTRY << (KEY_WINDOW - 1);
const BASE_TABLE = memory.data(BASE_WINDOWS * ENTRY << (BASE_WINDOW - 1), 16);

/** One byte per signature: a sum of its points met equal or opposite points. */
const EXCEPTIONS = memory.data(CHUNK, 16);
const S = memory.data(CHUNK * SCALAR, 16);
const PRODUCTS = memory.data((CHUNK + 1) * SCALAR, 16);
/** Per signature the numbers whose windows are the digits, each with a word of zeros above it. */
const DIGIT_WORDS: usize = 40;
const DIGITS = memory.data(CHUNK * 2 * DIGIT_WORDS, 16);
const POINTS = memory.data((CHUNK >> 1) * STRIDE, 16);

/** Addresses of the entries of two signatures, side by side; MINUS, their unused lowest bit, for the negative. */
const ENTRIES = memory.data(8 * WINDOWS, 16);
const MINUS: u32 = 1;
const READ = memory.data(4, 16);

const INVERSE = memory.data(SCALAR, 16);
const HALVED = memory.data(SCALAR, 16);
const ZERO = memory.data(SCALAR, 16);
const TERM = memory.data(SCALAR, 16);
const VALUE = memory.data(WORDS, 16);
const OTHER = memory.data(WORDS, 16);

/** Where the tables of keys begin: the host places them one after the other from here on. */
export function tablesStart(): usize {
  return (__heap_base + 63) & ~63;
}

/** Builds the generator's table. */
export function initialize(): bool {
  return buildTable(BASE_TABLE, GENERATOR, BASE_WINDOW);
}

/** Builds the table of KEY. */
export function addKey(table: usize): bool {
  return buildTable(table, KEY, KEY_WINDOW);
}

/** Verifies the signatures at PLACES[0 .. count - 1], 0 < count <= CHUNK. */
export function verify(count: usize): void {
  readScalars(count);
  if (!computeDigits(count)) return giveUp(count);
  const pairs = (count + 1) >> 1;
  if (count & 1) repeatLast(count);
  for (let pair: usize = 0; pair < pairs; pair++) gatherPoints(pair);
  if (!sumPoints(pairs)) return giveUp(count);
  for (let i: usize = 0; i < count; i++) answer(i);
}

function giveUp(count: usize): void {
  memory.fill(ANSWERS, EXCEPTIONAL, count);
}

@inline
function digestOf(i: usize): usize {
  return DIGESTS + 32 * load<u32>(PLACES + 4 * i);
}

@inline
function signatureOf(i: usize): usize {
  return SIGNATURES + 65 * load<u32>(PLACES + 4 * i);
}

/** 1 <= r < n, 1 <= s <= (n - 1)/2, yParity 0 or 1; leaves s in VALUE. */
function inRange(signature: usize): bool {
  loadBigEndian(VALUE, signature);
  if (isZero(VALUE) || !isLess(VALUE, ORDER)) return false;
  loadBigEndian(VALUE, signature + 32);
  return !isZero(VALUE) && !isLess(HALF_ORDER, VALUE) && load<u8>(signature, 64) <= 1;
}

/** S and the products of all before. What is out of range gets s = 1, so that it does not spoil the product. */
function readScalars(count: usize): void {
  setOne(PRODUCTS);
  for (let i: usize = 0; i < count; i++) {
    const s = S + i * SCALAR;
    if (inRange(signatureOf(i))) {
      store<u8>(ANSWERS + i, ACCEPTED);
      fromWords(s, VALUE);
    } else {
      store<u8>(ANSWERS + i, REJECTED);
      setOne(s);
    }
    multiply(PRODUCTS + (i + 1) * SCALAR, PRODUCTS + i * SCALAR, s);
  }
}

function setOne(scalar: usize): void {
  memory.fill(scalar, 0, SCALAR);
  store<u64>(scalar, 1);
}

/**
 * One inversion for all s. Each PRODUCTS[i + 1] carries one factor 1/R more than PRODUCTS[i]; walking back,
 * a product with PRODUCTS[i] or s takes it off again, so that INVERSE = R / (2 * PRODUCTS[i]) throughout and
 * HALVED = R / (2 * s), whatever i is. At the end INVERSE must be R / 2: that proves the inversion.
 */
function computeDigits(count: usize): bool {
  addToWords(VALUE, PRODUCTS + count * SCALAR, ZERO);
  if (!invert(VALUE, ORDER_MODULUS)) return false;
  fromWords(INVERSE, VALUE);
  multiply(INVERSE, INVERSE, HALF_R_SQUARED);
  for (let i = count; i-- > 0; ) {
    multiply(HALVED, INVERSE, PRODUCTS + i * SCALAR);
    multiply(INVERSE, INVERSE, S + i * SCALAR);
    const digits = DIGITS + i * 2 * DIGIT_WORDS;
    computeDigit(digits, digestOf(i), BASE_OFFSET);
    computeDigit(digits + DIGIT_WORDS, signatureOf(i), KEY_OFFSET);
  }
  addToWords(VALUE, INVERSE, ZERO);
  return isEqual(VALUE, HALF_R);
}

/** digits = number / (2 * s) + offset, canonical; HALVED = R / (2 * s). */
function computeDigit(digits: usize, number: usize, offset: usize): void {
  loadBigEndian(VALUE, number);
  fromWords(TERM, VALUE);
  multiply(TERM, TERM, HALVED);
  addToWords(digits, TERM, offset);
}

/** The second lane of the last pair repeats the last signature. */
function repeatLast(count: usize): void {
  memory.copy(DIGITS + count * 2 * DIGIT_WORDS, DIGITS + (count - 1) * 2 * DIGIT_WORDS, 2 * DIGIT_WORDS);
  store<u32>(TABLES + 4 * count, load<u32>(TABLES + 4 * (count - 1)));
  store<u8>(ANSWERS + count, REJECTED);
}

/**
 * The table entries of two signatures, lane by lane, to POINTS. Most are not in the caches. Reading a word of
 * each end of each entry first keeps many reads from memory under way at once; the copying then finds all in
 * the nearest cache.
 */
function gatherPoints(pair: usize): void {
  const digits = DIGITS + pair * 4 * DIGIT_WORDS;
  findEntries(ENTRIES, digits, load<u32>(TABLES + 8 * pair));
  findEntries(ENTRIES + 4, digits + 2 * DIGIT_WORDS, load<u32>(TABLES + 8 * pair, 4));
  let read: u32 = 0;
  for (let at = ENTRIES; at < ENTRIES + 8 * WINDOWS; at += 4) {
    const entry = load<u32>(at) & ~MINUS;
    read |= load<u32>(entry) | load<u32>(entry, ENTRY - 4);
  }
  // Stored, so that no compiler leaves the reading out.
  store<u32>(READ, read);
  let point = POINTS + pair * STRIDE;
  for (let at = ENTRIES; at < ENTRIES + 8 * WINDOWS; at += 8) {
    const found0 = load<u32>(at), found1 = load<u32>(at, 4);
    gather(point, found0 & ~MINUS, 0 - u64(found0 & MINUS), found1 & ~MINUS, 0 - u64(found1 & MINUS));
    point += POINT;
  }
}

/** Where the entries of one signature are, to every other word of ENTRIES. */
function findEntries(into: usize, digits: usize, keyTable: usize): void {
  for (let j: usize = 0; j < BASE_WINDOWS; j++) {
    const table = BASE_TABLE + ((j * ENTRY) << (BASE_WINDOW - 1));
    store<u32>(into, entryOf(table, windowOf(digits, j, BASE_WINDOW), BASE_WINDOW));
    into += 8;
  }
  for (let j: usize = 0; j < KEY_WINDOWS; j++) {
    const table = keyTable + ((j * ENTRY) << (KEY_WINDOW - 1));
    store<u32>(into, entryOf(table, windowOf(digits + DIGIT_WORDS, j, KEY_WINDOW), KEY_WINDOW));
    into += 8;
  }
}

/** Bits j * w to j * w + w - 1 of a number with a word of zeros above it. */
@inline
function windowOf(words: usize, j: usize, w: usize): u64 {
  const bit = j * w;
  const at = words + ((bit >> 6) << 3);
  const shift = bit & 63;
  let v = load<u64>(at) >> shift;
  if (shift + w > 64) v |= load<u64>(at, 8) << (64 - shift);
  return v & ((1 << w) - 1);
}

/**
 * The entry of the digit 2v - (2^w - 1): with the top bit of v set that is 2i + 1 for i = v without the bit,
 * else it is -(2i + 1) for i = ~v, which is marked MINUS.
 */
@inline
function entryOf(table: usize, v: u64, w: u64): usize {
  const minus = (v >> (w - 1)) - 1;
  const half: u64 = (1 << (w - 1)) - 1;
  return (table + usize((v ^ minus) & half) * ENTRY) | (usize(minus) & MINUS);
}

/** Sums each signature's points to its first; a level adds its second half to its first. */
function sumPoints(pairs: usize): bool {
  memory.fill(EXCEPTIONS, 0, 2 * pairs);
  for (let count = WINDOWS; count > 1; ) {
    const half = count >> 1;
    if (!addPairs(POINTS, STRIDE, pairs, half, EXCEPTIONS)) return false;
    if (count & 1) moveLast(pairs, half, count - 1);
    count -= half;
  }
  return true;
}

function moveLast(pairs: usize, to: usize, from: usize): void {
  for (let pair: usize = 0; pair < pairs; pair++) {
    const points = POINTS + pair * STRIDE;
    copy(points + to * POINT, points + from * POINT);
    copy(points + to * POINT + ELEMENT, points + from * POINT + ELEMENT);
  }
}

/** An accept is x(R) = r exactly, never r + n, and y(R) of the stated parity. */
function answer(i: usize): void {
  if (load<u8>(ANSWERS + i) == REJECTED) return;
  if (load<u8>(EXCEPTIONS + i)) {
    store<u8>(ANSWERS + i, EXCEPTIONAL);
    return;
  }
  const signature = signatureOf(i);
  const sum = POINTS + (i >> 1) * STRIDE;
  toWords(VALUE, sum, i & 1);
  loadBigEndian(OTHER, signature);
  const sameX = isEqual(VALUE, OTHER);
  toWords(VALUE, sum + ELEMENT, i & 1);
  const sameParity = (load<u64>(VALUE) & 1) == load<u8>(signature, 64);
  store<u8>(ANSWERS + i, sameX && sameParity ? ACCEPTED : REJECTED);
}
