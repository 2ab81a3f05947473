/**
 * Keccak-256 as Ethereum uses it (rate 136, padding 0x01 .. 0x80) of many messages, two at a time: each of the
 * 25 words of the state is a vector of the two lanes' words. A lane that has finished takes the next message.
 */
import { OUTPUT, dataOf, lengthOf, padded } from "./messages";

const LANES: usize = 2;
const RATE: i32 = 136;

const ROUND_CONSTANTS = memory.data<u64>([
  0x0000000000000001, 0x0000000000008082, 0x800000000000808a, 0x8000000080008000,
  0x000000000000808b, 0x0000000080000001, 0x8000000080008081, 0x8000000000008009,
  0x000000000000008a, 0x0000000000000088, 0x0000000080008009, 0x000000008000000a,
  0x000000008000808b, 0x800000000000008b, 0x8000000000008089, 0x8000000000008003,
  0x8000000000008002, 0x8000000000000080, 0x000000000000800a, 0x800000008000000a,
  0x8000000080008081, 0x8000000000008080, 0x0000000080000001, 0x8000000080008008,
]);
/** 0x01 in every byte: the first byte of the padding. */
const PAD = memory.data<u64>([0x0101010101010101, 0x0101010101010101], 16);

/** The round constants in two lanes each. */
const CONSTANTS = memory.data(24 * 16, 16);
for (let i: usize = 0; i < 24; i++) v128.store(CONSTANTS + 16 * i, i64x2.splat(load<u64>(ROUND_CONSTANTS + 8 * i)));

const STATE = memory.data(25 * 16, 16);
/** Where every other round writes. */
const OTHER = memory.data(25 * 16, 16);

/** Per lane: its message, the position of its next block in it, and room for a block with padding. */
const MESSAGE = memory.data(4 * LANES, 16);
const POSITION = memory.data(4 * LANES, 16);
const BLOCK_ROOM: usize = 144;
const BLOCKS = memory.data(BLOCK_ROOM * LANES, 16);
/** What a lane without a message hashes. */
const IDLE: i32 = -1;

/** Messages 0 .. count - 1. */
export function keccak256(count: usize): void {
  let next: usize = 0;
  let busy: usize = 0;
  for (let lane: usize = 0; lane < LANES; lane++) {
    if (begin(lane, next, count)) busy++;
    next++;
  }
  while (busy > 0) {
    permute(block(0), block(1));
    for (let lane: usize = 0; lane < LANES; lane++) {
      const message = load<i32>(MESSAGE + 4 * lane);
      // The padding takes at least one byte.
      if (message == IDLE || load<i32>(POSITION + 4 * lane) <= lengthOf(message)) continue;
      for (let i: usize = 0; i < 4; i++) {
        store<u64>(OUTPUT + 32 * message + 8 * i, load<u64>(STATE + 16 * i + 8 * lane));
      }
      if (!begin(lane, next++, count)) busy--;
    }
  }
}

/** Gives the lane a new message, if there is one. */
function begin(lane: usize, message: usize, count: usize): bool {
  if (message >= count) {
    store<i32>(MESSAGE + 4 * lane, IDLE);
    return false;
  }
  store<i32>(MESSAGE + 4 * lane, message);
  store<i32>(POSITION + 4 * lane, 0);
  for (let i: usize = 0; i < 25; i++) store<u64>(STATE + 16 * i + 8 * lane, 0);
  return true;
}

/** The lane's next block: in place if it is whole, else a copy with padding. */
function block(lane: usize): usize {
  const message = load<i32>(MESSAGE + 4 * lane);
  if (message == IDLE) return BLOCKS;
  const position = load<i32>(POSITION + 4 * lane);
  store<i32>(POSITION + 4 * lane, position + RATE);
  const data = dataOf(message) + position;
  const left = lengthOf(message) - position;
  if (left >= RATE) return data;
  const into = BLOCKS + BLOCK_ROOM * lane;
  const pad = v128.load(PAD);
  for (let i: usize = 0; i < BLOCK_ROOM; i += 16) v128.store(into + i, padded(data, i, left, pad));
  store<u8>(into + RATE - 1, load<u8>(into + RATE - 1) | 0x80);
  return into;
}

@inline
function xor(a: v128, b: v128): v128 {
  return v128.xor(a, b);
}

@inline
function rotate(x: v128, bits: i32): v128 {
  return v128.or(i64x2.shl(x, bits), i64x2.shr_u(x, 64 - bits));
}

/** Word i of both lanes. */
@inline
function word(state: usize, i: usize): v128 {
  return v128.load(state + 16 * i);
}

/**
 * Absorbs a block of each lane, then permutes. Word (x, y) of FIPS 202 is number x + 5 * y. Words stay in
 * memory, where 25 vectors do not compete for 16 registers; only the parities of the columns, c0 to c4, are
 * carried from round to round, each taken while the words it sums are at hand.
 */
