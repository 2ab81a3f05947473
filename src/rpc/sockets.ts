/**
 * JSON-RPC over WebSocket (RFC 6455), SPEC section 5: for writers to whom an HTTP request a transaction is too dear. A
 * text message is what the body of a POST would be, and its answer is a message; many may be under way at once. At
 * its bounds a connection is not read, which its client feels as a full socket.
 */
import type { IncomingMessage, Server } from "node:http";
import type { Duplex } from "node:stream";
import { setImmediate as nextTurn } from "node:timers/promises";
import { type RawData, type WebSocket, WebSocketServer } from "ws";
import {
  REQUEST_BODY_BYTES_MAX,
  SHUTDOWN_MS,
  SOCKET_PAUSE_BYTES,
  SOCKET_PING_MS,
  SOCKET_REQUESTS_MAX,
  SOCKET_UNSENT_BYTES_MAX,
  SOCKETS_MAX,
} from "../base/limits.ts";
import type { Place } from "../sequencing/intake.ts";
import { releaseAnswer } from "./answer-text.ts";
import { type Body, isParts } from "./json-rpc.ts";
import type { Requests } from "./requests.ts";

const CLOSE = { goingAway: 1001, textOnly: 1003, tooMuchUnread: 1008 };

/**
 * Serves WebSockets at `/` of an HTTP server, whose bounds on connections hold for them too.
 * @param sourceOf whom a connection's requests count for
 * @param stop ends all of them, as soon as what is under way is answered
 * @returns how many are open
 */
export function serveSockets(
  server: Server,
  requests: Requests,
  sourceOf: (upgrade: IncomingMessage) => string,
  stop: AbortSignal,
): () => number {
  const sockets = new WebSocketServer({
    noServer: true,
    maxPayload: REQUEST_BODY_BYTES_MAX,
    perMessageDeflate: false,
  });
  server.on("upgrade", (upgrade: IncomingMessage, stream: Duplex, head: Buffer) => {
    // Until `ws` listens, nobody else does, and an error that nobody hears ends the process.
    stream.once("error", () => stream.destroy());
    if (upgrade.url !== "/") return refuse(stream, "404 Not Found");
    if (stop.aborted || sockets.clients.size >= SOCKETS_MAX) return refuse(stream, "503 Service Unavailable");
    sockets.handleUpgrade(upgrade, stream, head, (socket) => {
      new Connection(socket, stream, requests, sourceOf(upgrade), stop);
    });
  });
  return () => sockets.clients.size;
}

function refuse(stream: Duplex, status: string): void {
  stream.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
}

class Connection {
  readonly #socket: WebSocket;
  readonly #stream: Duplex;
  readonly #requests: Requests;
  readonly #source: string;
  /** Requests without a place, one begun a turn: what they answer has to be seen before the next is. */
  readonly #waiting: Buffer[] = [];
  #isWorking = false;
  #underWay = 0;
  #bytes = 0;
  #isAlive = true;
  #isCorked = false;
  #isStopping = false;
  /** Called when something was answered or has left. */
  #onProgress: (() => void) | undefined;

  constructor(socket: WebSocket, stream: Duplex, requests: Requests, source: string, stop: AbortSignal) {
    this.#socket = socket;
    this.#stream = stream;
    this.#requests = requests;
    this.#source = source;
    socket.on("message", (data, isBinary) => this.#receive(data, isBinary));
    socket.on("error", () => socket.terminate());
    stream.on("drain", () => this.#progress());
    const end = (): void => this.#end();
    stop.addEventListener("abort", end, { once: true });
    const stopWatching = this.#watch();
    socket.once("close", () => {
      stop.removeEventListener("abort", end);
      stopWatching();
      this.#waiting.length = 0;
      this.#progress();
    });
  }

  /** Cuts off a client that is gone without a word, or reads nothing. What we do not read ourselves is no sign of it. */
  #watch(): () => void {
    this.#socket.on("pong", () => {
      this.#isAlive = true;
    });
    const timer = setInterval(() => {
      if (!this.#isAlive) this.#socket.terminate();
      this.#isAlive = false;
      this.#socket.ping();
    }, SOCKET_PING_MS);
    return () => clearInterval(timer);
  }

  #receive(data: RawData, isBinary: boolean): void {
    if (isBinary) this.#socket.close(CLOSE.textOnly, "requests are text");
    // What comes while the node stops has no answer: its client learns that from the good-bye.
    if (isBinary || this.#isStopping) return;
    const body = data as Buffer;
    this.#bytes += body.length;
    const place = this.#requests.reserve(body, this.#source);
    if (place === undefined) {
      this.#waiting.push(body);
      if (!this.#isWorking) void this.#work();
    } else {
      void this.#run(body, place);
    }
    this.#pace();
  }

  async #work(): Promise<void> {
    this.#isWorking = true;
    while (this.#waiting.length > 0) {
      if (this.#underWay >= SOCKET_REQUESTS_MAX || this.#hasMuchUnsent) {
        await new Promise<void>((resolve) => {
          this.#onProgress = resolve;
        });
        continue;
      }
      void this.#run(this.#waiting.shift()!, undefined);
      await nextTurn();
    }
    this.#isWorking = false;
  }

  async #run(body: Buffer, place: Place | undefined): Promise<void> {
    this.#underWay++;
    const { body: answer } = await this.#requests.answer(body, this.#source, place);
    this.#underWay--;
    this.#bytes -= body.length;
    if (answer !== undefined) this.#send(answer);
    this.#progress();
  }

  #send(body: Body): void {
    const socket = this.#socket;
    if (this.#stream.writableLength > SOCKET_UNSENT_BYTES_MAX) {
      socket.close(CLOSE.tooMuchUnread, "unread answers");
    }
    if (socket.readyState !== socket.OPEN) {
      if (isParts(body)) body.forEach(releaseAnswer);
      return;
    }
    this.#corkForThisTurn();
    const parts = isParts(body) ? body : [body];
    for (const [i, part] of parts.entries()) {
      const sent = isParts(body) ? () => releaseAnswer(part) : undefined;
      socket.send(part, { binary: false, fin: i === parts.length - 1 }, sent);
    }
  }

  /** All answers of a turn, a block's receipts, leave with one write. */
  #corkForThisTurn(): void {
    if (this.#isCorked) return;
    this.#isCorked = true;
    this.#stream.cork();
    setImmediate(() => {
      this.#isCorked = false;
      this.#stream.uncork();
    });
  }

  get #hasMuchUnsent(): boolean {
    return this.#stream.writableLength > SOCKET_PAUSE_BYTES;
  }

  #progress(): void {
    this.#isAlive = true;
    this.#onProgress?.();
    this.#pace();
    if (this.#isStopping && this.#underWay === 0 && this.#waiting.length === 0) {
      this.#socket.close(CLOSE.goingAway, "the node is shutting down");
    }
  }

  /** Reads on, or not, as the bounds say. */
  #pace(): void {
    const isFull =
      this.#underWay + this.#waiting.length >= SOCKET_REQUESTS_MAX ||
      this.#bytes >= REQUEST_BODY_BYTES_MAX ||
      this.#hasMuchUnsent;
    if (isFull) this.#socket.pause();
    else this.#socket.resume();
  }

  #end(): void {
    this.#isStopping = true;
    setTimeout(() => this.#socket.terminate(), SHUTDOWN_MS).unref();
    this.#progress();
  }
}
