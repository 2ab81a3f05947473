/**
 * Reads the stream a peer opened to us: frames in order, one at a time. While one is being handled the stream is
 * paused, so a flood waits at its sender and not in our memory.
 */
import type { Stream } from "@libp2p/interface";
import { WIRE } from "./codec.ts";
import { FrameCutter } from "./framing.ts";
import { LINK_LIMITS } from "./limits.ts";

export interface InboundEvents {
  /** One frame; a promise holds the next one back. */
  frame(bytes: Uint8Array): Promise<void> | undefined;
  /** What came is no frame (MalformedMessage), or handling it failed. */
  failed(error: unknown): void;
  closed(): void;
}

export class Inbound {
  readonly #stream: Stream;
  readonly #events: InboundEvents;
  readonly #cutter = new FrameCutter(WIRE.payloadBytesMax + WIRE.controlBytesMax);
  readonly #chunks: Uint8Array[] = [];
  #chunkBytes = 0;
  #isReading = false;
  #isClosed = false;

  constructor(stream: Stream, events: InboundEvents) {
    this.#stream = stream;
    this.#events = events;
    stream.maxReadBufferLength = LINK_LIMITS.pausedBytesMax;
    stream.addEventListener("close", () => this.#end());
    stream.addEventListener("remoteCloseWrite", () => this.abort(new Error("the peer closed its stream")));
    stream.addEventListener("message", ({ data }) => {
      for (const chunk of data instanceof Uint8Array ? [data] : data) this.#take(chunk);
      if (!this.#isReading) this.#read();
    });
  }

  abort(reason: Error): void {
    this.#stream.abort(reason);
    this.#end();
  }

  #end(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#chunks.length = 0;
    this.#events.closed();
  }

  #take(chunk: Uint8Array): void {
    this.#chunks.push(chunk);
    this.#chunkBytes += chunk.length;
    if (this.#isReading && this.#chunkBytes > LINK_LIMITS.readBytesMax) this.#pause();
  }

  #read(): void {
    this.#isReading = true;
    this.#readAll()
      .catch((error: unknown) => {
        if (!this.#isClosed) this.#events.failed(error);
      })
      .finally(() => {
        this.#isReading = false;
        if (!this.#isClosed && this.#chunks.length > 0) this.#read();
        else this.#resume();
      });
  }

  async #readAll(): Promise<void> {
    for (let chunk = this.#chunks.shift(); chunk !== undefined; chunk = this.#chunks.shift()) {
      this.#chunkBytes -= chunk.length;
      for (const frame of this.#cutter.push(chunk)) {
        if (this.#isClosed) return;
        const handled = this.#events.frame(frame);
        if (handled !== undefined) await handled;
      }
      if (this.#chunkBytes === 0) this.#resume();
    }
  }

  #pause(): void {
    if (this.#stream.readStatus === "readable") this.#stream.pause();
  }

  #resume(): void {
    if (this.#stream.readStatus === "paused") this.#stream.resume();
  }
}
