/**
 * The payloads a node can still serve, bounded by bytes and by count, and the ids it has seen, bounded by count.
 * The oldest go first. A payload that was evicted is still a known id: its duplicate is not delivered again.
 */
import type { MessageId } from "./messages.ts";

export interface CachedMessage {
  readonly id: MessageId;
  readonly payload: Uint8Array;
  readonly flood: boolean;
  readonly receivedAt: number;
  /** The tree edge it came over, and the hops over that; 0 and undefined for our own. */
  hops: number;
  from: string | undefined;
}

export class MessageCache {
  readonly #messages = new Map<string, CachedMessage>();
  readonly #seen = new Set<string>();
  readonly #bytesMax: number;
  readonly #entriesMax: number;
  readonly #seenMax: number;
  #bytes = 0;

  constructor(bytesMax: number, entriesMax: number, seenMax: number) {
    this.#bytesMax = bytesMax;
    this.#entriesMax = entriesMax;
    this.#seenMax = seenMax;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get size(): number {
    return this.#messages.size;
  }

  seen(key: string): boolean {
    return this.#seen.has(key);
  }

  markSeen(key: string): void {
    this.#seen.add(key);
    if (this.#seen.size > this.#seenMax) this.#seen.delete(this.#seen.values().next().value!);
  }

  /** A rejected payload must not hide an honest one that claims the same id. */
  unsee(key: string): void {
    this.#seen.delete(key);
  }

  get(key: string): CachedMessage | undefined {
    return this.#messages.get(key);
  }

  put(message: CachedMessage): void {
    this.markSeen(message.id.key);
    this.#messages.set(message.id.key, message);
    this.#bytes += message.payload.length;
    for (const [key, oldest] of this.#messages) {
      if (this.#bytes <= this.#bytesMax && this.#messages.size <= this.#entriesMax) break;
      this.#messages.delete(key);
      this.#bytes -= oldest.payload.length;
    }
  }

  /** The newest ones received since `time`, newest first, at most `count`. */
  recent(time: number, count: number): CachedMessage[] {
    const found: CachedMessage[] = [];
    const all = [...this.#messages.values()];
    for (let i = all.length - 1; i >= 0 && found.length < count; i--) {
      // In order of acceptance, which is not quite that of receipt: no early end.
      if (all[i]!.receivedAt >= time) found.push(all[i]!);
    }
    return found;
  }
}
