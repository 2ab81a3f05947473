/**
 * The way to one peer: a queue bounded in bytes in front of a libp2p stream, written in batches and only while the
 * stream wants more. Refuses what does not fit instead of dropping it; never waits, never throws.
 */
import type { Stream } from "@libp2p/interface";
import { concatBytes } from "../../base/bytes.ts";
import { untilDrained } from "./drain.ts";
import { lengthPrefix } from "./framing.ts";
import { LINK_LIMITS } from "./limits.ts";

export interface LinkEvents {
  /** The queue is short again after a payload was refused. */
  drained(): void;
  /** The stream ended, whoever ended it. Called once. */
  closed(): void;
}

export class Link {
  readonly #events: LinkEvents;
  #queue: Uint8Array[] = [];
  #queueBytes = 0;
  #stream: Stream | undefined;
  #isPumping = false;
  #isClosed = false;
  #refused = false;
  /** When bytes last moved, or nothing waited. */
  #movedAt: number;
  usedAt: number;

  constructor(now: number, events: LinkEvents) {
    this.#movedAt = now;
    this.usedAt = now;
    this.#events = events;
  }

  get queueBytes(): number {
    return this.#queueBytes;
  }

  get isOpen(): boolean {
    return this.#stream !== undefined && !this.#isClosed;
  }

  /** False if a payload does not fit: the caller has to treat the peer as behind. A link that takes no more control ends. */
  send(
    frame: { readonly parts: readonly Uint8Array[]; readonly length: number },
    isPayload: boolean,
    now: number,
  ): boolean {
    if (this.#isClosed) return true;
    const after = this.#queueBytes + frame.length;
    if (isPayload && this.#queueBytes > 0 && after > LINK_LIMITS.queueBytesMax) {
      this.#refused = true;
      return false;
    }
    if (after > LINK_LIMITS.queueBytesMax + LINK_LIMITS.controlBytesMax && !isPayload) {
      this.abort(new Error("the peer does not read"));
      return true;
    }
    if (this.#queueBytes === 0) this.#movedAt = now;
    this.usedAt = now;
    const prefix = lengthPrefix(frame.length);
    this.#queue.push(prefix, ...frame.parts);
    this.#queueBytes += prefix.length + frame.length;
    this.#startPump();
    return true;
  }

  /** The stream is there: what has queued up goes out. */
  attach(stream: Stream): void {
    if (this.#isClosed) {
      stream.abort(new Error("the link was closed while it was opened"));
      return;
    }
    this.#stream = stream;
    stream.addEventListener("close", () => this.#end());
    this.#startPump();
  }

  isStalled(now: number): boolean {
    return this.#queueBytes > 0 && now - this.#movedAt > LINK_LIMITS.stalledMs;
  }

  abort(reason: Error): void {
    this.#stream?.abort(reason);
    this.#end();
  }

  /** Sends what is queued, then closes. */
  async close(signal: AbortSignal): Promise<void> {
    try {
      // The pump may be waiting for the stream; both go on when it drains.
      while (this.#queueBytes > 0 && this.#stream !== undefined && !this.#isClosed && !signal.aborted) {
        await this.#pump();
        await untilDrained(this.#stream, signal);
      }
      await this.#stream?.close({ signal });
    } catch (error) {
      this.#stream?.abort(error instanceof Error ? error : new Error("closing failed"));
    }
    this.#end();
  }

  #end(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#queue = [];
    this.#queueBytes = 0;
    this.#events.closed();
  }

  #startPump(): void {
    if (this.#isPumping) return;
    // What one step sends leaves in one batch.
    queueMicrotask(() => {
      this.#pump().catch((error: unknown) =>
        this.abort(error instanceof Error ? error : new Error(String(error))),
      );
    });
  }

  async #pump(): Promise<void> {
    if (this.#isPumping || this.#stream === undefined) return;
    this.#isPumping = true;
    try {
      while (this.#queue.length > 0 && !this.#isClosed) {
        const batch = this.#takeBatch();
        const wantsMore = this.#stream.send(batch);
        if (!wantsMore) await untilDrained(this.#stream);
        this.#queueBytes = Math.max(0, this.#queueBytes - batch.length);
        this.#movedAt = Date.now();
        if (this.#refused && this.#queueBytes <= LINK_LIMITS.drainedBytes) {
          this.#refused = false;
          this.#events.drained();
        }
      }
    } finally {
      this.#isPumping = false;
    }
  }

  /** A slice of a long part as it is, or short parts joined, with the beginning of a long one behind them. */
  #takeBatch(): Uint8Array {
    const parts: Uint8Array[] = [];
    for (let room: number = LINK_LIMITS.batchBytes; room > 0 && this.#queue.length > 0; ) {
      const part = this.#takePart(room);
      parts.push(part);
      room -= part.length;
    }
    return parts.length === 1 ? parts[0]! : concatBytes(...parts);
  }

  /** The first part, or what there is room for of it. */
  #takePart(bytesMax: number): Uint8Array {
    const part = this.#queue[0]!;
    if (part.length > bytesMax) this.#queue[0] = part.subarray(bytesMax);
    else this.#queue.shift();
    return part.subarray(0, bytesMax);
  }
}
