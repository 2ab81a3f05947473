/**
 * One request at a time over a kept-alive connection, with just enough of HTTP/1.1: a status line and Content-Length.
 * What comes is counted and not kept; all connections read into the same memory.
 */
import { once } from "node:events";
import { connect, type Socket } from "node:net";

/** More than the kernel has ready in one piece: fewer reads. */
const READ_BYTES = 256 * 1024;
/** Of the answers, one in so many is searched for errors; a refused append shows in the log's size as well. */
const SEARCH_EVERY = 16;
const ERROR = Buffer.from('"error":');
const HEAD_END = "\r\n\r\n";

const memory = Buffer.allocUnsafeSlow(READ_BYTES);

/** What carries one request at a time. */
export interface Channel {
  /** @param onAnswer called with true if the answer is good, never before this returns */
  send(request: Buffer, onAnswer: (ok: boolean) => void): void;
  close(): void;
}

export class Connection implements Channel {
  readonly #socket: Socket;
  /** The beginning of an answer whose head came in pieces. */
  #begun: Buffer | undefined;
  /** Bytes of the body still to come; undefined before its length is known. */
  #missing: number | undefined;
  #ok = true;
  #answers = 0;
  #onAnswer: ((ok: boolean) => void) | undefined;

  private constructor(target: URL) {
    this.#socket = connect({
      host: target.hostname,
      port: Number(target.port),
      noDelay: true,
      onread: {
        buffer: memory,
        callback: (bytes) => {
          this.#receive(memory.subarray(0, bytes));
          return true;
        },
      },
    });
    this.#socket.on("error", () => this.#finish(false));
    this.#socket.on("close", () => this.#finish(false));
  }

  static async open(target: URL): Promise<Connection> {
    const connection = new Connection(target);
    await once(connection.#socket, "connect");
    return connection;
  }

  send(request: Buffer, onAnswer: (ok: boolean) => void): void {
    if (this.#socket.destroyed) {
      queueMicrotask(() => onAnswer(false));
      return;
    }
    this.#onAnswer = onAnswer;
    this.#socket.write(request);
  }

  close(): void {
    this.#socket.destroy();
  }

  #receive(bytes: Buffer): void {
    if (this.#missing !== undefined) {
      this.#body(bytes);
      return;
    }
    const begun = this.#begun === undefined ? bytes : Buffer.concat([this.#begun, bytes]);
    const end = begun.indexOf(HEAD_END);
    this.#begun = end < 0 ? Buffer.from(begun) : undefined;
    if (end < 0) return;
    const head = begun.toString("latin1", 0, end);
    this.#missing = Number(/content-length: (\d+)/i.exec(head)?.[1]);
    this.#ok = head.startsWith("HTTP/1.1 200");
    this.#body(begun.subarray(end + HEAD_END.length));
  }

  #body(bytes: Buffer): void {
    this.#missing! -= bytes.length;
    if (this.#answers % SEARCH_EVERY === 0 && bytes.includes(ERROR)) this.#ok = false;
    if (this.#missing! > 0) return;
    this.#answers++;
    this.#finish(this.#ok && this.#missing === 0);
  }

  #finish(ok: boolean): void {
    const onAnswer = this.#onAnswer;
    this.#onAnswer = undefined;
    this.#missing = undefined;
    onAnswer?.(ok);
  }
}
