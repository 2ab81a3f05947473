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
function xor5(a: v128, b: v128, c: v128, d: v128, e: v128): v128 {
  return xor(xor(xor(a, b), xor(c, d)), e);
}

@inline
function rotate(x: v128, bits: i32): v128 {
  return v128.or(i64x2.shl(x, bits), i64x2.shr_u(x, 64 - bits));
}

/** a ^ (~b & c). */
@inline
function chi(a: v128, b: v128, c: v128): v128 {
  return v128.xor(a, v128.andnot(c, b));
}

/** Word i of both lanes after the lanes' blocks went in. */
@inline
function absorbed(i: usize, block0: usize, block1: usize): v128 {
  return xor(v128.load(STATE + 16 * i), v128.load64_lane(block1 + 8 * i, v128.load64_zero(block0 + 8 * i), 1));
}

/** Absorbs a block of each lane and permutes. Words are named s<x><y>, b<x><y>, as in FIPS 202. */
function permute(block0: usize, block1: usize): void {
  let s00 = absorbed(0, block0, block1), s10 = absorbed(1, block0, block1), s20 = absorbed(2, block0, block1);
  let s30 = absorbed(3, block0, block1), s40 = absorbed(4, block0, block1);
  let s01 = absorbed(5, block0, block1), s11 = absorbed(6, block0, block1), s21 = absorbed(7, block0, block1);
  let s31 = absorbed(8, block0, block1), s41 = absorbed(9, block0, block1);
  let s02 = absorbed(10, block0, block1), s12 = absorbed(11, block0, block1), s22 = absorbed(12, block0, block1);
  let s32 = absorbed(13, block0, block1), s42 = absorbed(14, block0, block1);
  let s03 = absorbed(15, block0, block1), s13 = absorbed(16, block0, block1), s23 = v128.load(STATE, 272);
  let s33 = v128.load(STATE, 288), s43 = v128.load(STATE, 304);
  let s04 = v128.load(STATE, 320), s14 = v128.load(STATE, 336), s24 = v128.load(STATE, 352);
  let s34 = v128.load(STATE, 368), s44 = v128.load(STATE, 384);
  for (let round: usize = 0; round < 16 * 24; round += 16) {
    const c0 = xor5(s00, s01, s02, s03, s04);
    const c1 = xor5(s10, s11, s12, s13, s14);
    const c2 = xor5(s20, s21, s22, s23, s24);
    const c3 = xor5(s30, s31, s32, s33, s34);
    const c4 = xor5(s40, s41, s42, s43, s44);
    const d0 = xor(c4, rotate(c1, 1));
    const d1 = xor(c0, rotate(c2, 1));
    const d2 = xor(c1, rotate(c3, 1));
    const d3 = xor(c2, rotate(c4, 1));
    const d4 = xor(c3, rotate(c0, 1));
    const b00 = xor(s00, d0), b10 = rotate(xor(s11, d1), 44), b20 = rotate(xor(s22, d2), 43);
    const b30 = rotate(xor(s33, d3), 21), b40 = rotate(xor(s44, d4), 14);
    const b01 = rotate(xor(s30, d3), 28), b11 = rotate(xor(s41, d4), 20), b21 = rotate(xor(s02, d0), 3);
    const b31 = rotate(xor(s13, d1), 45), b41 = rotate(xor(s24, d2), 61);
    const b02 = rotate(xor(s10, d1), 1), b12 = rotate(xor(s21, d2), 6), b22 = rotate(xor(s32, d3), 25);
    const b32 = rotate(xor(s43, d4), 8), b42 = rotate(xor(s04, d0), 18);
    const b03 = rotate(xor(s40, d4), 27), b13 = rotate(xor(s01, d0), 36), b23 = rotate(xor(s12, d1), 10);
    const b33 = rotate(xor(s23, d2), 15), b43 = rotate(xor(s34, d3), 56);
    const b04 = rotate(xor(s20, d2), 62), b14 = rotate(xor(s31, d3), 55), b24 = rotate(xor(s42, d4), 39);
    const b34 = rotate(xor(s03, d0), 41), b44 = rotate(xor(s14, d1), 2);
    s00 = xor(chi(b00, b10, b20), v128.load(CONSTANTS + round)); s10 = chi(b10, b20, b30);
    s20 = chi(b20, b30, b40); s30 = chi(b30, b40, b00);
    s40 = chi(b40, b00, b10);
    s01 = chi(b01, b11, b21); s11 = chi(b11, b21, b31);
    s21 = chi(b21, b31, b41); s31 = chi(b31, b41, b01);
    s41 = chi(b41, b01, b11);
    s02 = chi(b02, b12, b22); s12 = chi(b12, b22, b32);
    s22 = chi(b22, b32, b42); s32 = chi(b32, b42, b02);
    s42 = chi(b42, b02, b12);
    s03 = chi(b03, b13, b23); s13 = chi(b13, b23, b33);
    s23 = chi(b23, b33, b43); s33 = chi(b33, b43, b03);
    s43 = chi(b43, b03, b13);
    s04 = chi(b04, b14, b24); s14 = chi(b14, b24, b34);
    s24 = chi(b24, b34, b44); s34 = chi(b34, b44, b04);
    s44 = chi(b44, b04, b14);
  }
  v128.store(STATE, s00, 0);
  v128.store(STATE, s10, 16);
  v128.store(STATE, s20, 32);
  v128.store(STATE, s30, 48);
  v128.store(STATE, s40, 64);
  v128.store(STATE, s01, 80);
  v128.store(STATE, s11, 96);
  v128.store(STATE, s21, 112);
  v128.store(STATE, s31, 128);
  v128.store(STATE, s41, 144);
  v128.store(STATE, s02, 160);
  v128.store(STATE, s12, 176);
  v128.store(STATE, s22, 192);
  v128.store(STATE, s32, 208);
  v128.store(STATE, s42, 224);
  v128.store(STATE, s03, 240);
  v128.store(STATE, s13, 256);
  v128.store(STATE, s23, 272);
  v128.store(STATE, s33, 288);
  v128.store(STATE, s43, 304);
  v128.store(STATE, s04, 320);
  v128.store(STATE, s14, 336);
  v128.store(STATE, s24, 352);
  v128.store(STATE, s34, 368);
  v128.store(STATE, s44, 384);
}
