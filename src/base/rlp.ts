/**
 * Recursive Length Prefix, strict (Ethereum yellow paper, appendix B): a reader that accepts only the shortest
 * encoding of everything, and an encoder. What the reader accepts re-encodes to the same bytes.
 */
import { concatBytes, fromHex } from "./bytes.ts";

/** Bytes that are not the canonical RLP of what was expected. Callers turn it into their own refusal. */
export class RlpError extends Error {
  override readonly name = "RlpError";
}

const EMPTY_STRING = 0x80;
const EMPTY_LIST = 0xc0;
const SHORT_MAX = 55;
const EMPTY = new Uint8Array(0);

/** Reads the items of one list in order; `end` demands that nothing is left. */
export class RlpReader {
  readonly #bytes: Uint8Array;
  #offset: number;
  readonly #end: number;

  private constructor(bytes: Uint8Array, offset: number, end: number) {
    this.#bytes = bytes;
    this.#offset = offset;
    this.#end = end;
  }

  /** Opens the one list that `bytes` from `offset` to `end` must be. */
  static list(bytes: Uint8Array, offset = 0, end = bytes.length): RlpReader {
    const outer = new RlpReader(bytes, offset, end);
    const list = outer.list();
    outer.end();
    return list;
  }

  /** The next item, which must be a list. */
  list(): RlpReader {
    const length = this.#header(EMPTY_LIST);
    const start = this.#offset;
    this.#offset += length;
    return new RlpReader(this.#bytes, start, this.#offset);
  }

  /** The next item, a byte string; a view, not a copy. `length` demands exactly that many bytes. */
  bytes(length?: number): Uint8Array {
    const start = this.skip(length);
    return this.#bytes.subarray(start, this.#offset);
  }

  /** Where the content of the next item, a byte string, begins; it ends at `offset` then. */
  skip(length?: number): number {
    const first = this.#peek();
    if (first < EMPTY_STRING) {
      if (length !== undefined && length !== 1) throw new RlpError(`expected ${length} bytes`);
      return this.#offset++;
    }
    const size = this.#header(EMPTY_STRING);
    if (length !== undefined && size !== length) throw new RlpError(`expected ${length} bytes, got ${size}`);
    const start = this.#offset;
    this.#offset += size;
    if (size === 1 && this.#bytes[start]! < EMPTY_STRING)
      throw new RlpError("a small byte is its own encoding");
    return start;
  }

  /** Where the next item begins. */
  get offset(): number {
    return this.#offset;
  }

  /** The next item, an integer as minimal big-endian bytes of at most `bytesMax`. */
  integer(bytesMax: number): Uint8Array {
    const bytes = this.bytes();
    if (bytes.length > bytesMax) throw new RlpError(`an integer of more than ${bytesMax} bytes`);
    if (bytes[0] === 0) throw new RlpError("an integer with a leading zero");
    return bytes;
  }

  /** The next item, an integer of at most 2^53 - 1. */
  number(): number {
    let value = 0;
    for (const byte of this.integer(7)) value = value * 256 + byte;
    if (!Number.isSafeInteger(value)) throw new RlpError("an integer above 2^53 - 1");
    return value;
  }

  /** The next item, an integer of at most eight bytes. */
  bigint(): bigint {
    let value = 0n;
    for (const byte of this.integer(8)) value = (value << 8n) | BigInt(byte);
    return value;
  }

  get done(): boolean {
    return this.#offset === this.#end;
  }

  end(): void {
    if (!this.done) throw new RlpError("surplus items or bytes");
  }

  #peek(): number {
    if (this.#offset >= this.#end) throw new RlpError("too few items");
    return this.#bytes[this.#offset]!;
  }

  /** Consumes a header of the given kind and returns the length of what follows, which is there. */
  #header(base: number): number {
    const first = this.#peek();
    if (first < base || (base === EMPTY_STRING && first >= EMPTY_LIST)) {
      throw new RlpError(base === EMPTY_LIST ? "expected a list" : "expected a byte string");
    }
    this.#offset++;
    let length = first - base;
    if (length > SHORT_MAX) length = this.#longLength(length - SHORT_MAX);
    if (length > this.#end - this.#offset) throw new RlpError("an item longer than what holds it");
    return length;
  }

  #longLength(sizeOfLength: number): number {
    if (sizeOfLength > 4 || sizeOfLength > this.#end - this.#offset)
      throw new RlpError("a length out of bounds");
    let length = 0;
    for (let i = 0; i < sizeOfLength; i++) length = length * 256 + this.#bytes[this.#offset++]!;
    if (length <= SHORT_MAX || length < 256 ** (sizeOfLength - 1))
      throw new RlpError("a length that is not the shortest");
    return length;
  }
}

/** The encoding of a byte string. */
export function rlpBytes(bytes: Uint8Array): Uint8Array {
  if (bytes.length === 1 && bytes[0]! < EMPTY_STRING) return bytes;
  return withHeader(EMPTY_STRING, bytes.length, [bytes]);
}

/** The encoding of an integer, minimal big-endian; zero is the empty string. */
export function rlpInteger(value: number | bigint): Uint8Array {
  return rlpBytes(minimalBytes(value));
}

/** The encoding of a list of encoded items. */
export function rlpList(items: readonly Uint8Array[]): Uint8Array {
  const length = items.reduce((sum, item) => sum + item.length, 0);
  return withHeader(EMPTY_LIST, length, items);
}

/** Big-endian bytes without leading zeros. */
export function stripLeadingZeros(bytes: Uint8Array): Uint8Array {
  let start = 0;
  while (start < bytes.length && bytes[start] === 0) start++;
  return bytes.subarray(start);
}

function withHeader(base: number, length: number, parts: readonly Uint8Array[]): Uint8Array {
  const isShort = length <= SHORT_MAX;
  const size = isShort ? EMPTY : minimalBytes(length);
  const first = base + (isShort ? length : SHORT_MAX + size.length);
  return concatBytes(Uint8Array.of(first), size, ...parts);
}

function minimalBytes(value: number | bigint): Uint8Array {
  const digits = value.toString(16);
  return value === 0 || value === 0n ? EMPTY : fromHex(`0x${digits.length % 2 === 0 ? "" : "0"}${digits}`);
}
