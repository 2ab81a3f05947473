/**
 * Cuts a stream of bytes into frames, each preceded by its length as a varint. Holds only what has arrived: a huge
 * length costs its sender the stream, and us nothing.
 */
import { MalformedMessage, varintLength, Writer } from "./protobuf.ts";

export function lengthPrefix(length: number): Uint8Array {
  const writer = new Writer();
  writer.varint(length);
  return writer.parts[0]!;
}

export class FrameCutter {
  readonly #lengthMax: number;
  readonly #prefix: number[] = [];
  #length: number | undefined;
  #chunks: Uint8Array[] = [];
  #held = 0;

  constructor(lengthMax: number) {
    this.#lengthMax = lengthMax;
  }

  /** Bytes of the frame that is not complete yet. */
  get held(): number {
    return this.#held;
  }

  /**
   * Takes a chunk and gives the frames it completes, each a copy of its own: a small payload that is cached must not
   * keep a 64 KiB read buffer alive.
   * @throws MalformedMessage on a length of zero, beyond the limit, or not in its shortest form.
   */
  *push(chunk: Uint8Array): Generator<Uint8Array, void, undefined> {
    let offset = 0;
    while (offset < chunk.length) {
      if (this.#length === undefined) {
        this.#readPrefix(chunk[offset++]!);
        continue;
      }
      const part = chunk.subarray(offset, offset + this.#length - this.#held);
      offset += part.length;
      this.#held += part.length;
      this.#chunks.push(part);
      if (this.#held === this.#length) yield this.#takeFrame(this.#length);
    }
  }

  #readPrefix(byte: number): void {
    const prefix = this.#prefix;
    prefix.push(byte);
    if (prefix.length > varintLength(this.#lengthMax)) throw new MalformedMessage("its length is too large");
    if (byte >= 128) return;
    const length = prefix.reduceRight((value, digit) => value * 128 + (digit & 127), 0);
    if (length === 0 || length > this.#lengthMax || varintLength(length) !== prefix.length) {
      throw new MalformedMessage(`its length is ${length}, allowed are 1 to ${this.#lengthMax}`);
    }
    prefix.length = 0;
    this.#length = length;
  }

  #takeFrame(length: number): Uint8Array {
    const frame = new Uint8Array(length);
    let offset = 0;
    for (const part of this.#chunks) {
      frame.set(part, offset);
      offset += part.length;
    }
    this.#chunks = [];
    this.#held = 0;
    this.#length = undefined;
    return frame;
  }
}
