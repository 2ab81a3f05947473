/**
 * Prometheus metrics, `sequencer_<noun>_<unit|total>`; one registry a node.
 */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import type { SequencerError } from "../base/errors.ts";
import { LOOP_LOOK_MS, watchProcess } from "./process-metrics.ts";

export class Metrics {
  readonly registry = new Registry();
  readonly #appended: Counter;
  readonly #refused: Counter<"reason">;
  readonly #blocks: Counter;
  readonly #blockEntries: Histogram;
  readonly #latency: Histogram;

  constructor() {
    const registers = [this.registry];
    collectDefaultMetrics({ register: this.registry, eventLoopMonitoringPrecision: LOOP_LOOK_MS });
    watchProcess(this.registry);
    this.#appended = new Counter({ name: "sequencer_entries_total", help: "Entries published", registers });
    this.#refused = new Counter({
      name: "sequencer_refusals_total",
      help: "Appends refused, by reason",
      labelNames: ["reason"],
      registers,
    });
    this.#blocks = new Counter({ name: "sequencer_blocks_total", help: "Blocks published", registers });
    this.#blockEntries = new Histogram({
      name: "sequencer_block_entries",
      help: "Entries of each block",
      buckets: [1, 4, 16, 64, 256, 1_024, 4_096],
      registers,
    });
    this.#latency = new Histogram({
      name: "sequencer_append_seconds",
      help: "From the arrival of a request's transactions to their receipts",
      buckets: [0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5],
      registers,
    });
  }

  /** A value that is read when somebody looks. */
  gauge(name: `sequencer_${string}`, help: string, read: () => number): void {
    new Gauge({
      name,
      help,
      registers: [this.registry],
      collect() {
        this.set(read());
      },
    });
  }

  blockPublished(entries: number): void {
    this.#appended.inc(entries);
    this.#blocks.inc();
    this.#blockEntries.observe(entries);
  }

  appendAnswered(seconds: number): void {
    this.#latency.observe(seconds);
  }

  refused(error: SequencerError): void {
    const reason = error.data?.reason;
    this.#refused.inc({ reason: typeof reason === "string" ? reason : error.code });
  }
}
