/**
 * Bytes: hexadecimal, big-endian integers, comparison. Every byte string in the project is a Uint8Array;
 * text enters and leaves here. Never throws anything but SequencerError on hostile text.
 */
import { SequencerError } from "./errors.ts";

/** A 0x-prefixed, lower-case hexadecimal string. */
export type Hex = `0x${string}`;

const HEX_DIGITS = Uint8Array.from("0123456789abcdef", (digit) => digit.charCodeAt(0));
const NIBBLES = new Uint8Array(256).fill(0xff);
for (let value = 0; value < 16; value++) {
  NIBBLES[HEX_DIGITS[value]!] = value;
  NIBBLES["0123456789ABCDEF".charCodeAt(value)] = value;
}

// Node's Buffer is several times faster than a loop, and missing in browsers.
const buffer = typeof Buffer === "undefined" ? undefined : Buffer;
const latin1 = new TextDecoder("latin1");

/** Lower-case hexadecimal without a prefix. */
export function toHexDigits(bytes: Uint8Array): string {
  if (buffer !== undefined) {
    return buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("hex");
  }
  const digits = new Uint8Array(bytes.length * 2);
  writeHexDigits(bytes, digits, 0);
  return latin1.decode(digits);
}

/** The same as ASCII, for where it goes into a longer text. @returns where it ends */
export function writeHexDigits(bytes: Uint8Array, target: Uint8Array, at: number): number {
  let end = at;
  for (const byte of bytes) {
    target[end++] = HEX_DIGITS[byte >> 4]!;
    target[end++] = HEX_DIGITS[byte & 15]!;
  }
  return end;
}

/** Lower-case, 0x-prefixed hexadecimal. */
export function toHex(bytes: Uint8Array): Hex {
  return `0x${toHexDigits(bytes)}`;
}

/** True for 0x followed by an even number of hexadecimal digits of either case. */
export function isHex(text: unknown): text is Hex {
  return typeof text === "string" && text.length % 2 === 0 && /^0x[0-9a-fA-F]*$/.test(text);
}

/**
 * Parses 0x-hex of either case.
 * @throws SequencerError `invalid-params` if the text is anything else, or not `length` bytes where that is given.
 */
export function fromHex(text: unknown, length?: number): Uint8Array {
  if (typeof text !== "string" || text.length % 2 !== 0 || text[0] !== "0" || text[1] !== "x") {
    throw new SequencerError("invalid-params", "expected 0x-prefixed hexadecimal with whole bytes");
  }
  const size = text.length / 2 - 1;
  if (length !== undefined && size !== length) {
    throw new SequencerError("invalid-params", `expected ${length} bytes of hexadecimal, got ${size}`);
  }
  const bytes = pooledBytes(size);
  const written = buffer === undefined ? decodeDigits(text, bytes) : decodeWithBuffer(text, bytes);
  if (written !== size) throw new SequencerError("invalid-params", "not a hexadecimal digit");
  return bytes;
}

function decodeWithBuffer(text: string, into: Uint8Array): number {
  // Node looks at the low byte of each character only: U+0130 would pass for the digit 0.
  if (buffer!.byteLength(text) !== text.length) return -1;
  return buffer!.from(into.buffer, into.byteOffset, into.length).write(text.slice(2), "hex");
}

function decodeDigits(text: string, into: Uint8Array): number {
  for (let i = 0; i < into.length; i++) {
    const high = NIBBLES[text.charCodeAt(2 + 2 * i)] ?? 0xff;
    const low = NIBBLES[text.charCodeAt(3 + 2 * i)] ?? 0xff;
    if ((high | low) > 15) return i;
    into[i] = (high << 4) | low;
  }
  return into.length;
}

export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

/** Lexicographic order, as Array.prototype.sort expects it. */
export function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) if (a[i] !== b[i]) return a[i]! - b[i]!;
  return a.length - b.length;
}

const POOL_BYTES = 8_192;
let pool = new Uint8Array(POOL_BYTES);
let poolUsed = 0;

/**
 * Zeroed bytes for something that soon goes away, out of a shared allocation: one of its own costs a microsecond
 * from 65 bytes on, and as much again in garbage collection. Their buffer holds others' bytes too: never transfer it.
 */
export function pooledBytes(length: number): Uint8Array {
  if (length > POOL_BYTES / 8) return new Uint8Array(length);
  if (poolUsed + length > POOL_BYTES) {
    pool = new Uint8Array(POOL_BYTES);
    poolUsed = 0;
  }
  const start = poolUsed;
  poolUsed += length;
  return pool.subarray(start, poolUsed);
}

export function concatBytes(...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  let length = 0;
  for (const part of parts) length += part.length;
  const all = new Uint8Array(length);
  let offset = 0;
  for (const part of parts) {
    all.set(part, offset);
    offset += part.length;
  }
  return all;
}

export function isZero(bytes: Uint8Array): boolean {
  return bytes.every((byte) => byte === 0);
}

export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** A safe integer as eight big-endian bytes. */
export function u64be(value: number): Uint8Array {
  const bytes = new Uint8Array(8);
  writeU64be(bytes, 0, value);
  return bytes;
}

export function writeU64be(into: Uint8Array, offset: number, value: number): void {
  setU64be(viewOf(into), offset, value);
}

export function setU64be(view: DataView, offset: number, value: number): void {
  view.setUint32(offset, Math.floor(value / 2 ** 32));
  view.setUint32(offset + 4, value >>> 0);
}

/** Eight big-endian bytes as a safe integer, or undefined above 2^53 - 1. */
export function readU64be(bytes: Uint8Array, offset: number): number | undefined {
  const view = viewOf(bytes);
  const value = view.getUint32(offset) * 2 ** 32 + view.getUint32(offset + 4);
  return Number.isSafeInteger(value) ? value : undefined;
}

const utf8Encoder = new TextEncoder();
const utf8Decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

export function utf8(text: string): Uint8Array {
  return utf8Encoder.encode(text);
}

/** Strict UTF-8, or undefined. A leading byte-order mark is kept, so that re-encoding gives the same bytes. */
export function fromUtf8(bytes: Uint8Array): string | undefined {
  try {
    return utf8Decoder.decode(bytes);
  } catch {
    return undefined;
  }
}

export function toBase64(bytes: Uint8Array): string {
  if (buffer !== undefined) return buffer.from(bytes).toString("base64");
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return btoa(text);
}

/** Canonical padded base64, or undefined: what does not re-encode to the same text is refused. */
export function fromBase64(text: string): Uint8Array | undefined {
  let bytes: Uint8Array;
  try {
    bytes = Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  } catch {
    return undefined;
  }
  return toBase64(bytes) === text ? bytes : undefined;
}
