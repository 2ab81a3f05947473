/**
 * How long a receipt takes under half of the load that the node can take: an open loop, so that a slow answer delays
 * nobody's clock but its own (no coordinated omission). Beside it, what may explain a long tail on either side.
 */
import { BATCH, batchCapacity, OPEN_CONNECTIONS, SMALL_BATCH } from "./capacity.ts";
import { LoadGenerator, type MeasuredLoad, WARM_UP_MS } from "./load.ts";
import { NodeProcess } from "./node-process.ts";
import type { BenchOptions, Report } from "./report.ts";
import { DATA_BYTES } from "./transactions.ts";

const PART = 0.5;

export async function latency(
  report: Report,
  { seconds, repetitions, directory }: BenchOptions,
): Promise<void> {
  const node = await NodeProcess.start(directory);
  const generator = new LoadGenerator(node);
  try {
    const capacity = await batchCapacity(generator, seconds, BATCH);
    report.conditions({
      "bytes of a transaction": `${DATA_BYTES} of data`,
      "measured throughput": `${Math.round(capacity)} tx/s, batches of ${BATCH}, closed loop`,
      "offered load": `${Math.round(capacity * PART)} tx/s over ${OPEN_CONNECTIONS} connections`,
      latency: "from the intended send time to the last byte of the receipts",
      "not counted": `the first ${WARM_UP_MS} ms of each repetition`,
    });
    for (const batch of [BATCH, SMALL_BATCH]) {
      const rate = (capacity * PART) / batch;
      const requests = Math.round(rate * (seconds + WARM_UP_MS / 1_000));
      const results: MeasuredLoad[] = [];
      for (let i = 0; i < repetitions; i++) {
        const work = { kind: "append", batch } as const;
        results.push(await generator.run({ work, requests, connections: OPEN_CONNECTIONS, rate }));
      }
      addRows(report, batch, results);
    }
  } finally {
    generator.stop();
    await node.stop();
  }
}

function addRows(report: Report, batch: number, results: readonly MeasuredLoad[]): void {
  const row = (what: string, unit: string, of: (result: MeasuredLoad) => number, bar?: string): void => {
    report.row({ what, unit, values: results.map(of), ...(bar !== undefined && { bar }) });
  };
  row(`batches of ${batch}, p50`, "ms", (result) => result.latency.p50, "<= 3");
  row(`batches of ${batch}, p90`, "ms", (result) => result.latency.p90);
  row(`batches of ${batch}, p99`, "ms", (result) => result.latency.p99, "<= 15");
  row(`batches of ${batch}, largest`, "ms", (result) => result.latency.max);
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
