/**
 * A call of sequencer_append as most clients write it: JSON without spaces, the four members in any order, the
 * transaction as the only parameter. The text ends with a zero, which none of this passes, for nothing here has a zero
 * in it: whatever the body is, what is read lies before it, or is part of one vector.
 */
import { BROKEN } from "../rlp";
import {
  ENTRIES,
  ENTRIES_BYTES,
  ENTRY_OFFSETS,
  ID_BYTES_MAX,
  LINE_OFFSETS,
  LINES,
  offset,
  setOffset,
} from "./columns";
import { decode } from "./hex";
import { readTransaction } from "./transaction";

export const COMMA: u8 = 0x2c;
const OPENING_BRACE: u8 = 0x7b;
const CLOSING_BRACE: u8 = 0x7d;
const QUOTE: u8 = 0x22;
const BACKSLASH: u8 = 0x5c;
const SPACE: u8 = 0x20;
const DELETE: u8 = 0x7f;
const ZERO: u8 = 0x30;
const LINE_FEED: u8 = 0x0a;
/** `"]`, in the order of memory. */
const PARAMS_END: u16 = 0x5d22;

/** All integers of so many digits are exact in JavaScript, and are written as they are read. */
const ID_DIGITS_MAX: usize = 15;

const TIMESTAMP_BYTES: usize = 8;
const HEADER_BYTES: usize = 2 + TIMESTAMP_BYTES;
/** ENTRY_BYTES_MAX of src/base/limits.ts, less the timestamp. */
const PAYLOAD_BYTES_MAX: usize = 65535 - TIMESTAMP_BYTES;

const VERSION = '"jsonrpc":"2.0"';
const ID = '"id":';
const METHOD = '"method":"sequencer_append"';
const PARAMS = '"params":["0x';

const ALL_MEMBERS: u32 = 15;

/** Where the call at `at` ends, its transaction in its place; BROKEN if it is anything else. */
export function readCall(at: usize, place: usize): usize {
  if (load<u8>(at) != OPENING_BRACE) return BROKEN;
  let members: u32 = 0;
  do {
    at += 1;
    let member: u32;
    if (begins(at, PARAMS)) {
      member = 1;
      at = readParams(at + PARAMS.length, place);
    } else if (begins(at, ID)) {
      member = 2;
      at = readId(at + ID.length, place);
    } else if (begins(at, METHOD)) {
      member = 4;
      at += METHOD.length;
    } else if (begins(at, VERSION)) {
      member = 8;
      at += VERSION.length;
    } else {
      return BROKEN;
    }
    if (at == BROKEN || (members & member) != 0) return BROKEN;
    members |= member;
  } while (load<u8>(at) == COMMA);
  return members == ALL_MEMBERS && load<u8>(at) == CLOSING_BRACE ? at + 1 : BROKEN;
}

/** Whether this constant stands there. */
@inline
function begins(at: usize, text: string): bool {
  const from = changetype<usize>(text);
  const length = <usize>text.length;
  for (let i: usize = 0; i < length; i += 8) {
    const characters = v128.load(from + 2 * i);
    const expected = i64x2.extract_lane(i8x16.narrow_i16x8_u(characters, characters), 0);
    const others = load<i64>(at + i) ^ expected;
    const left = length - i;
    if ((left < 8 ? others << (64 - 8 * left) : others) != 0) return false;
  }
  return true;
}

/** A string without escapes, or an integer; the text of it becomes a line. */
function readId(at: usize, place: usize): usize {
  let end = at;
  if (load<u8>(at) == QUOTE) {
    do end += 1;
    while (isPlain(load<u8>(end)));
    if (load<u8>(end) != QUOTE) return BROKEN;
    end += 1;
    if (end - at > ID_BYTES_MAX) return BROKEN;
  } else {
    while (load<u8>(end) - ZERO < 10) end += 1;
    if (end == at || end - at > ID_DIGITS_MAX) return BROKEN;
    if (load<u8>(at) == ZERO && end - at > 1) return BROKEN;
  }
  const line = offset(LINE_OFFSETS, place);
  const length = end - at;
  memory.copy(LINES + line, at, length);
  store<u8>(LINES + line + length, LINE_FEED);
  setOffset(LINE_OFFSETS, place + 1, line + length + 1);
  return end;
}

@inline
function isPlain(character: u8): bool {
  return character >= SPACE && character < DELETE && character != QUOTE && character != BACKSLASH;
}

/** The digits of a transaction, which becomes an entry, and what ends the parameters. */
function readParams(at: usize, place: usize): usize {
  const start = offset(ENTRY_OFFSETS, place);
  if (start + HEADER_BYTES > ENTRIES_BYTES) return BROKEN;
  const payload = ENTRIES + start + HEADER_BYTES;
  const bytesMax = min(PAYLOAD_BYTES_MAX, ENTRIES_BYTES - start - HEADER_BYTES);
  const digits = decode(at, payload, bytesMax);
  const length = digits / 2;
  if (digits % 2 != 0 || length > bytesMax) return BROKEN;
  if (load<u16>(at + digits) != PARAMS_END || !readTransaction(payload, payload + length, place)) return BROKEN;
  store<u16>(payload - HEADER_BYTES, bswap(<u16>(TIMESTAMP_BYTES + length)));
  store<u64>(payload - TIMESTAMP_BYTES, 0);
  setOffset(ENTRY_OFFSETS, place + 1, start + HEADER_BYTES + length);
  return at + digits + 2;
}
