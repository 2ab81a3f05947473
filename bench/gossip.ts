/**
 * Checks 8 and 10: the same load over the same connections with EpiSub, gossipsub and floodsub, one process per node.
 *   node bench/gossip.ts --nodes 16 --seconds 15 --bytes 16384 --rate 20 [--routers episub,gossipsub,floodsub] [--slow-ms 200]
 * Bytes are what TCP delivered to the receivers. With --slow-ms the last node verifies that slowly, one by one.
 */
import { parseArgs } from "node:util";
import type { Report, Router } from "./gossip-node.ts";
import { NodeProcess } from "./gossip-process.ts";

const { values } = parseArgs({
  options: {
    nodes: { type: "string", default: "16" },
    seconds: { type: "string", default: "15" },
    bytes: { type: "string", default: "16384" },
    rate: { type: "string", default: "20" },
    degree: { type: "string", default: "7" },
    routers: { type: "string", default: "episub,gossipsub,floodsub" },
    "slow-ms": { type: "string", default: "0" },
  },
});
const nodes = Number(values.nodes);
const bytes = Number(values.bytes);
const rate = Number(values.rate);
const blocks = Number(values.seconds) * rate;
const slowMs = Number(values["slow-ms"]);
const WARM_UP_BLOCKS = 3 * rate;

type Counted = Report & { type: "counted" };

console.log(`${nodes} processes, ${blocks} blocks of ${bytes} bytes at ${rate}/s, degree ${values.degree}`);
console.log(
  "router     bytes/node/block  copies  hops  p50 ms  p99 ms  max ms  missing  cpu ms/MB  rss MiB  behind",
);
for (const router of values.routers.split(",")) await run(router as Router);

async function run(router: Router): Promise<void> {
  const children: NodeProcess[] = [];
  for (let i = 0; i < nodes; i++) children.push(new NodeProcess(router, i === nodes - 1 ? slowMs : 0));
  const addresses: string[] = [];
  for (const child of children) addresses.push((await child.hear("started")).address);
  for (const [i, child] of children.entries()) {
    child.tell({ type: "dial", addresses: neighborsOf(i).map((j) => addresses[j]!) });
    await child.hear("dialled");
  }
  await seconds(3);
  const publish = async (from: number, count: number) => {
    const start = performance.now();
    for (let i = 0; i < count; i++) {
      children[0]!.tell({ type: "publish", order: from + i, bytes });
      await seconds(Math.max(0, (start + ((i + 1) * 1_000) / rate - performance.now()) / 1_000));
    }
  };
  await publish(1, WARM_UP_BLOCKS);
  const before = await countAll(children);
  await publish(WARM_UP_BLOCKS + 1, blocks);
  await seconds(2);
  const after = await countAll(children);
  report(router, before, after);
  for (const child of children) child.tell({ type: "stop" });
}

/** The same graph for every router: a ring with chords, each node dialling half of its links. */
function neighborsOf(i: number): number[] {
  const half = Math.ceil(Number(values.degree) / 2);
  const strides = [1, 3, 5, 7].slice(0, half);
  return [...new Set(strides.map((stride) => (i + stride) % nodes))].filter((j) => j !== i);
}

function report(router: Router, before: readonly Counted[], after: readonly Counted[]): void {
  const isJudged = (i: number) => i > 0 && !(slowMs > 0 && i === nodes - 1);
  const receivers = after.map((_, i) => i).filter(isJudged);
  const measured = receivers.map((i) => after[i]!.latencies.filter(([order]) => order > WARM_UP_BLOCKS));
  const latencies = measured.flatMap((list) => list.map(([, ms]) => ms)).sort((a, b) => a - b);
  const hops = measured.flatMap((list) => list.flatMap(([, , hops]) => hops ?? []));
  const missing = receivers.length * blocks - latencies.length;
  const read = average(receivers.map((i) => after[i]!.bytesRead - before[i]!.bytesRead)) / blocks;
  const cpu = average(receivers.map((i) => after[i]!.cpuMs - before[i]!.cpuMs)) / ((blocks * bytes) / 1e6);
  const at = (fraction: number) =>
    latencies[Math.min(latencies.length - 1, Math.floor(fraction * latencies.length))]!;
  const cells = [
    router.padEnd(10),
    read.toFixed(0).padStart(16),
    (read / bytes).toFixed(2).padStart(7),
    (hops.length > 0 ? average(hops).toFixed(2) : "–").padStart(5),
    at(0.5).toFixed(1).padStart(7),
    at(0.99).toFixed(1).padStart(7),
    at(1).toFixed(1).padStart(7),
    String(missing).padStart(8),
    cpu.toFixed(1).padStart(10),
    average(receivers.map((i) => after[i]!.rssMiB))
      .toFixed(0)
      .padStart(8),
    String(after.reduce((sum, { behind }) => sum + behind, 0)).padStart(7),
  ];
  console.log(cells.join(" "));
  if (slowMs > 0) {
    const { latencies, rssMiB } = after[nodes - 1]!;
    console.log(
      `           the slow one received ${latencies.length} of ${WARM_UP_BLOCKS + blocks}, rss ${rssMiB.toFixed(0)} MiB`,
    );
  }
}

async function countAll(children: readonly NodeProcess[]): Promise<Counted[]> {
  for (const child of children) child.tell({ type: "count" });
  return Promise.all(children.map((child) => child.hear("counted")));
}

function average(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function seconds(count: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, count * 1_000));
}
