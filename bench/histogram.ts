/**
 * Latencies in logarithmic buckets, each 1 % wider than the one before: any quantile to within 1 %, in 20 KiB.
 */
const SMALLEST_MS = 0.01;
const GROWTH = 1.01;
const BUCKETS = 2_000;

export class Histogram {
  readonly #counts = new Float64Array(BUCKETS);
  #total = 0;
  #max = 0;

  add(milliseconds: number, times = 1): void {
    const bucket = Math.ceil(Math.log(Math.max(1, milliseconds / SMALLEST_MS)) / Math.log(GROWTH));
    this.#counts[Math.min(BUCKETS - 1, bucket)]! += times;
    this.#total += times;
    this.#max = Math.max(this.#max, milliseconds);
  }

  /** Milliseconds that this part of all values does not exceed. */
  quantile(part: number): number {
    let seen = 0;
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      seen += this.#counts[bucket]!;
      if (seen >= part * this.#total) return Math.min(this.#max, SMALLEST_MS * GROWTH ** bucket);
    }
    return this.#max;
  }

  get max(): number {
    return this.#max;
  }
}
