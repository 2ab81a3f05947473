/**
 * Latencies in an HDR histogram: Node brings HdrHistogram's own C code (perf_hooks), so nothing needs to be installed.
 * Any quantile to within a thousandth, from a microsecond to ten minutes.
 */
import { createHistogram } from "node:perf_hooks";

const LARGEST_US = 600e6;
const FIGURES = 3;

export class Histogram {
  readonly #microseconds = createHistogram({ lowest: 1, highest: LARGEST_US, figures: FIGURES });

  add(milliseconds: number, times = 1): void {
    const value = Math.min(LARGEST_US, Math.max(1, Math.round(milliseconds * 1e3)));
    for (let i = 0; i < times; i++) this.#microseconds.record(value);
  }

  /** Milliseconds that this part of all values does not exceed; 0 if there are none. */
  quantile(part: number): number {
    return this.count === 0 ? 0 : this.#microseconds.percentile(100 * part) / 1e3;
  }

  get max(): number {
    return this.count === 0 ? 0 : this.#microseconds.max / 1e3;
  }

  get count(): number {
    return this.#microseconds.count;
  }

  /** What is kept of it. */
  summary(): Quantiles {
    const [p50, p90, p99, p999] = [0.5, 0.9, 0.99, 0.999].map((part) => this.quantile(part));
    return { p50: p50!, p90: p90!, p99: p99!, p999: p999!, max: this.max };
  }

  reset(): void {
    this.#microseconds.reset();
  }
}

/** Milliseconds. */
export interface Quantiles {
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly p999: number;
  readonly max: number;
}
