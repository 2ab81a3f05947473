/**
 * Peers that are refused for a while, bounded; the oldest ban is forgotten first.
 */
import { BAN_MS, BANS_MAX } from "../base/limits.ts";

export class Bans {
  readonly #now: () => number;
  readonly #until = new Map<string, number>();

  /** @param now milliseconds of a monotonic clock */
  constructor(now: () => number) {
    this.#now = now;
  }

  add(peer: string): void {
    this.#until.delete(peer);
    this.#until.set(peer, this.#now() + BAN_MS);
    if (this.#until.size > BANS_MAX) this.#until.delete(this.#until.keys().next().value!);
  }

  has(peer: string): boolean {
    return this.#now() < (this.#until.get(peer) ?? 0);
  }
}
