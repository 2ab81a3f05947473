/** Recursive Length Prefix, as strict as src/base/rlp.ts, for lengths below 65,536. */

/** The kinds of items, by the first byte of an empty one. */
export const STRING: usize = 0x80;
export const LIST: usize = 0xc0;
/** Beyond every end: what follows a broken item is broken. */
export const BROKEN: usize = usize.MAX_VALUE;

const SHORT_MAX: usize = 55;

/** Where the content of the last item begins. */
export let content: usize = 0;

/** Where the item at `at` ends; BROKEN unless it is of this kind, has its shortest form and ends by `end`. */
export function item(at: usize, kind: usize, end: usize): usize {
  if (at >= end) return BROKEN;
  const first: usize = load<u8>(at);
  content = at;
  if (kind == STRING && first < STRING) return at + 1;
  content += 1;
  // Wraps around, and is too large, for what is below its kind; strings that are lists have lengths too large as well.
  let length = first - kind;
  if (length > SHORT_MAX) {
    const lengthBytes = length - SHORT_MAX;
    if (lengthBytes > 2) return BROKEN;
    length = lengthBytes == 1 ? load<u8>(content) : bswap(load<u16>(content));
    if (length <= SHORT_MAX || (lengthBytes == 2 && length < 256)) return BROKEN;
    content += lengthBytes;
  } else if (kind == STRING && length == 1 && load<u8>(content) < STRING) {
    return BROKEN;
  }
  return content + length <= end ? content + length : BROKEN;
}
