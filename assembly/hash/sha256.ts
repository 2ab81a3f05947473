/**
 * SHA-256 (FIPS 180-4) of many messages, four at a time: word i of the state and of the schedule are vectors
 * of the four lanes' words. A lane that has finished its message takes the next one.
 */
import { DATA, OUTPUT, dataOf, lengthOf, padded } from "./messages";

const LANES: usize = 4;
const BLOCK: i32 = 64;

const ROUND_CONSTANTS = memory.data<u32>([
  0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
  0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
  0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
  0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
  0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
  0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
  0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
  0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
]);
const INITIAL = memory.data<u32>([
  0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
]);
/** 0x80 in every byte: the first byte of the padding. */
const PAD = memory.data<u64>([0x8080808080808080, 0x8080808080808080], 16);

/** The bytes of four words, each word's turned around. */
const SWAP = memory.data<u8>([3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8, 15, 14, 13, 12], 16);

const STATE = memory.data(8 * 16, 16);
/** 64 words of the schedule and, so that one pointer reaches both, the round constants in four lanes each. */
const SCHEDULE = memory.data(2 * 64 * 16, 16);
const CONSTANTS: usize = SCHEDULE + 64 * 16;
for (let i: usize = 0; i < 64; i++) v128.store(CONSTANTS + 16 * i, i32x4.splat(load<u32>(ROUND_CONSTANTS + 4 * i)));

/** Per lane: its message, the position of its next block in it, and room for a block with padding. */
const MESSAGE = memory.data(4 * LANES, 16);
const POSITION = memory.data(4 * LANES, 16);
const BLOCKS = memory.data(64 * LANES, 16);
/** What a lane without a message hashes. */
const IDLE: i32 = -1;

/** Messages 0 .. count - 1, each with the byte `prefix` before it unless that is negative. */
export function sha256(count: usize, prefix: i32): void {
  let next: usize = 0;
  let busy: usize = 0;
  for (let lane: usize = 0; lane < LANES; lane++) {
    if (begin(lane, next, count, prefix)) busy++;
    next++;
  }
  while (busy > 0) {
    wholeBlocks();
    compress(block(0, prefix), block(1, prefix), block(2, prefix), block(3, prefix));
    for (let lane: usize = 0; lane < LANES; lane++) {
      const message = load<i32>(MESSAGE + 4 * lane);
      // The padding takes at least nine bytes.
      if (message == IDLE || load<i32>(POSITION + 4 * lane) < lengthOf(message) + 9) continue;
      finish(lane, message);
      if (!begin(lane, next++, count, prefix)) busy--;
    }
  }
}

/** Gives the lane a new message, if there is one. A prefix is byte -1 of its message. */
function begin(lane: usize, message: usize, count: usize, prefix: i32): bool {
  if (message >= count) {
    store<i32>(MESSAGE + 4 * lane, IDLE);
    return false;
  }
  store<i32>(MESSAGE + 4 * lane, message);
  store<i32>(POSITION + 4 * lane, prefix < 0 ? 0 : -1);
  for (let i: usize = 0; i < 8; i++) store<u32>(STATE + 16 * i + 4 * lane, load<u32>(INITIAL + 4 * i));
  return true;
}

function finish(lane: usize, message: usize): void {
  for (let i: usize = 0; i < 8; i++) {
    store<u32>(OUTPUT + 32 * message + 4 * i, bswap(load<u32>(STATE + 16 * i + 4 * lane)));
  }
}

/** The blocks that lie ahead whole in every lane, without a look at the lanes in between. */
function wholeBlocks(): void {
  const count = min(min(ahead(0), ahead(1)), min(ahead(2), ahead(3)));
  if (count <= 0) return;
  let block0 = skip(0, count), block1 = skip(1, count), block2 = skip(2, count), block3 = skip(3, count);
  for (const end = block0 + BLOCK * count; block0 < end; block0 += BLOCK) {
    compress(block0, block1, block2, block3);
    block1 += BLOCK;
    block2 += BLOCK;
    block3 += BLOCK;
  }
}

/** How many whole blocks lie ahead in the lane, or 0 and less; a prefix is in none. */
@inline
function ahead(lane: usize): i32 {
  const message = load<i32>(MESSAGE + 4 * lane);
  if (message == IDLE) return i32.MAX_VALUE;
  const position = load<i32>(POSITION + 4 * lane);
  return position < 0 ? 0 : (lengthOf(message) - position) / BLOCK;
}

