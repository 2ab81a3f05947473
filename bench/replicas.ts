/**
 * One primary and its replicas, each a process of its own started by the launcher, under a constant load of signed
 * transactions: who misses what, and how long a block takes from the primary to each replica's disk. All nodes run on
 * one machine and read one clock: each writes a line to its log when it publishes or stores.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { toHex } from "../src/base/bytes.ts";
import { BATCH } from "./capacity.ts";
import { LoadGenerator } from "./load.ts";
import { NodeProcess } from "./node-process.ts";
import { DOWN_MS, lagOf, type Mark, markOf, ReplicaProcess, sleep } from "./replica-process.ts";
import type { BenchOptions, Report } from "./report.ts";
import { DATA_BYTES, writers } from "./transactions.ts";

const RATE = 10_000;
const CONNECTIONS = 64;
const KILL_EVERY_MS = 10_000;
/** Time for the replicas to get what is under way when the load ends. */
const SETTLE_MS = 120_000;
/** When memory is looked at, as parts of the load's time. */
const MOMENTS = ["start", "a quarter", "half", "three quarters", "end"] as const;

export async function replicas(report: Report, options: BenchOptions): Promise<void> {
  process.setMaxListeners(0); // Every process is killed should this one end early.
  const directory = await mkdtemp(join(options.directory, "sequencer-bench-"));
  const published: Mark[] = [];
  const nodes: ReplicaProcess[] = [];
  const accounts = writers.map(toHex).join(",");
  const files = (name: string): string[] => ["-dbpath", join(directory, name)];
  const primary = await NodeProcess.join(
    [...files("primary"), "-guard", join(directory, "guard"), "-writers", accounts],
    (line) => {
      const mark = markOf(line, "published");
      if (mark !== undefined) published.push(mark);
    },
  );
  const generator = new LoadGenerator(primary);
  try {
    const { logId, multiaddrs } = await primary.call("sequencer_info");
    const address = (multiaddrs as string[]).find((one) => one.includes("/127.0.0.1/"))!;
    const flags = ["-mode", "replica", "-verify", "head", "-log", String(logId), "-peers", address];
    for (let i = 0; i < options.replicas; i++) {
      const replica = new ReplicaProcess(`r${i + 1}`, [...files(`r${i + 1}`), ...flags]);
      nodes.push(replica);
      await replica.start();
    }
    const rate = options.rate ?? RATE;
    report.conditions({
      replicas: `${options.replicas}, -verify head, all on this machine with the primary and the load generator`,
      "bytes of a transaction": `${DATA_BYTES} of data`,
      "offered load": `${rate} tx/s in requests of ${BATCH}, signed while they are sent`,
      "a replica is killed": options.kill
        ? `every ${KILL_EVERY_MS / 1_000} s, down ${DOWN_MS / 1_000} s`
        : "never",
    });
    const look = (): void => {
      for (const replica of nodes) replica.lookAtMemory();
    };
    look();
    for (const replica of nodes) replica.cpuBefore = replica.node!.cpuSeconds();
    const looks = [1, 2, 3].map((quarter) => setTimeout(look, options.seconds * 250 * quarter));
    const lookAtHalf = (): void => {
      for (const replica of nodes) replica.lookAtHalf();
    };
    looks.push(setTimeout(lookAtHalf, options.seconds * 500));
    const stopKilling = options.kill ? killNowAndThen(nodes) : async () => {};
    const work = { kind: "append", batch: BATCH, signWhileSending: true } as const;
    const requests = Math.ceil((rate * options.seconds) / BATCH);
    const load = await generator.offer({ work, requests, connections: CONNECTIONS, rate: rate / BATCH });
    for (const timer of looks) clearTimeout(timer);
    await stopKilling();
    look();
    report.row({ what: "ordered by the primary", unit: "tx/s", values: [load.appended / load.seconds] });
    report.row({ what: "requests refused", unit: "", values: [load.failures] });
    report.row({ what: "receipts, p99", unit: "ms", values: [load.latency.p99] });
    const cores = (cpuSeconds: number): number[] => [cpuSeconds / load.seconds];
    report.row({
      what: "processor time of the primary",
      unit: "s per s",
      values: cores(load.node.cpuSeconds),
    });
    report.row({
      what: "  of the load generator",
      unit: "s per s",
      values: cores(load.generator.cpuSeconds),
    });
    await compare(report, primary, nodes, published);
  } finally {
    generator.stop();
    await Promise.all(nodes.map(({ node }) => node?.stop()));
    await primary.stop();
    await rm(directory, { recursive: true });
  }
}

