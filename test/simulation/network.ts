/**
 * The simulated network: latency of each pair, jitter, loss, partitions. Links are ordered, as TCP's are. A message
 * that is lost is lost for good: what TCP would resend, the protocol has to repair here.
 */
import type { Random } from "../../src/replication/episub/random.ts";
import { hashed } from "./random.ts";

export interface NetworkOptions {
  readonly seed: number;
  /** Two regions with these one-way latencies, or (undefined) one world of 5 to 80 ms. */
  readonly regions?: { readonly withinMs: number; readonly acrossMs: number };
  /** Fraction of a latency that varies from message to message. */
  readonly jitter: number;
  /** Fraction of messages lost. */
  readonly loss: number;
}

export class Network {
  readonly options: NetworkOptions;
  readonly #random: Random;
  readonly #arrivals = new Map<number, number>();
  #sides: ((node: number) => number) | undefined;
  loss: number;

  constructor(options: NetworkOptions, random: Random) {
    this.options = options;
    this.loss = options.loss;
    this.#random = random;
  }

  /** Nodes of different sides no longer reach each other; undefined heals. */
  partition(sides: ((node: number) => number) | undefined): void {
    this.#sides = sides;
  }

  reaches(a: number, b: number): boolean {
    return this.#sides === undefined || this.#sides(a) === this.#sides(b);
  }

  isLost(): boolean {
    return this.loss > 0 && this.#random() < this.loss;
  }

  /** One-way latency of a pair without jitter; half of a node in each region. */
  latencyMs(a: number, b: number): number {
    const { seed, regions } = this.options;
    if (regions !== undefined) return a % 2 === b % 2 ? regions.withinMs : regions.acrossMs;
    return 5 + 75 * hashed(seed, Math.min(a, b), Math.max(a, b));
  }

  /** When a message sent now arrives: never before an earlier one of the same link. */
  arrival(from: number, to: number, now: number): number {
    const delay = this.latencyMs(from, to) * (1 + this.options.jitter * this.#random());
    const link = from * 65_536 + to;
    const time = Math.max(now + delay, this.#arrivals.get(link) ?? 0);
    this.#arrivals.set(link, time);
    return time;
  }
}
