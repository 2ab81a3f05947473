/**
 * A transaction, type 'S', as strict as src/sequencing/transaction.ts, from its payload to its place in the columns.
 */
import { BROKEN, content, item, LIST, STRING } from "../rlp";
import {
  ADDRESS_BYTES,
  DATA,
  DATA_OFFSETS,
  EXPIRES,
  NONCES,
  offset,
  SENDERS,
  setOffset,
  SIGNATURE_BYTES,
  SIGNATURES,
} from "./columns";

const TRANSACTION: u8 = 0x53;
/** DATA_BYTES_MAX of src/base/limits.ts. */
const DATA_BYTES_MAX: usize = 65400;
const SCALAR_BYTES: usize = 32;
const SAFE_INTEGER_MAX: u64 = (1 << 53) - 1;

/** The last integer that was read. */
let value: u64 = 0;

/** False if the payload, which may be empty, is not the canonical form of a transaction. */
export function readTransaction(payload: usize, end: usize, place: usize): bool {
  if (payload == end || load<u8>(payload) != TRANSACTION) return false;
  if (item(payload + 1, LIST, end) != end) return false;
  const nonce = item(content, STRING, end);
  if (nonce - content != ADDRESS_BYTES) return false;
  memory.copy(SENDERS + ADDRESS_BYTES * place, content, ADDRESS_BYTES);
  const expires = integer(nonce, 8, end);
  store<u64>(NONCES + 8 * place, bswap(value));
  const data = integer(expires, 7, end);
  if (value > SAFE_INTEGER_MAX) return false;
  store<u64>(EXPIRES + 8 * place, bswap(value));
  const signature = item(data, STRING, end);
  if (signature == BROKEN || signature - content > DATA_BYTES_MAX) return false;
  // Fits: the entries do, and this is a part of them.
  const at = offset(DATA_OFFSETS, place);
  memory.copy(DATA + at, content, signature - content);
  setOffset(DATA_OFFSETS, place + 1, at + signature - content);
  return readSignature(signature, SIGNATURES + SIGNATURE_BYTES * place, end) == end;
}

/** yParity, r and s, of any value that fits. */
function readSignature(at: usize, to: usize, end: usize): usize {
  const r = integer(at, 1, end);
  store<u8>(to, <u8>value, 2 * SCALAR_BYTES);
  return scalar(scalar(r, to, end), to + SCALAR_BYTES, end);
}

/** Where an integer of at most so many bytes, up to eight, ends. */
function integer(at: usize, bytesMax: usize, end: usize): usize {
  const next = minimal(at, bytesMax, end);
  value = 0;
  if (next == BROKEN) return BROKEN;
  for (let byte = content; byte < next; byte++) value = (value << 8) | load<u8>(byte);
  return next;
}

/** Where an integer of up to 32 bytes ends, which are written with zeros before them. */
function scalar(at: usize, to: usize, end: usize): usize {
  const next = minimal(at, SCALAR_BYTES, end);
  if (next == BROKEN) return BROKEN;
  v128.store(to, i64x2.splat(0));
  v128.store(to, i64x2.splat(0), 16);
  memory.copy(to + SCALAR_BYTES - (next - content), content, next - content);
  return next;
}

/** Where an item ends that is an integer of at most so many bytes, without zeros before it. */
function minimal(at: usize, bytesMax: usize, end: usize): usize {
  const next = item(at, STRING, end);
  if (next == BROKEN || next - content > bytesMax) return BROKEN;
  return next > content && load<u8>(content) == 0 ? BROKEN : next;
}
