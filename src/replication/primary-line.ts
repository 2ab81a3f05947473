/**
 * Who the primary is, as far as a replica can know: no key names it, so whoever proves appends comes first, then peers
 * that the operator named, then the others; who fails waits behind them for a while. Addresses are hearsay: those that
 * most peers tell are tried first.
 */
import {
  GUARD_PEER_BYTES_MAX,
  PRIMARY_ADDRESSES_MAX,
  PRIMARY_DEMOTION_MS,
  PRIMARY_HINTS_MAX,
} from "../base/limits.ts";

export class PrimaryLine {
  readonly #named: readonly string[];
  readonly #now: () => number;
  readonly #hints = new Map<string, readonly string[]>();
  readonly #failedAt = new Map<string, number>();
  #proved: string | undefined;

  /**
   * @param named peer ids that the operator named
   * @param now milliseconds of a monotonic clock
   */
  constructor(named: readonly string[], now: () => number) {
    this.#named = named;
    this.#now = now;
  }

  /** What a peer says of where the primary is; the newest word of each peer counts. */
  hint(peer: string, addresses: readonly string[]): void {
    this.#hints.delete(peer);
    const short = addresses.filter(({ length }) => length <= GUARD_PEER_BYTES_MAX);
    this.#hints.set(peer, short.slice(0, PRIMARY_ADDRESSES_MAX));
    if (this.#hints.size > PRIMARY_HINTS_MAX) this.#hints.delete(this.#hints.keys().next().value!);
  }

  /** The addresses that most peers tell. */
  addresses(): string[] {
    const votes = new Map<string, number>();
    for (const addresses of this.#hints.values()) {
      for (const address of new Set(addresses)) votes.set(address, (votes.get(address) ?? 0) + 1);
    }
    const ranked = [...votes].sort(([, a], [, b]) => b - a);
    return ranked.slice(0, PRIMARY_ADDRESSES_MAX).map(([address]) => address);
  }

  /** The peers that answer appends, the likeliest primary first. */
  order(answering: Iterable<string>): string[] {
    const rank = (peer: string): number => {
      const failedAt = this.#failedAt.get(peer);
      if (failedAt !== undefined && this.#now() - failedAt < PRIMARY_DEMOTION_MS) return 3;
      if (peer === this.#proved) return 0;
      return this.#named.includes(peer) ? 1 : 2;
    };
    return [...answering].sort((a, b) => rank(a) - rank(b));
  }

  proved(peer: string): void {
    this.#proved = peer;
    this.#failedAt.delete(peer);
  }

  failed(peer: string): void {
    this.#failedAt.delete(peer);
    this.#failedAt.set(peer, this.#now());
    if (this.#failedAt.size > PRIMARY_HINTS_MAX) this.#failedAt.delete(this.#failedAt.keys().next().value!);
  }
}
