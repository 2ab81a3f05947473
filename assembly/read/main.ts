/**
 * A request of appends, from JSON to columns of transactions, src/rpc/append-columns.ts. Of the shapes of requests this
 * knows those that most have. It accepts nothing that the host would not, and what it accepts means the same there;
 * of the rest it says nothing but that it is not one of these.
 */
import { BROKEN } from "../rlp";
import { COMMA, readCall } from "./call";
import { BODY, BODY_BYTES, TRANSACTIONS_MAX } from "./columns";

export {
  BODY,
  BODY_BYTES,
  DATA,
  DATA_OFFSETS,
  ENTRIES,
  ENTRY_OFFSETS,
  EXPIRES,
  LINE_OFFSETS,
  LINES,
  NONCES,
  SENDERS,
  SIGNATURES,
  TRANSACTIONS_MAX,
} from "./columns";

/** REQUEST_CALLS_MAX of src/base/limits.ts. */
const CALLS_MAX: usize = 1000;

const OPENING_BRACKET: u8 = 0x5b;
const CLOSING_BRACKET: u8 = 0x5d;

/**
 * Reads the body, so many bytes long. Its transactions go to the places from `first` on, whatever is there.
 * @returns how many they are; 0 if the request has another shape, or too little room
 */
export function read(bodyBytes: usize, first: usize): usize {
  if (bodyBytes > BODY_BYTES || first > TRANSACTIONS_MAX) return 0;
  const end = BODY + bodyBytes;
  v128.store(end, i64x2.splat(0));
  v128.store(end, i64x2.splat(0), 16);
  const most = min(first + CALLS_MAX, TRANSACTIONS_MAX);
  if (load<u8>(BODY) == OPENING_BRACKET) return readBatch(BODY + 1, end, first, most);
  return first < most && readCall(BODY, first) == end ? 1 : 0;
}

/** How many calls a batch has, from behind its bracket. */
function readBatch(at: usize, end: usize, first: usize, most: usize): usize {
  for (let place = first; place < most; place++) {
    at = readCall(at, place);
    if (at == BROKEN) return 0;
    if (load<u8>(at) != COMMA) {
      return load<u8>(at) == CLOSING_BRACKET && at + 1 == end ? place + 1 - first : 0;
    }
    at += 1;
  }
  return 0;
}
