/**
 * How long a receipt takes: under half of the load that the node has to be able to take, which is a part of what raw
 * verification does on the same cores, and under half of what it can take. Open loops, so that a slow answer delays
 * nobody's clock but its own (no coordinated omission). Beside it, what may explain a long tail on either side.
 */
import { BATCH, batchCapacity, OPEN_CONNECTIONS, SMALL_BATCH } from "./capacity.ts";
import { LoadGenerator, type MeasuredLoad, WARM_UP_MS } from "./load.ts";
import { NodeProcess } from "./node-process.ts";
import { rawVerification } from "./raw-verification.ts";
import type { BenchOptions, Report } from "./report.ts";
import { DATA_BYTES } from "./transactions.ts";

const PART = 0.5;
/** Of raw verification: what the node has to be able to take in batches. */
const REQUIRED_PART = 0.7;

interface Offered {
  readonly what: string;
  readonly batch: number;
  /** Transactions a second. */
  readonly rate: number;
  /** What p50 and p99 should be, in milliseconds. */
  readonly bars: readonly [p50: number, p99: number];
}

export async function latency(
  report: Report,
  { seconds, repetitions, directory }: BenchOptions,
): Promise<void> {
  const raw = await rawVerification(seconds);
  const node = await NodeProcess.start(directory);
  const generator = new LoadGenerator(node);
  try {
    const capacity = await batchCapacity(generator, seconds, BATCH);
    const required = REQUIRED_PART * raw.rate;
    const loads: readonly Offered[] = [
      {
        what: `batches of ${BATCH}, half of what is required`,
        batch: BATCH,
        rate: PART * required,
        bars: [5, 25],
      },
      { what: `batches of ${BATCH}`, batch: BATCH, rate: PART * capacity, bars: [3, 15] },
      { what: `batches of ${SMALL_BATCH}`, batch: SMALL_BATCH, rate: PART * capacity, bars: [3, 15] },
    ];
    report.conditions({
      "bytes of a transaction": `${DATA_BYTES} of data`,
      "raw verification, all cores": `${Math.round(raw.rate)} signatures/s`,
      required: `${Math.round(required)} tx/s, ${100 * REQUIRED_PART} % of that`,
      "measured throughput": `${Math.round(capacity)} tx/s, batches of ${BATCH}, closed loop`,
      "offered loads": `${loads.map(({ rate }) => Math.round(rate)).join(", ")} tx/s over ${OPEN_CONNECTIONS} connections`,
      latency: "from the intended send time to the last byte of the receipts",
      "not counted": `the first ${WARM_UP_MS} ms of each repetition`,
    });
    for (const load of loads) {
      const rate = load.rate / load.batch;
      const requests = Math.round(rate * (seconds + WARM_UP_MS / 1_000));
      const results: MeasuredLoad[] = [];
      for (let i = 0; i < repetitions; i++) {
        const work = { kind: "append", batch: load.batch } as const;
        results.push(await generator.run({ work, requests, connections: OPEN_CONNECTIONS, rate }));
      }
      addRows(report, load, results);
    }
  } finally {
    generator.stop();
    await node.stop();
  }
}

function addRows(report: Report, { what: load, bars }: Offered, results: readonly MeasuredLoad[]): void {
  const row = (what: string, unit: string, of: (result: MeasuredLoad) => number, bar?: string): void => {
    report.row({ what, unit, values: results.map(of), ...(bar !== undefined && { bar }) });
  };
  row(`${load}, p50`, "ms", (result) => result.latency.p50, `<= ${bars[0]}`);
  row(`${load}, p90`, "ms", (result) => result.latency.p90);
  row(`${load}, p99`, "ms", (result) => result.latency.p99, `<= ${bars[1]}`);
  row(`${load}, largest`, "ms", (result) => result.latency.max);
  row("  generator late to send, p99", "ms", ({ generator }) => generator.late.p99);
  row("  generator late to send, largest", "ms", ({ generator }) => generator.late.max);
  row("  generator's longest collection", "ms", ({ generator }) => generator.longestCollection);
  row("  node, longest collection of young objects", "ms", ({ node }) => node.youngCollection);
  row("  node, longest collection of the whole heap", "ms", ({ node }) => node.wholeCollection);
  row("  node, collections of the whole heap", "", ({ node }) => node.wholeCollections);
  row("  node, event loop late, largest", "ms", ({ node }) => node.loopDelay);
  row("  node, threads without a core", "s per s", ({ node, seconds }) => node.waitSeconds / seconds);
  row("  node", "cores", ({ node, seconds }) => node.cpuSeconds / seconds);
  row("  load generator", "cores", ({ generator, seconds }) => generator.cpuSeconds / seconds);
}
