/**
 * Throughput against latency: an open loop offers more and more of what the node takes in a closed one. The knee is
 * the largest load that the node carries: it answers all of it, and the slowest percent within KNEE_P99_MS.
 */
import { BATCH, batchCapacity, OPEN_CONNECTIONS, SMALL_BATCH } from "./capacity.ts";
import { LoadGenerator, type MeasuredLoad, WARM_UP_MS } from "./load.ts";
import { NodeProcess } from "./node-process.ts";
import { linePlot, type Series } from "./plot.ts";
import type { BenchOptions, Report } from "./report.ts";
import { DATA_BYTES } from "./transactions.ts";

/** Milliseconds: a client notices nothing yet, and a queue that grows soon exceeds it. */
const KNEE_P99_MS = 50;
const KNEE_ACHIEVED_PART = 0.99;
const PARTS = [0.1, 0.25, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1, 1.1, 1.2];
const COLORS = ["#1d4ed8", "#c2410c"];

export interface Step {
  /** Of the closed loop's throughput. */
  readonly part: number;
  /** Transactions a second. */
  readonly offered: number;
  readonly achieved: number;
  readonly load: MeasuredLoad;
  /** MiB of the node at the end, mapped files left out. */
  readonly memory: number;
}

export async function knee(report: Report, { seconds, directory }: BenchOptions): Promise<void> {
  const node = await NodeProcess.start(directory);
  const generator = new LoadGenerator(node);
  report.conditions({
    "bytes of a transaction": `${DATA_BYTES} of data`,
    connections: OPEN_CONNECTIONS,
    latency: "from the intended send time to the last byte of the receipts, HDR histogram",
    knee: `largest load with ${100 * KNEE_ACHIEVED_PART} % of it achieved and p99 <= ${KNEE_P99_MS} ms`,
    "not counted": `the first ${WARM_UP_MS} ms of each step`,
  });
  const curves: { readonly batch: number; readonly steps: readonly Step[] }[] = [];
  try {
    for (const batch of [BATCH, SMALL_BATCH]) {
      const capacity = await batchCapacity(generator, seconds, batch);
      const steps = await climb(node, generator, { batch, capacity, seconds, parts: PARTS });
      curves.push({ batch, steps });
      addCurve(report, batch, steps);
    }
  } finally {
    generator.stop();
    await node.stop();
  }
  await report.plot("knee", drawCurves(report, curves));
}

/** Offers one part of the capacity after the other. */
export async function climb(
  node: NodeProcess,
  generator: LoadGenerator,
  options: { batch: number; capacity: number; seconds: number; parts: readonly number[] },
): Promise<Step[]> {
  const { batch, capacity, seconds, parts } = options;
  const steps: Step[] = [];
  for (const part of parts) {
    const rate = (part * capacity) / batch;
    const requests = Math.round(rate * (seconds + WARM_UP_MS / 1_000));
    const work = { kind: "append", batch } as const;
    const load = await generator.run({ work, requests, connections: OPEN_CONNECTIONS, rate });
    const achieved = load.achieved * batch;
    steps.push({ part, offered: rate * batch, achieved, load, memory: node.memory().anonymous });
  }
  return steps;
}

/** The last step before the first that the node does not carry; undefined if it does not carry the first. */
export function kneeOf(steps: readonly Step[]): Step | undefined {
  const broken = steps.findIndex(
    ({ offered, achieved, load }) =>
      achieved < KNEE_ACHIEVED_PART * offered || load.latency.p99 > KNEE_P99_MS,
  );
  return broken < 0 ? steps.at(-1) : steps[broken - 1];
}

function addCurve(report: Report, batch: number, steps: readonly Step[]): void {
  const millisecond = (value: number): string => (value < 100 ? value.toFixed(1) : value.toFixed(0));
  report.table(
    `batches of ${batch}`,
    [
      ...["offered %", "tx/s", "achieved tx/s", "p50 ms", "p90 ms", "p99 ms", "p99.9 ms", "largest ms"],
      ...["node cores", "us/tx", "node MiB", "generator cores", "late p99 ms"],
    ],
    steps.map(({ part, offered, achieved, load, memory }) => [
      (100 * part).toFixed(0),
      offered.toFixed(0),
      achieved.toFixed(0),
      ...[load.latency.p50, load.latency.p90, load.latency.p99, load.latency.p999, load.latency.max].map(
        millisecond,
      ),
      (load.node.cpuSeconds / load.seconds).toFixed(2),
      ((load.node.cpuSeconds * 1e6) / load.appended).toFixed(1),
      memory.toFixed(0),
      (load.generator.cpuSeconds / load.seconds).toFixed(2),
      load.generator.late.p99.toFixed(1),
    ]),
  );
  const found = kneeOf(steps);
  report.row({ what: `batches of ${batch}, knee`, unit: "tx/s", values: [found?.achieved ?? 0] });
  report.row({ what: "  of the closed loop's throughput", unit: "%", values: [100 * (found?.part ?? 0)] });
  report.row({ what: "  p50 there", unit: "ms", values: [found?.load.latency.p50 ?? 0] });
  report.row({ what: "  p99 there", unit: "ms", values: [found?.load.latency.p99 ?? 0] });
}

function drawCurves(
  report: Report,
  curves: readonly { readonly batch: number; readonly steps: readonly Step[] }[],
): string {
  const series: Series[] = curves.flatMap(({ batch, steps }, i) =>
    (["p50", "p99"] as const).map((quantile) => ({
      name: `${quantile}, batches of ${batch}`,
      color: COLORS[i]!,
      dashed: quantile === "p50",
      points: steps.map(({ achieved, load }) => ({ x: achieved, y: load.latency[quantile] })),
    })),
  );
  const marks = curves.flatMap(({ batch, steps }, i) => {
    const found = kneeOf(steps);
    return found === undefined ? [] : [{ x: found.achieved, label: `knee, ${batch}`, color: COLORS[i]! }];
  });
  return linePlot({
    title: "Latency of receipts under an open loop of appends",
    caption: report.conditionLines(),
    x: { label: "answered transactions a second" },
    y: { label: "milliseconds from the intended send time", isLogarithmic: true },
    series,
    marks,
  });
}
