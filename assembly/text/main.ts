/**
 * Packed transactions as the JSON of sequencer_read, SPEC section 5. INPUT holds `u16be length || entry` end to end,
 * IDS the 32 bytes of each id; the text goes to OUTPUT. Of the shapes of entries this knows one, which most have.
 */
import { decimal, hexadecimal, put } from "./characters";
import { BROKEN, content, item, LIST, STRING } from "../rlp";

/** Entries of one call, and their bytes, at most: the largest entry fits. */
export const ENTRIES_MAX: usize = 64;
export const INPUT_BYTES: usize = 2 + 65535;

const ID_BYTES: usize = 32;
const ADDRESS_BYTES: usize = 20;
/** All of an entry's text but the digits of its payload, and of its data, which is a part of that. */
const FRAME_BYTES: usize = 256;
/** Vectors are read and written as a whole: up to 32 bytes more are touched. */
const SLACK: usize = 32;
export const INPUT = memory.data(INPUT_BYTES + SLACK, 16);
export const IDS = memory.data(ID_BYTES * ENTRIES_MAX, 16);
export const OUTPUT = memory.data(4 * INPUT_BYTES + FRAME_BYTES * ENTRIES_MAX + SLACK, 16);

const TRANSACTION: u8 = 0x53;
const INTEGER_MAX: u64 = (1 << 53) - 1;

/** Bytes of text from the last call. */
export let outputBytes: usize = 0;

/**
 * Writes up to `count` entries, the first with this sequence number, each with a comma before it.
 * @returns how many: none from the first on that is not the strict encoding of a transaction
 */
export function write(count: usize, sequence: f64): usize {
  let start = INPUT;
  let to = OUTPUT;
  let done: usize = 0;
  for (; done < count; done++) {
    const end = start + 2 + bswap(load<u16>(start));
    const next = writeOne(start + 2, end, u64(sequence) + done, IDS + ID_BYTES * done, to);
    if (next == 0) break;
    to = next;
    start = end;
  }
  outputBytes = to - OUTPUT;
  return done;
}

/** Where the text ends; 0 if it cannot be written. */
function writeOne(start: usize, end: usize, sequence: u64, id: usize, at: usize): usize {
  const timestamp = bswap(load<u64>(start));
  const payload = start + 8;
  if (timestamp > INTEGER_MAX || load<u8>(payload) != TRANSACTION) return 0;
  if (item(payload + 1, LIST, end) != end) return 0;
  const nonce = item(content, STRING, end);
  const from = content;
  if (nonce - from != ADDRESS_BYTES) return 0;
  const expires = item(nonce, STRING, end);
  const dataEnd = item(item(expires, STRING, end), STRING, end);
  if (dataEnd == BROKEN) return 0;
  const data = content;
  let to = decimal(sequence, put(',{"sequence":', at));
  to = decimal(timestamp, put(',"timestamp":', to));
  to = hexadecimal(id, ID_BYTES, put(',"id":"0x', to));
  to = hexadecimal(from, ADDRESS_BYTES, put('","type":"transaction","from":"0x', to));
  to = hexadecimal(data, dataEnd - data, put('","data":"0x', to));
  to = hexadecimal(payload, end - payload, put('","payload":"0x', to));
  return put('"}', to);
}
