/**
 * The part of protobuf that EpiSub needs: varints and length-delimited fields. Strict: the reader takes only what the
 * writer would have written (fields ascending, shortest varints, no unknown ones), and never reads past what it is given.
 */
import { fromUtf8, utf8 } from "../../base/bytes.ts";

const VARINT = 0;
const BYTES = 2;

export class MalformedMessage extends Error {
  override readonly name = "MalformedMessage";
}

export function varintLength(value: number): number {
  let length = 1;
  for (let rest = value; rest >= 128; rest = Math.floor(rest / 128)) length++;
  return length;
}

/** Collects parts without copying long byte strings. */
export class Writer {
  readonly parts: Uint8Array[] = [];
  length = 0;

  varint(value: number): void {
    const bytes = new Uint8Array(varintLength(value));
    let rest = value;
    for (let i = 0; i < bytes.length; i++) {
      bytes[i] = (rest % 128) | (i < bytes.length - 1 ? 128 : 0);
      rest = Math.floor(rest / 128);
    }
    this.raw(bytes);
  }

  raw(bytes: Uint8Array): void {
    this.parts.push(bytes);
    this.length += bytes.length;
  }

  /** Zero is the default and is left out. */
  uint(field: number, value: number): void {
    if (value === 0) return;
    this.varint(field * 8 + VARINT);
    this.varint(value);
  }

  bytes(field: number, value: Uint8Array): void {
    this.varint(field * 8 + BYTES);
    this.varint(value.length);
    this.raw(value);
  }

  string(field: number, value: string): void {
    this.bytes(field, utf8(value));
  }

  message(field: number, write: (writer: Writer) => void): void {
    const inner = new Writer();
    write(inner);
    this.varint(field * 8 + BYTES);
    this.varint(inner.length);
    for (const part of inner.parts) this.parts.push(part);
    this.length += inner.length;
  }
}

/** Reads the fields of one message in ascending order; `end` refuses whatever was not read. */
export class Reader {
  readonly #bytes: Uint8Array;
  #offset = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** The field number and wire type of the next field, without consuming it; undefined at the end. */
  #peek(): { tag: number; next: number } | undefined {
    if (this.#offset >= this.#bytes.length) return undefined;
    const start = this.#offset;
    const tag = this.#varint();
    const next = this.#offset;
    this.#offset = start;
    return { tag, next };
  }

  #enter(field: number, type: number): boolean {
    const head = this.#peek();
    if (head?.tag !== field * 8 + type) return false;
    this.#offset = head.next;
    return true;
  }

  #varint(): number {
    let value = 0;
    let scale = 1;
    for (let i = 0; i < 8; i++) {
      const byte = this.#bytes[this.#offset++];
      if (byte === undefined) throw new MalformedMessage("it ends within a number");
      value += (byte & 127) * scale;
      if (!Number.isSafeInteger(value)) break;
      if (byte < 128) {
        if (byte === 0 && i > 0) throw new MalformedMessage("a number is not in its shortest form");
        return value;
      }
      scale *= 128;
    }
    throw new MalformedMessage("a number is too large");
  }

  uint(field: number, max: number): number {
    if (!this.#enter(field, VARINT)) return 0;
    const value = this.#varint();
    if (value === 0) throw new MalformedMessage("a default value is written out");
    if (value > max) throw new MalformedMessage(`field ${field} is ${value}, at most ${max} is allowed`);
    return value;
  }

  bool(field: number): boolean {
    return this.uint(field, 1) === 1;
  }

  /** A view into the message, not a copy. */
  optionalBytes(field: number, max: number): Uint8Array | undefined {
    if (!this.#enter(field, BYTES)) return undefined;
    const length = this.#varint();
    if (length > max)
      throw new MalformedMessage(`field ${field} has ${length} bytes, at most ${max} are allowed`);
    const end = this.#offset + length;
    if (end > this.#bytes.length) throw new MalformedMessage("it ends within a field");
    const value = this.#bytes.subarray(this.#offset, end);
    this.#offset = end;
    return value;
  }

  bytes(field: number, max: number): Uint8Array {
    const value = this.optionalBytes(field, max);
    if (value === undefined) throw new MalformedMessage(`field ${field} is missing`);
    return value;
  }

  string(field: number, max: number): string {
    return text(this.bytes(field, max), max);
  }

  /** The next field, whichever it is, if it is length-delimited. */
  any(max: number): { field: number; body: Uint8Array } {
    const tag = this.#peek()?.tag;
    if (tag === undefined || tag % 8 !== BYTES) throw new MalformedMessage("a message is missing");
    const field = Math.floor(tag / 8);
    return { field, body: this.bytes(field, max) };
  }

  repeated<T>(field: number, countMax: number, read: (bytes: Uint8Array) => T): T[] {
    const values: T[] = [];
    for (;;) {
      const bytes = this.optionalBytes(field, Number.MAX_SAFE_INTEGER);
      if (bytes === undefined) return values;
      if (values.length === countMax) throw new MalformedMessage(`field ${field} repeats too often`);
      values.push(read(bytes));
    }
  }

  end(): void {
    if (this.#offset !== this.#bytes.length)
      throw new MalformedMessage("it has a field that does not belong");
  }
}

export function text(bytes: Uint8Array, max: number): string {
  const value = bytes.length <= max ? fromUtf8(bytes) : undefined;
  if (value === undefined) throw new MalformedMessage("a text is too long or no UTF-8");
  return value;
}
