/** Hexadecimal of either case, 32 digits at a time. */

const STEP: usize = 32;

/**
 * Writes the bytes of the digits at `from`, at most `bytesMax` of them, and up to 16 bytes of anything behind.
 * @returns digits up to the first character that is none; more than 2 * bytesMax if there are more
 */
export function decode(from: usize, to: usize, bytesMax: usize): usize {
  let digits: usize = 0;
  while (digits <= 2 * bytesMax) {
    const first = v128.load(from + digits);
    const second = v128.load(from + digits, 16);
    v128.store(to + digits / 2, i8x16.narrow_i16x8_u(bytes(first), bytes(second)));
    const others = ~(i8x16.bitmask(areDigits(first)) | (i8x16.bitmask(areDigits(second)) << 16));
    if (others != 0) return digits + ctz(others);
    digits += STEP;
  }
  return digits;
}

@inline
function areDigits(characters: v128): v128 {
  const decimal = i8x16.lt_u(i8x16.sub(characters, i8x16.splat(0x30)), i8x16.splat(10));
  const lowerCase = v128.or(characters, i8x16.splat(0x20));
  return v128.or(decimal, i8x16.lt_u(i8x16.sub(lowerCase, i8x16.splat(0x61)), i8x16.splat(6)));
}

/** Eight bytes, in the lower halves of words. */
@inline
function bytes(characters: v128): v128 {
  // Letters, whose second highest bits are set, stand for 9 more than their lowest four bits.
  const letters = v128.and(i8x16.shr_u(characters, 6), i8x16.splat(1));
  const nines = i8x16.add(i8x16.shl(letters, 3), letters);
  const values = i8x16.add(v128.and(characters, i8x16.splat(15)), nines);
  const pairs = v128.or(i16x8.shl(values, 4), i16x8.shr_u(values, 8));
  return v128.and(pairs, i16x8.splat(0xff));
}