/** Where the lane is, which is moved on by `count` blocks. Without a message it may read anything. */
@inline
function skip(lane: usize, count: i32): usize {
  const message = load<i32>(MESSAGE + 4 * lane);
  if (message == IDLE) return DATA;
  const position = load<i32>(POSITION + 4 * lane);
  store<i32>(POSITION + 4 * lane, position + BLOCK * count);
  return dataOf(message) + position;
}

/** The lane's next block: in place if it is whole, else a copy with prefix and padding. */
function block(lane: usize, prefix: i32): usize {
  const message = load<i32>(MESSAGE + 4 * lane);
  if (message == IDLE) return BLOCKS;
  const position = load<i32>(POSITION + 4 * lane);
  store<i32>(POSITION + 4 * lane, position + BLOCK);
  const data = dataOf(message) + position;
  const left = lengthOf(message) - position;
  if (position >= 0 && left >= BLOCK) return data;

  const into = BLOCKS + 64 * lane;
  // Beyond the end of the message the 0x80 is in the block before.
  const kept = left < 0 ? -64 : min(left, BLOCK);
  const pad = v128.load(PAD);
  let first = padded(data, 0, kept, pad);
  if (position < 0) first = i8x16.replace_lane(first, 0, <i8>prefix);
  let last = padded(data, 48, kept, pad);
  if (left <= BLOCK - 9) {
    const bits = u64(lengthOf(message) + i32(prefix >= 0)) << 3;
    last = i64x2.replace_lane(last, 1, bswap(bits));
  }
  v128.store(into, first, 0);
  v128.store(into, padded(data, 16, kept, pad), 16);
  v128.store(into, padded(data, 32, kept, pad), 32);
  v128.store(into, last, 48);
  return into;
}

@inline
function add(a: v128, b: v128): v128 {
  return i32x4.add(a, b);
}

@inline
function rotate(x: v128, bits: i32): v128 {
  return v128.or(i32x4.shr_u(x, bits), i32x4.shl(x, 32 - bits));
}

@inline
function xor3(a: v128, b: v128, c: v128): v128 {
  return v128.xor(v128.xor(a, b), c);
}

/** One block of each lane. */
function compress(block0: usize, block1: usize, block2: usize, block3: usize): void {
  for (let i: usize = 0; i < 64; i += 16) loadWords(SCHEDULE + 4 * i, block0 + i, block1 + i, block2 + i, block3 + i);
  let a = v128.load(STATE, 0), b = v128.load(STATE, 16), c = v128.load(STATE, 32), d = v128.load(STATE, 48);
  let e = v128.load(STATE, 64), f = v128.load(STATE, 80), g = v128.load(STATE, 96), h = v128.load(STATE, 112);
  // a ^ b of a round is b ^ c of the next: the two change places too.
  let ab: v128, bc = v128.xor(b, c);
  // Each of the first 48 rounds stands beside a step of the schedule, so that the two overlap. The variables
  // change places from line to line instead of being moved. More rounds in a loop gain nothing.
  let w = SCHEDULE;
  for (; w < SCHEDULE + 48 * 16; w += 8 * 16) {
    h = first(h, e, f, g, w); extend(w); d = add(d, h);
    ab = v128.xor(a, b); h = add(h, second(a, b, ab, bc));
    g = first(g, d, e, f, w + 16); extend(w + 16); c = add(c, g);
    bc = v128.xor(h, a); g = add(g, second(h, a, bc, ab));
    f = first(f, c, d, e, w + 32); extend(w + 32); b = add(b, f);
    ab = v128.xor(g, h); f = add(f, second(g, h, ab, bc));
    e = first(e, b, c, d, w + 48); extend(w + 48); a = add(a, e);
    bc = v128.xor(f, g); e = add(e, second(f, g, bc, ab));
    d = first(d, a, b, c, w + 64); extend(w + 64); h = add(h, d);
    ab = v128.xor(e, f); d = add(d, second(e, f, ab, bc));
    c = first(c, h, a, b, w + 80); extend(w + 80); g = add(g, c);
    bc = v128.xor(d, e); c = add(c, second(d, e, bc, ab));
    b = first(b, g, h, a, w + 96); extend(w + 96); f = add(f, b);
    ab = v128.xor(c, d); b = add(b, second(c, d, ab, bc));
    a = first(a, f, g, h, w + 112); extend(w + 112); e = add(e, a);
    bc = v128.xor(b, c); a = add(a, second(b, c, bc, ab));
  }
  for (; w < SCHEDULE + 64 * 16; w += 8 * 16) {
    h = first(h, e, f, g, w); d = add(d, h);
    ab = v128.xor(a, b); h = add(h, second(a, b, ab, bc));
    g = first(g, d, e, f, w + 16); c = add(c, g);
    bc = v128.xor(h, a); g = add(g, second(h, a, bc, ab));
    f = first(f, c, d, e, w + 32); b = add(b, f);
    ab = v128.xor(g, h); f = add(f, second(g, h, ab, bc));
    e = first(e, b, c, d, w + 48); a = add(a, e);
    bc = v128.xor(f, g); e = add(e, second(f, g, bc, ab));
    d = first(d, a, b, c, w + 64); h = add(h, d);
    ab = v128.xor(e, f); d = add(d, second(e, f, ab, bc));
    c = first(c, h, a, b, w + 80); g = add(g, c);
    bc = v128.xor(d, e); c = add(c, second(d, e, bc, ab));
    b = first(b, g, h, a, w + 96); f = add(f, b);
    ab = v128.xor(c, d); b = add(b, second(c, d, ab, bc));
    a = first(a, f, g, h, w + 112); e = add(e, a);
    bc = v128.xor(b, c); a = add(a, second(b, c, bc, ab));
  }
  v128.store(STATE, add(v128.load(STATE, 0), a), 0);
  v128.store(STATE, add(v128.load(STATE, 16), b), 16);
  v128.store(STATE, add(v128.load(STATE, 32), c), 32);
  v128.store(STATE, add(v128.load(STATE, 48), d), 48);
  v128.store(STATE, add(v128.load(STATE, 64), e), 64);
  v128.store(STATE, add(v128.load(STATE, 80), f), 80);
  v128.store(STATE, add(v128.load(STATE, 96), g), 96);
  v128.store(STATE, add(v128.load(STATE, 112), h), 112);
}

