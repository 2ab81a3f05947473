/**
 * An entry of the log: `u64be timestampMs || payload`, SPEC section 1. The payload's first byte is its type.
 */
import { assert } from "../base/assert.ts";
import { readU64be, writeU64be } from "../base/bytes.ts";
import { ENTRY_BYTES_MAX } from "../base/limits.ts";

export const TIMESTAMP_BYTES = 8;

export const PAYLOAD_TYPES = {
  genesis: 0x47,
  transaction: 0x53,
  permissionChange: 0x50,
} as const;

const NAMES: Readonly<Record<number, string>> = {
  [PAYLOAD_TYPES.genesis]: "genesis",
  [PAYLOAD_TYPES.transaction]: "transaction",
  [PAYLOAD_TYPES.permissionChange]: "permission",
};

/** The name of the type of the payload that begins at `offset`, or `unknown`. */
export function payloadTypeName(bytes: Uint8Array, offset = 0): string {
  return NAMES[bytes[offset] ?? 0] ?? "unknown";
}

export interface Entry {
  /** Unix milliseconds. */
  readonly timestamp: number;
  readonly payload: Uint8Array;
}

export function encodeEntry({ timestamp, payload }: Entry): Uint8Array {
  const bytes = new Uint8Array(TIMESTAMP_BYTES + payload.length);
  assert(bytes.length <= ENTRY_BYTES_MAX, "payloads are bounded before they become entries");
  writeU64be(bytes, 0, timestamp);
  bytes.set(payload, TIMESTAMP_BYTES);
  return bytes;
}

/** The entry in these bytes, its payload a view of them; undefined if they are none. */
export function decodeEntry(bytes: Uint8Array): Entry | undefined {
  if (bytes.length <= TIMESTAMP_BYTES || bytes.length > ENTRY_BYTES_MAX) return undefined;
  const timestamp = readU64be(bytes, 0);
  return timestamp === undefined ? undefined : { timestamp, payload: bytes.subarray(TIMESTAMP_BYTES) };
}
