/**
 * Characters of ASCII, written as vectors, which touch up to 30 bytes behind them. Each function returns where they end.
 */

const DIGITS = i8x16(48, 49, 50, 51, 52, 53, 54, 55, 56, 57, 97, 98, 99, 100, 101, 102);

/** Decimal digits of a number below 2^53, at most, and as many bytes again, which are read with them. */
const DECIMALS_MAX: usize = 16;
const DECIMALS = memory.data(2 * DECIMALS_MAX);

/** A constant. */
@inline
export function put(text: string, to: usize): usize {
  const from = changetype<usize>(text);
  const length = <usize>text.length;
  for (let i: usize = 0; i < length; i += 8) {
    const characters = v128.load(from + 2 * i);
    v128.store_lane<u64>(to + i, i8x16.narrow_i16x8_u(characters, characters), 0);
  }
  return to + length;
}

/** A number below 2^53. */
export function decimal(value: u64, to: usize): usize {
  const end = DECIMALS + DECIMALS_MAX;
  let first = end;
  do {
    store<u8>(--first, 48 + (value % 10));
    value /= 10;
  } while (value > 0);
  v128.store(to, v128.load(first));
  return to + (end - first);
}

/** Two lower-case digits for each byte. */
export function hexadecimal(from: usize, length: usize, to: usize): usize {
  const low = i8x16.splat(15);
  for (let i: usize = 0; i < length; i += 16) {
    const bytes = v128.load(from + i);
    const highs = i8x16.swizzle(DIGITS, v128.and(i16x8.shr_u(bytes, 4), low));
    const lows = i8x16.swizzle(DIGITS, v128.and(bytes, low));
    const at = to + 2 * i;
    v128.store(at, i8x16.shuffle(highs, lows, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23));
    v128.store(at, i8x16.shuffle(highs, lows, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31), 16);
  }
  return to + 2 * length;
}