/** h + Sum1(e) + Ch(e, f, g) + K + W; what is known last is added last. */
@inline
function first(h: v128, e: v128, f: v128, g: v128, word: usize): v128 {
  const sum = xor3(rotate(e, 6), rotate(e, 11), rotate(e, 25));
  const choice = v128.xor(g, v128.and(e, v128.xor(f, g)));
  return add(sum, add(choice, add(h, add(v128.load(word), v128.load(word, 64 * 16)))));
}

/** Sum0(a) + Maj(a, b, c) from a ^ b and b ^ c. */
@inline
function second(a: v128, b: v128, ab: v128, bc: v128): v128 {
  const sum = xor3(rotate(a, 2), rotate(a, 13), rotate(a, 22));
  return add(sum, v128.xor(b, v128.and(ab, bc)));
}

/** Word i + 16 of the schedule from word i on. */
@inline
function extend(word: usize): void {
  const w1 = v128.load(word, 16), w14 = v128.load(word, 224);
  const s0 = xor3(rotate(w1, 7), rotate(w1, 18), i32x4.shr_u(w1, 3));
  const s1 = xor3(rotate(w14, 17), rotate(w14, 19), i32x4.shr_u(w14, 10));
  v128.store(word, add(add(v128.load(word, 0), s0), add(v128.load(word, 144), s1)), 256);
}

/** Four big-endian words of each lane, transposed. */
@inline
function loadWords(into: usize, block0: usize, block1: usize, block2: usize, block3: usize): void {
  const x0 = bigEndian(block0), x1 = bigEndian(block1), x2 = bigEndian(block2), x3 = bigEndian(block3);
  const low0 = v128.shuffle<u32>(x0, x1, 0, 4, 1, 5), low1 = v128.shuffle<u32>(x2, x3, 0, 4, 1, 5);
  const high0 = v128.shuffle<u32>(x0, x1, 2, 6, 3, 7), high1 = v128.shuffle<u32>(x2, x3, 2, 6, 3, 7);
  v128.store(into, v128.shuffle<u64>(low0, low1, 0, 2), 0);
  v128.store(into, v128.shuffle<u64>(low0, low1, 1, 3), 16);
  v128.store(into, v128.shuffle<u64>(high0, high1, 0, 2), 32);
  v128.store(into, v128.shuffle<u64>(high0, high1, 1, 3), 48);
}

/** By a table from memory: V8 makes five instructions of a shuffle that is known in advance. */
@inline
function bigEndian(words: usize): v128 {
  return i8x16.swizzle(v128.load(words), v128.load(SWAP));
}
