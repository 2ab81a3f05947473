/**
 * JSON-RPC over a WebSocket with many messages under way, and just enough of RFC 6455: what comes is counted and not
 * kept. Frames go out with a mask of zeros, which masks nothing and costs this side nothing.
 */
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import type { Channel } from "./connection.ts";

const SEARCH_EVERY = 64;
const ERROR = Buffer.from('"error":');
const HEAD_END = "\r\n\r\n";
const TEXT = 0x1;
const PING = 0x9;

/** A whole text message of less than 64 KiB, or more, from a client. */
export function frame(text: string): Buffer {
  const body = Buffer.from(text, "latin1");
  const head =
    body.length < 65_536
      ? Buffer.from([0x81, 0x80 | 126, 0, 0])
      : Buffer.alloc(10, Buffer.from([0x81, 0xff]));
  if (body.length < 65_536) head.writeUInt16BE(body.length, 2);
  else head.writeBigUInt64BE(BigInt(body.length), 2);
  return Buffer.concat([head, Buffer.alloc(4), body]);
}

/** One WebSocket, shared by as many channels as messages may be under way. */
export class SocketConnection {
  readonly #socket: Socket;
  /** Of messages under way; whose answer it is that comes does not matter for counting. */
  readonly #waiting: ((ok: boolean) => void)[] = [];
  #rest: Buffer = Buffer.alloc(0);
  /** Bytes of a frame's payload still to come. */
  #missing = 0;
  #endsAnswer = false;
  #chunks = 0;
  #toWrite: Buffer[] = [];

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on("data", (bytes: Buffer) => this.#receive(bytes));
    socket.on("close", () => this.#finishAll());
    socket.on("error", () => socket.destroy());
  }

  static async open(target: URL): Promise<SocketConnection> {
    const socket = connect({ host: target.hostname, port: Number(target.port), noDelay: true });
    await once(socket, "connect");
    const key = randomBytes(16).toString("base64");
    socket.write(
      `GET / HTTP/1.1\r\nHost: bench\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${key}${HEAD_END}`,
    );
    const [head] = (await once(socket, "data")) as [Buffer];
    if (!head.toString("latin1").startsWith("HTTP/1.1 101")) throw new Error("no WebSocket");
    return new SocketConnection(socket);
  }

  channels(count: number): Channel[] {
    const send = (message: Buffer, onAnswer: (ok: boolean) => void): void => this.#send(message, onAnswer);
    return Array.from({ length: count }, () => ({ send, close: () => this.#socket.destroy() }));
  }

  #send(message: Buffer, onAnswer: (ok: boolean) => void): void {
    if (this.#socket.destroyed) {
      queueMicrotask(() => onAnswer(false));
      return;
    }
    this.#waiting.push(onAnswer);
    this.#toWrite.push(message);
    if (this.#toWrite.length > 1) return;
    setImmediate(() => {
      this.#socket.write(Buffer.concat(this.#toWrite));
      this.#toWrite = [];
    });
  }

  #receive(bytes: Buffer): void {
    const ok = this.#chunks++ % SEARCH_EVERY !== 0 || !bytes.includes(ERROR);
    let data = this.#rest.length === 0 ? bytes : Buffer.concat([this.#rest, bytes]);
    for (;;) {
      const taken = Math.min(this.#missing, data.length);
      this.#missing -= taken;
      data = data.subarray(taken);
      if (this.#missing > 0) break;
      if (this.#endsAnswer) {
        this.#endsAnswer = false;
        this.#waiting.shift()?.(ok);
      }
      const begun = this.#begin(data);
      if (begun === undefined) break;
      data = data.subarray(begun);
    }
    this.#rest = Buffer.from(data);
  }

  /** Reads a frame's head; returns its length, or undefined if it is not there yet. */
  #begin(data: Buffer): number | undefined {
    if (data.length < 2) return undefined;
    const short = data[1]! & 0x7f;
    const length = short < 126 ? 2 : short === 126 ? 4 : 10;
    if (data.length < length) return undefined;
    this.#missing =
      short < 126 ? short : short === 126 ? data.readUInt16BE(2) : Number(data.readBigUInt64BE(2));
    const opcode = data[0]! & 0x0f;
    if (opcode === PING) this.#socket.write(Buffer.from([0x8a, 0x80, 0, 0, 0, 0]));
    this.#endsAnswer = opcode <= TEXT && (data[0]! & 0x80) !== 0;
    return length;
  }

  #finishAll(): void {
    for (const onAnswer of this.#waiting.splice(0)) onAnswer(false);
  }
}
