/**
 * Minutes at 70 % of the measured throughput, with the node's memory sampled: it has to level off. The lifetime of
 * transactions is short here, so that the index of recent ids, which covers two lifetimes, is full early.
 */
import { BATCH, batchThroughput } from "./http.ts";
import { LoadGenerator } from "./load.ts";
import { type Memory, NodeProcess } from "./node-process.ts";
import { type BenchOptions, median, type Report } from "./report.ts";
import { DATA_BYTES } from "./transactions.ts";

const PART = 0.7;
const CONNECTIONS = 64;
const SAMPLE_MS = 500;
const LIFETIME_MS = 20_000;
/** Memory of the second quarter against that of the last: the first one fills caches and indices. */
const QUARTERS = 4;

export async function soak(report: Report, { seconds, minutes, directory }: BenchOptions): Promise<void> {
  const node = await NodeProcess.start(directory, ["-lifetime", String(LIFETIME_MS)]);
  const generator = new LoadGenerator(node);
  const samples: Memory[] = [];
  const sampler = setInterval(() => samples.push(node.memory()), SAMPLE_MS);
  try {
    const throughput = await batchThroughput(generator, seconds);
    const rate = (PART * throughput) / BATCH;
    report.conditions({
      "bytes of a transaction": `${DATA_BYTES} of data`,
      minutes,
      "lifetime of transactions": `${LIFETIME_MS} ms`,
      "measured throughput": `${Math.round(throughput)} tx/s, batches of ${BATCH}`,
      "offered load": `${Math.round(PART * throughput)} tx/s, signed while it is sent`,
    });
    samples.length = 0;
    const requests = Math.round(rate * minutes * 60);
    const work = { kind: "append", batch: BATCH, signWhileSending: true } as const;
    const result = await generator.run({ work, requests, connections: CONNECTIONS, rate });

    const quarter = (number: number, of: (memory: Memory) => number): number => {
      const length = Math.floor(samples.length / QUARTERS);
      return median(samples.slice((number - 1) * length, number * length).map(of));
    };
    report.row({ what: "achieved", unit: "tx/s", values: [(requests * BATCH) / result.seconds] });
    report.row({ what: "receipts, p50", unit: "ms", values: [result.latency.p50] });
    report.row({ what: "receipts, p99", unit: "ms", values: [result.latency.p99] });
    for (let number = 1; number <= QUARTERS; number++) {
      const what = `memory, quarter ${number}`;
      report.row({ what, unit: "MiB", values: [quarter(number, ({ anonymous }) => anonymous)] });
    }
    const second = quarter(2, ({ anonymous }) => anonymous);
    const last = quarter(QUARTERS, ({ anonymous }) => anonymous);
    report.row({
      what: "  growth from the second to the last",
      unit: "%",
      values: [(100 * last) / second - 100],
    });
    report.row({
      what: "mapped pages of the database, at the end",
      unit: "MiB",
      values: [samples.at(-1)!.file],
    });
  } finally {
    clearInterval(sampler);
    generator.stop();
    await node.stop();
  }
}