function permute(block0: usize, block1: usize): void {
  for (let i: usize = 0; i < 17; i++) {
    const words = v128.load64_lane(block1 + 8 * i, v128.load64_zero(block0 + 8 * i), 1);
    v128.store(STATE + 16 * i, xor(word(STATE, i), words));
  }
  let from = STATE;
  let into = OTHER;
  let c0 = column(0), c1 = column(1), c2 = column(2), c3 = column(3), c4 = column(4);
  for (let round: usize = 0; round < 24 * 16; round += 16) {
    const d0 = xor(c4, rotate(c1, 1)), d1 = xor(c0, rotate(c2, 1)), d2 = xor(c1, rotate(c3, 1));
    const d3 = xor(c2, rotate(c4, 1)), d4 = xor(c3, rotate(c0, 1));
    let b0 = xor(word(from, 0), d0), b1 = moved(from, 6, d1, 44), b2 = moved(from, 12, d2, 43);
    let b3 = moved(from, 18, d3, 21), b4 = moved(from, 24, d4, 14);
    c0 = put(into, 0, xor(chi(b0, b1, b2), v128.load(CONSTANTS + round))); c1 = put(into, 1, chi(b1, b2, b3));
    c2 = put(into, 2, chi(b2, b3, b4)); c3 = put(into, 3, chi(b3, b4, b0));
    c4 = put(into, 4, chi(b4, b0, b1));
    b0 = moved(from, 3, d3, 28); b1 = moved(from, 9, d4, 20); b2 = moved(from, 10, d0, 3);
    b3 = moved(from, 16, d1, 45); b4 = moved(from, 22, d2, 61);
    c0 = xor(c0, put(into, 5, chi(b0, b1, b2))); c1 = xor(c1, put(into, 6, chi(b1, b2, b3)));
    c2 = xor(c2, put(into, 7, chi(b2, b3, b4))); c3 = xor(c3, put(into, 8, chi(b3, b4, b0)));
    c4 = xor(c4, put(into, 9, chi(b4, b0, b1)));
    b0 = moved(from, 1, d1, 1); b1 = moved(from, 7, d2, 6); b2 = moved(from, 13, d3, 25);
    b3 = moved(from, 19, d4, 8); b4 = moved(from, 20, d0, 18);
    c0 = xor(c0, put(into, 10, chi(b0, b1, b2))); c1 = xor(c1, put(into, 11, chi(b1, b2, b3)));
    c2 = xor(c2, put(into, 12, chi(b2, b3, b4))); c3 = xor(c3, put(into, 13, chi(b3, b4, b0)));
    c4 = xor(c4, put(into, 14, chi(b4, b0, b1)));
    b0 = moved(from, 4, d4, 27); b1 = moved(from, 5, d0, 36); b2 = moved(from, 11, d1, 10);
    b3 = moved(from, 17, d2, 15); b4 = moved(from, 23, d3, 56);
    c0 = xor(c0, put(into, 15, chi(b0, b1, b2))); c1 = xor(c1, put(into, 16, chi(b1, b2, b3)));
    c2 = xor(c2, put(into, 17, chi(b2, b3, b4))); c3 = xor(c3, put(into, 18, chi(b3, b4, b0)));
    c4 = xor(c4, put(into, 19, chi(b4, b0, b1)));
    b0 = moved(from, 2, d2, 62); b1 = moved(from, 8, d3, 55); b2 = moved(from, 14, d4, 39);
    b3 = moved(from, 15, d0, 41); b4 = moved(from, 21, d1, 2);
    c0 = xor(c0, put(into, 20, chi(b0, b1, b2))); c1 = xor(c1, put(into, 21, chi(b1, b2, b3)));
    c2 = xor(c2, put(into, 22, chi(b2, b3, b4))); c3 = xor(c3, put(into, 23, chi(b3, b4, b0)));
    c4 = xor(c4, put(into, 24, chi(b4, b0, b1)));
    const swap = from;
    from = into;
    into = swap;
  }
}

/** Theta's parity of column x. */
@inline
function column(x: usize): v128 {
  const upper = xor(xor(word(STATE, x), word(STATE, x + 5)), xor(word(STATE, x + 10), word(STATE, x + 15)));
  return xor(upper, word(STATE, x + 20));
}

/** Word i after theta and rho. */
@inline
function moved(state: usize, i: usize, d: v128, bits: i32): v128 {
  return rotate(xor(word(state, i), d), bits);
}

/** a ^ (~b & c). */
@inline
function chi(a: v128, b: v128, c: v128): v128 {
  return xor(a, v128.andnot(c, b));
}

@inline
function put(state: usize, i: usize, value: v128): v128 {
  v128.store(state + 16 * i, value);
  return value;
}
