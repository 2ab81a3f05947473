/**
 * Large answers, written straight into the bytes that are sent. Their buffers are used again: fresh memory costs a
 * page fault for every 4 KiB, which takes as long as writing the text.
 */
import { writeHexDigits } from "../base/bytes.ts";
import {
  ANSWER_BUFFER_BYTES_MAX,
  ANSWER_BUFFER_BYTES_MIN,
  ANSWER_BUFFERS_BYTES_MAX,
  ANSWER_TEXT_BYTES_MAX,
} from "../base/limits.ts";

/** The one used last comes first: it may still be in the processor's cache. */
const free: Buffer[] = [];
let freeBytes = 0;

/** A text that grows at its end. */
export class AnswerText {
  #buffer: Buffer;
  #length = 0;

  /** @param bytes that it is expected to have: it need not grow up to there */
  constructor(bytes = ANSWER_BUFFER_BYTES_MIN) {
    this.#buffer = takeBuffer(bytes);
  }

  /** Characters of ASCII alone: the fast way. */
  write(ascii: string): void {
    this.#reserve(ascii.length);
    this.#length += this.#buffer.write(ascii, this.#length, "latin1");
  }

  /** Two lower-case digits for each byte. */
  writeHex(bytes: Uint8Array): void {
    this.#reserve(2 * bytes.length);
    this.#length = writeHexDigits(bytes, this.#buffer, this.#length);
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

/** One that is too small makes way for a larger one. */
function takeBuffer(bytes: number): Buffer {
  const buffer = free.pop();
  freeBytes -= buffer?.length ?? 0;
  if (buffer !== undefined && buffer.length >= bytes) return buffer;
  return Buffer.allocUnsafeSlow(Math.max(bytes, ANSWER_BUFFER_BYTES_MIN));
}

/** Takes the buffer of a finished text back. One that is never given back is garbage like any other. */
export function releaseAnswer(answer: string | Uint8Array): void {
  if (typeof answer === "string") return;
  const { buffer } = answer;
  if (buffer.byteLength > ANSWER_BUFFER_BYTES_MAX) return;
  if (freeBytes + buffer.byteLength > ANSWER_BUFFERS_BYTES_MAX) return;
  freeBytes += buffer.byteLength;
  free.push(Buffer.from(buffer));
}
