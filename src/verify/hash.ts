/**
 * Hashes of many messages at once, in SIMD lanes: keccak-256 and SHA-256, and the leaves and nodes of an
 * RFC 6962 tree. Messages lie end to end in one array; offsets[i] to offsets[i + 1] is message i. Digests of
 * 32 bytes lie end to end in the result, which is the caller's.
 * Where the lanes cannot be used, and for a message larger than their window, @noble/hashes does the same.
 */
import { sha256 as nobleSha256 } from "@noble/hashes/sha2.js";
import { keccak_256 as nobleKeccak256 } from "@noble/hashes/sha3.js";
import { concatBytes } from "../base/bytes.ts";
import { type Algorithm, type Lanes, lanes, type Prefix } from "./hash-lanes.ts";

const DIGEST_BYTES = 32;
const PAIR_BYTES = 64;
const NO_PREFIX = -1;
const LEAF_PREFIX = 0x00;
const NODE_PREFIX = 0x01;

/** keccak-256 of each message. */
export function keccak256Batch(data: Uint8Array, offsets: Uint32Array): Uint8Array {
  return hashMessages("keccak256", data, offsets, NO_PREFIX);
}

/** SHA-256 of each message. */
export function sha256Batch(data: Uint8Array, offsets: Uint32Array): Uint8Array {
  return hashMessages("sha256", data, offsets, NO_PREFIX);
}

/** RFC 6962 leaf hashes: SHA-256(0x00 || entry) of each entry. */
export function hashLeaves(entries: Uint8Array, offsets: Uint32Array): Uint8Array {
  return hashMessages("sha256", entries, offsets, LEAF_PREFIX);
}

/** RFC 6962 node hashes: SHA-256(0x01 || left || right) of each pair of 64 bytes. */
export function hashPairs(pairs: Uint8Array): Uint8Array {
  if (pairs.length % PAIR_BYTES !== 0) throw new RangeError("pairs are of 64 bytes each");
  const count = pairs.length / PAIR_BYTES;
  const window = lanes();
  if (window === undefined) {
    const offsets = Uint32Array.from({ length: count + 1 }, (_, i) => i * PAIR_BYTES);
    return hashMessages("sha256", pairs, offsets, NODE_PREFIX);
  }
  const digests = new Uint8Array(count * DIGEST_BYTES);
  const most = Math.min(window.messagesMax, Math.floor(window.dataBytes / PAIR_BYTES));
  for (let first = 0; first < count; first += most) {
    const part = Math.min(most, count - first);
    window.data.set(pairs.subarray(first * PAIR_BYTES, (first + part) * PAIR_BYTES));
    window.spread(part, PAIR_BYTES);
    digests.set(window.hash("sha256", part, NODE_PREFIX), first * DIGEST_BYTES);
  }
  return digests;
}

/** keccak-256 of one message. */
export function keccak256(message: Uint8Array): Uint8Array {
  return hashMessages("keccak256", message, Uint32Array.of(0, message.length), NO_PREFIX);
}

/** "simd", or "javascript" where the lanes cannot be used. */
export function hashVariant(): "simd" | "javascript" {
  return lanes() === undefined ? "javascript" : "simd";
}

function hashMessages(
  algorithm: Algorithm,
  data: Uint8Array,
  offsets: Uint32Array,
  prefix: Prefix,
): Uint8Array {
  checkOffsets(data, offsets);
  const count = offsets.length - 1;
  const digests = new Uint8Array(count * DIGEST_BYTES);
  const window = lanes();
  for (let first = 0; first < count; ) {
    const fitting = window === undefined ? 0 : fill(window, data, offsets, first);
    if (fitting === 0) {
      const message = data.subarray(offsets[first], offsets[first + 1]);
      digests.set(hashOne(algorithm, message, prefix), first * DIGEST_BYTES);
      first += 1;
    } else {
      digests.set(window!.hash(algorithm, fitting, prefix), first * DIGEST_BYTES);
      first += fitting;
    }
  }
  return digests;
}

function checkOffsets(data: Uint8Array, offsets: Uint32Array): void {
  if (offsets.length === 0) throw new RangeError("offsets have one more element than there are messages");
  // By index: an iterator takes four times as long.
  for (let i = 1; i < offsets.length; i++) {
    if (offsets[i]! < offsets[i - 1]!) throw new RangeError("offsets never decrease");
  }
  if (offsets.at(-1)! > data.length) throw new RangeError("a message ends after the data");
}

/** Copies as many messages from `first` on as fit into the window; returns how many. */
function fill(window: Lanes, data: Uint8Array, offsets: Uint32Array, first: number): number {
  const base = offsets[first]!;
  const most = Math.min(window.messagesMax, offsets.length - 1 - first);
  let count = 0;
  while (count < most && offsets[first + count + 1]! - base <= window.dataBytes) {
    count += 1;
    window.offsets[count] = offsets[first + count]! - base;
  }
  window.offsets[0] = 0;
  window.data.set(data.subarray(base, offsets[first + count]));
  return count;
}

function hashOne(algorithm: Algorithm, message: Uint8Array, prefix: Prefix): Uint8Array {
  if (algorithm === "keccak256") return nobleKeccak256(message);
  return nobleSha256(prefix === NO_PREFIX ? message : concatBytes(Uint8Array.of(prefix), message));
}
