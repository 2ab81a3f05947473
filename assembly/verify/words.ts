/**
 * 256-bit numbers as four 64-bit words, least significant first: the form in which scalars, field elements
 * and the bytes of a signature meet.
 */

/** Bytes of one number. */
export const WORDS: usize = 32;

/** Thirty-two big-endian bytes, at any alignment. */
@inline
export function loadBigEndian(into: usize, bytes: usize): void {
  store<u64>(into, bswap(load<u64>(bytes, 24)), 0);
  store<u64>(into, bswap(load<u64>(bytes, 16)), 8);
  store<u64>(into, bswap(load<u64>(bytes, 8)), 16);
  store<u64>(into, bswap(load<u64>(bytes, 0)), 24);
}

@inline
export function isZero(words: usize): bool {
  return (load<u64>(words, 0) | load<u64>(words, 8) | load<u64>(words, 16) | load<u64>(words, 24)) == 0;
}

@inline
export function isOne(words: usize): bool {
  return ((load<u64>(words, 0) ^ 1) | load<u64>(words, 8) | load<u64>(words, 16) | load<u64>(words, 24)) == 0;
}

@inline
export function isEqual(a: usize, b: usize): bool {
  return (
    ((load<u64>(a, 0) ^ load<u64>(b, 0)) |
      (load<u64>(a, 8) ^ load<u64>(b, 8)) |
      (load<u64>(a, 16) ^ load<u64>(b, 16)) |
      (load<u64>(a, 24) ^ load<u64>(b, 24))) ==
    0
  );
}

export function isLess(a: usize, b: usize): bool {
  for (let i: isize = 24; i >= 0; i -= 8) {
    const x = load<u64>(a + i);
    const y = load<u64>(b + i);
    if (x != y) return x < y;
  }
  return false;
}

/** words += small, modulo 2^256; returns the carry out of the top. */
export function addSmall(words: usize, small: u64): u64 {
  let carry = small;
  for (let i: usize = 0; i < WORDS; i += 8) {
    const sum = load<u64>(words + i) + carry;
    carry = u64(sum < carry);
    store<u64>(words + i, sum);
  }
  return carry;
}

/** words -= small, modulo 2^256. */
export function subtractSmall(words: usize, small: u64): void {
  let borrow = small;
  for (let i: usize = 0; i < WORDS; i += 8) {
    const word = load<u64>(words + i);
    store<u64>(words + i, word - borrow);
    borrow = u64(word < borrow);
  }
}
