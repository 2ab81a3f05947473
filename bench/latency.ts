/**
 * How long a receipt takes under half of the load that the node can take: an open loop, so that a slow answer delays
 * nobody's clock but its own (no coordinated omission).
 */
import { BATCH, BATCH_CONNECTIONS, batchThroughput } from "./http.ts";
import { LoadGenerator, type MeasuredLoad, WARM_UP_MS } from "./load.ts";
import { NodeProcess } from "./node-process.ts";
import { type BenchOptions, median, type Report } from "./report.ts";
import { DATA_BYTES } from "./transactions.ts";

const PART = 0.5;
/** Calls of a request: a busy client's, and several small clients'. */
const BATCHES = [BATCH, 10];
const CONNECTIONS = 64;

export async function latency(
  report: Report,
  { seconds, repetitions, directory }: BenchOptions,
): Promise<void> {
  const node = await NodeProcess.start(directory);
  const generator = new LoadGenerator(node);
  try {
    const throughput = median([
      await batchThroughput(generator, seconds),
      await batchThroughput(generator, seconds),
      await batchThroughput(generator, seconds),
    ]);
    report.conditions({
      "bytes of a transaction": `${DATA_BYTES} of data`,
      "measured throughput": `${Math.round(throughput)} tx/s, batches of ${BATCH}, ${BATCH_CONNECTIONS} connections`,
      "offered load": `${Math.round(throughput * PART)} tx/s over ${CONNECTIONS} connections`,
      latency: "from the intended send time to the last byte of the receipts",
      "not counted": `the first ${WARM_UP_MS} ms of each repetition`,
    });
    for (const batch of BATCHES) {
      const rate = (throughput * PART) / batch;
      const results: MeasuredLoad[] = [];
      for (let i = 0; i < repetitions; i++) {
        const requests = Math.round(rate * (seconds + WARM_UP_MS / 1_000));
        const work = { kind: "append", batch } as const;
        results.push(await generator.run({ work, requests, connections: CONNECTIONS, rate }));
      }
      const row = (what: string, of: (result: MeasuredLoad) => number, bar?: string): void => {
        const values = results.map(of);
        report.row({ what: `batches of ${batch}, ${what}`, unit: "ms", values, ...(bar && { bar }) });
      };
      row("p50", (result) => result.latency.p50, "<= 5");
      row("p90", (result) => result.latency.p90);
      row("p99", (result) => result.latency.p99, "<= 25");
      row("largest", (result) => result.latency.max);
    }
  } finally {
    generator.stop();
    await node.stop();
  }
}
