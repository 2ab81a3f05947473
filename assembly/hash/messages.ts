/**
 * The messages of a batch and the memory they share with the host: DATA holds them end to end, OFFSETS where
 * each begins and, one more, where the last ends. Digests of 32 bytes go to OUTPUT in the same order.
 */

/** Bytes and messages of one call, at most. */
export const DATA_BYTES: usize = 262144;
export const MESSAGES_MAX: usize = 4096;

/** Blocks are read as whole vectors: a few bytes before the first message and after the last are touched. */
const SLACK: usize = 256;
const AREA = memory.data(SLACK + DATA_BYTES + SLACK, 16);
export const DATA: usize = AREA + SLACK;
export const OFFSETS = memory.data(4 * (MESSAGES_MAX + 1), 16);
export const OUTPUT = memory.data(32 * MESSAGES_MAX, 16);

/** OFFSETS of `count` messages of equal length. */
export function spread(count: usize, length: usize): void {
  for (let i: usize = 0; i <= count; i++) store<u32>(OFFSETS + 4 * i, i * length);
}

@inline
export function dataOf(message: usize): usize {
  return DATA + load<u32>(OFFSETS + 4 * message);
}

@inline
export function lengthOf(message: usize): i32 {
  return load<u32>(OFFSETS + 4 * message, 4) - load<u32>(OFFSETS + 4 * message);
}

/** 160 bytes of ones, 160 of zeros: from BYTES + 160 - k on, a mask of the first k bytes. */
const MASK_BYTES: usize = 160;
const MASKS = memory.data(2 * MASK_BYTES, 16);
/** 160 zeros, a one and 159 zeros: from PADS + 160 - k on, a one at byte k. */
const PADS = memory.data(2 * MASK_BYTES, 16);
memory.fill(MASKS, 0xff, MASK_BYTES);
store<u8>(PADS + MASK_BYTES, 0xff);

/** The first `left` bytes of the sixteen at `data` + `offset` within a block, and `pad` right behind them. */
@inline
export function padded(data: usize, offset: usize, left: i32, pad: v128): v128 {
  const bytes = v128.and(v128.load(data + offset), v128.load(MASKS + MASK_BYTES + offset - left));
  return v128.or(bytes, v128.and(v128.load(PADS + MASK_BYTES + offset - left), pad));
}
