/**
 * Large answers, written straight into the bytes that are sent. Their buffers are used again: fresh memory costs a
 * page fault for every 4 KiB, which takes as long as writing the text.
 */
import {
  ANSWER_BUFFER_BYTES_MAX,
  ANSWER_BUFFER_BYTES_MIN,
  ANSWER_BUFFERS_MAX,
  ANSWER_TEXT_BYTES_MAX,
} from "../base/limits.ts";

const DIGITS = Buffer.from("0123456789abcdef");

/** The one used last comes first: it may still be in the processor's cache. */
const free: Buffer[] = [];

/** A text that grows at its end. */
export class AnswerText {
  #buffer = free.pop() ?? Buffer.allocUnsafeSlow(ANSWER_BUFFER_BYTES_MIN);
  #length = 0;

  /** Characters of ASCII alone: the fast way. */
  write(ascii: string): void {
    this.#reserve(ascii.length);
    this.#length += this.#buffer.write(ascii, this.#length, "latin1");
  }

  /** Two lower-case digits for each byte. */
  writeHex(bytes: Uint8Array): void {
    this.#reserve(2 * bytes.length);
    for (const byte of bytes) {
      this.#buffer[this.#length++] = DIGITS[byte >> 4]!;
      this.#buffer[this.#length++] = DIGITS[byte & 15]!;
    }
  }

  /** What a function writes, of so many bytes at most: it is told where to, and tells where that ends. */
  writeWith(bytesMax: number, write: (buffer: Buffer, at: number) => number): void {
    this.#reserve(bytesMax);
    this.#length = write(this.#buffer, this.#length);
  }

  writeBytes(utf8: Uint8Array): void {
    this.#reserve(utf8.length);
    this.#buffer.set(utf8, this.#length);
    this.#length += utf8.length;
  }

  writeUtf8(text: string): void {
    this.#reserve(3 * text.length);
    this.#length += this.#buffer.write(text, this.#length, "utf8");
  }

  /**
   * All that was written; nothing is to be written afterwards. A short one is made a string, so that its buffer is
   * free at once; a large one stays where it is, to be released once it is sent.
   */
  finish(): string | Uint8Array {
    return this.#length > ANSWER_TEXT_BYTES_MAX ? this.#buffer.subarray(0, this.#length) : this.finishShort();
  }

  /** The same for what is known to be short. */
  finishShort(): string {
    const text = this.#buffer.toString("utf8", 0, this.#length);
    releaseAnswer(this.#buffer);
    return text;
  }

  #reserve(bytes: number): void {
    if (this.#length + bytes <= this.#buffer.length) return;
    const larger = Buffer.allocUnsafeSlow(2 * Math.max(this.#buffer.length, bytes));
    this.#buffer.copy(larger, 0, 0, this.#length);
    this.#buffer = larger;
  }
}

/** Takes the buffer of a finished text back. One that is never given back is garbage like any other. */
export function releaseAnswer(answer: string | Uint8Array): void {
  if (typeof answer === "string" || free.length >= ANSWER_BUFFERS_MAX) return;
  if (answer.buffer.byteLength <= ANSWER_BUFFER_BYTES_MAX) free.push(Buffer.from(answer.buffer));
}
