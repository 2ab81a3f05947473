/**
 * Minutes at 70 % of the knee: latency and the node's memory have to stay where they are. The lifetime of
 * transactions is short here, so that the index of recent ids, which covers two lifetimes, is full early.
 */
import { BATCH, batchCapacity, OPEN_CONNECTIONS } from "./capacity.ts";
import { climb, kneeOf } from "./knee.ts";
import { LoadGenerator, type LoadInterval } from "./load.ts";
import { NodeProcess } from "./node-process.ts";
import { linePlot } from "./plot.ts";
import { type BenchOptions, median, type Report } from "./report.ts";
import { DATA_BYTES } from "./transactions.ts";

const PART = 0.7;
/** Where the knee is looked for before the soak begins. */
const KNEE_PARTS = [0.5, 0.6, 0.7, 0.8, 0.9, 1];
const SAMPLE_MS = 2_000;
const LIFETIME_MS = 20_000;
/** The second against the last: the first one fills caches and indices. */
const QUARTERS = 4;

/** The node's memory at one moment, in MiB. */
interface Sample {
  readonly minutes: number;
  readonly anonymous: number;
  readonly heap: number;
  readonly arrayBuffers: number;
}

interface Minute extends LoadInterval {
  readonly memory: Sample;
}

export async function soak(report: Report, options: BenchOptions): Promise<void> {
  const { seconds, minutes, directory } = options;
  const node = await NodeProcess.start(directory, ["-lifetime", String(LIFETIME_MS)]);
  const generator = new LoadGenerator(node);
  let sampler: NodeJS.Timeout | undefined;
  try {
    const capacity = await batchCapacity(generator, seconds, BATCH);
    let offered = options.rate;
    let knee = "not looked for, --rate is given";
    if (offered === undefined) {
      const steps = await climb(node, generator, { batch: BATCH, capacity, seconds, parts: KNEE_PARTS });
      const found = kneeOf(steps)?.achieved ?? KNEE_PARTS[0]! * capacity;
      knee = `${Math.round(found)} tx/s`;
      offered = PART * found;
    }
    const rate = offered / BATCH;
    report.conditions({
      "bytes of a transaction": `${DATA_BYTES} of data`,
      minutes,
      "lifetime of transactions": `${LIFETIME_MS} ms`,
      "measured throughput": `${Math.round(capacity)} tx/s, batches of ${BATCH}, closed loop`,
      knee,
      "offered load": `${Math.round(offered)} tx/s, signed while it is sent`,
    });
    const samples: Sample[] = [];
    const history: Minute[] = [];
    const start = performance.now();
    const sample = async (): Promise<void> => {
      samples.push(await sampleOf(node, (performance.now() - start) / 60_000));
    };
    await sample();
    sampler = setInterval(() => void sample(), SAMPLE_MS);
    const requests = Math.round(rate * minutes * 60);
    const work = { kind: "append", batch: BATCH, signWhileSending: true } as const;
    const load = { work, requests, connections: OPEN_CONNECTIONS, rate };
    const intervalSeconds = Math.min(60, minutes * 15);
    const result = await generator.run({ ...load, intervalSeconds }, (interval) => {
      history.push({ ...interval, memory: samples.at(-1)! });
    });
    clearInterval(sampler);

    addMinutes(report, rate, history);
    report.row({ what: "achieved", unit: "tx/s", values: [result.achieved * BATCH] });
    report.row({
      what: "  of the offered",
      unit: "%",
      values: [(100 * result.achieved) / rate],
      bar: ">= 99",
    });
    report.row({ what: "receipts, p50", unit: "ms", values: [result.latency.p50] });
    report.row({ what: "receipts, p99", unit: "ms", values: [result.latency.p99] });
    report.row({ what: "node", unit: "cores", values: [result.node.cpuSeconds / result.seconds] });
    report.row({
      what: "load generator",
      unit: "cores",
      values: [result.generator.cpuSeconds / result.seconds],
    });
    addGrowth(
      report,
      "p99 of a minute",
      "ms",
      history.map(({ latency }) => latency.p99),
    );
    addGrowth(
      report,
      "anonymous memory",
      "MiB",
      samples.map(({ anonymous }) => anonymous),
      "<= 5",
    );
    addGrowth(
      report,
      "heap",
      "MiB",
      samples.map(({ heap }) => heap),
      "<= 5",
    );
    addGrowth(
      report,
      "array buffers",
      "MiB",
      samples.map(({ arrayBuffers }) => arrayBuffers),
    );
    report.row({
      what: "mapped pages of the database, at the end",
      unit: "MiB",
      values: [node.memory().file],
    });
    await report.plot("soak", draw(report, samples));
  } finally {
    clearInterval(sampler);
    generator.stop();
    await node.stop();
  }
}

async function sampleOf(node: NodeProcess, minutes: number): Promise<Sample> {
  const metrics = await node.metrics();
  const mebibytes = (kind: string): number =>
    (metrics.get(`sequencer_memory_bytes{kind="${kind}"}`) ?? 0) / 2 ** 20;
  const [heap, arrayBuffers] = [mebibytes("heap"), mebibytes("array_buffers")];
  return { minutes, anonymous: node.memory().anonymous, heap, arrayBuffers };
}

function addMinutes(report: Report, rate: number, history: readonly Minute[]): void {
  report.table(
    "as it went",
    [
      ...["until min", "offered tx/s", "achieved tx/s", "p50 ms", "p99 ms", "largest ms"],
      ...["anonymous MiB", "heap MiB", "array buffers MiB"],
    ],
    history.map(({ achieved, latency, memory }) => [
      memory.minutes.toFixed(1),
      (rate * BATCH).toFixed(0),
      (achieved * BATCH).toFixed(0),
      latency.p50.toFixed(1),
      latency.p99.toFixed(1),
      latency.max.toFixed(0),
      memory.anonymous.toFixed(0),
      memory.heap.toFixed(0),
      memory.arrayBuffers.toFixed(0),
    ]),
  );
}

/** The medians of the quarters, and how much the last one is above the second. */
function addGrowth(
  report: Report,
  what: string,
  unit: string,
  values: readonly number[],
  bar?: string,
): void {
  const quarters = Array.from({ length: QUARTERS }, (_, i) => {
    const part = values.slice((i * values.length) / QUARTERS, ((i + 1) * values.length) / QUARTERS);
    return part.length === 0 ? Number.NaN : median(part);
  });
  const [, second, , last] = quarters;
  report.row({ what: `${what}, second quarter`, unit, values: [second!] });
  report.row({ what: `${what}, last quarter`, unit, values: [last!] });
  report.row({
    what: `  growth of ${what}`,
    unit: "%",
    values: [(100 * last!) / second! - 100],
    ...(bar && { bar }),
  });
}

function draw(report: Report, samples: readonly Sample[]): string {
  const series = (name: string, color: string, of: (sample: Sample) => number, dashed = false) => ({
    ...{ name, color, dashed },
    points: samples.map((sample) => ({ x: sample.minutes, y: of(sample) })),
  });
  return linePlot({
    title: "Memory of the node at a constant load",
    caption: report.conditionLines(),
    x: { label: "minutes" },
    y: { label: "MiB" },
    series: [
      series("anonymous memory of the process", "#1d4ed8", ({ anonymous }) => anonymous),
      series("heap of the main thread", "#c2410c", ({ heap }) => heap),
      series("array buffers of the main thread", "#047857", ({ arrayBuffers }) => arrayBuffers, true),
    ],
  });
}