/** Waits for what is under way, then prints a line for each replica and the rows over all of them. */
async function compare(
  report: Report,
  primary: NodeProcess,
  nodes: readonly ReplicaProcess[],
  published: readonly Mark[],
): Promise<void> {
  const { size, root } = await primary.call("sequencer_info");
  // One that has ended holds nothing that anybody could read.
  const infoOf = async ({ node, isRunning }: ReplicaProcess) =>
    isRunning ? await node!.call("sequencer_info") : { size: 0, root: node?.ended, peers: [] };
  const since = performance.now();
  let infos = await Promise.all(nodes.map(infoOf));
  while (performance.now() - since < SETTLE_MS && infos.some((info) => info.size !== size)) {
    await sleep(200);
    infos = await Promise.all(nodes.map(infoOf));
  }
  const settledSeconds = (performance.now() - since) / 1_000;
  const mebibytes = (await bytesOf(primary, Number(size))) / 2 ** 20;
  const rows = await Promise.all(
    nodes.map(async (replica, i) => {
      const info = infos[i]!;
      const lag = lagOf(published, replica.marks);
      if (replica.node!.ended !== undefined) replica.troubles.add(replica.node!.ended);
      const metric = await replica.metrics();
      return {
        replica,
        size: Number(info.size),
        missing: Number(size) - Number(info.size),
        isSame: info.root === root,
        duplicates: metric("sequencer_gossip_duplicates"),
        payloads: metric("sequencer_gossip_payloads"),
        p50: lag.quantile(0.5),
        p99: lag.quantile(0.99),
        worst: lag.max,
        peers: (info.peers as string[]).length,
        cpuMs: cpuMsPerMiB(replica, { cpuSeconds: replica.cpuBefore, size: 0 }, Number(size), mebibytes),
        lateCpuMs: cpuMsPerMiB(replica, replica.halfway, Number(size), mebibytes),
      };
    }),
  );
  const titles = ["size", "missing", "same root", "blocks", "again", "p50 ms", "p99 ms", "max ms", "peers"];
  console.log(`\n  ${["", ...titles, "kills", "CPU ms/MiB", "MiB"].map(cell).join("")}`);
  for (const { replica, ...row } of rows) {
    const cells = [
      ...[replica.name, row.size, row.missing, row.isSame, row.payloads, row.duplicates],
      ...[row.p50.toFixed(0), row.p99.toFixed(0), row.worst.toFixed(0), row.peers, replica.kills],
      ...[row.cpuMs.toFixed(1), ` ${replica.memory.map((one) => one.toFixed(0)).join(" ")}`],
    ];
    console.log(`  ${cells.map(String).map(cell).join("")}`);
    for (const trouble of replica.troubles) console.log(`      ${trouble}`);
  }
  const add = (what: string, unit: string, values: readonly number[], bar?: string): void =>
    report.row({ what, unit, values, ...(bar !== undefined && { bar }) });
  const steady = rows.filter(({ replica }) => replica.kills === 0);
  const missing = rows.map((row) => row.missing);
  add("missing at a replica", "entries", missing, "0");
  add("replicas with another root", "", [rows.filter((row) => !row.isSame).length], "0");
  add("last replica done after the load", "s", [settledSeconds]);
  const steadyValues = (of: (row: (typeof rows)[number]) => number): number[] => steady.map(of);
  add(
    "lag, p50, never killed",
    "ms",
    steadyValues(({ p50 }) => p50),
  );
  add(
    "lag, p99, never killed",
    "ms",
    steadyValues(({ p99 }) => p99),
    "<= 500",
  );
  add(
    "lag, longest, never killed",
    "ms",
    steadyValues(({ worst }) => worst),
  );
  add(
    "blocks received by gossip",
    "",
    steadyValues(({ payloads }) => payloads),
  );
  add(
    "of them again",
    "",
    steadyValues(({ duplicates }) => duplicates),
  );
  add(
    "processor time of a replica, never killed",
    "ms per MiB",
    steadyValues(({ cpuMs }) => cpuMs),
  );
  add(
    "  from half of the load on",
    "ms per MiB",
    steadyValues(({ lateCpuMs }) => lateCpuMs),
  );
  for (const [i, moment] of MOMENTS.entries())
    add(
      `memory of a replica, ${moment}`,
      "MiB",
      nodes.map(({ memory }) => memory[i]!),
    );
}

/** Milliseconds of processor time since then, by the bytes of the log since then; `mebibytes` are those of `size` entries. */
function cpuMsPerMiB(
  { isRunning, node }: ReplicaProcess,
  since: { readonly cpuSeconds: number; readonly size: number },
  size: number,
  mebibytes: number,
): number {
  if (!isRunning) return Number.NaN;
  return (1_000 * (node!.cpuSeconds() - since.cpuSeconds)) / (mebibytes * (1 - since.size / size));
}

/** Bytes of the log's entries, taken to be as long as its last one. */
async function bytesOf(primary: NodeProcess, size: number): Promise<number> {
  const { entries } = await primary.call("sequencer_read", size - 1, size - 1);
  const [{ payload }] = entries as [{ payload: string }];
  return size * (payload.length / 2 + 7);
}

/** Kills a replica drawn at random now and then; returns what ends it, with all replicas running. */
function killNowAndThen(nodes: readonly ReplicaProcess[]): () => Promise<void> {
  let isEnding = false;
  let end: (() => void) | undefined;
  const done = (async () => {
    for (;;) {
      await Promise.race([sleep(KILL_EVERY_MS), new Promise<void>((resolve) => (end = resolve))]);
      if (isEnding) return;
      await nodes[Math.floor(Math.random() * nodes.length)]!.restart();
    }
  })();
  return async () => {
    isEnding = true;
    end?.();
    await done;
  };
}

function cell(text: string): string {
  return text.padStart(11);
}
