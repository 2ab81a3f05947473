/**
 * One primary and its replicas, each a process of its own started by the launcher, under a constant load of signed
 * transactions: who misses what, and how long a block takes from the primary to each replica's disk. All nodes run on
 * one machine and read one clock: each writes a line to its log when it publishes or stores.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { toHex } from "../src/base/bytes.ts";
import { BATCH } from "./capacity.ts";
import { Histogram } from "./histogram.ts";
import { LoadGenerator } from "./load.ts";
import { NodeProcess } from "./node-process.ts";
import type { BenchOptions, Report } from "./report.ts";
import { DATA_BYTES, writers } from "./transactions.ts";

const RATE = 10_000;
const CONNECTIONS = 64;
const KILL_EVERY_MS = 10_000;
const DOWN_MS = 2_000;
/** Time for the replicas to get what is under way when the load ends. */
const SETTLE_MS = 120_000;

/** When a node said that its log reached a size, by its own clock. */
interface Mark {
  readonly size: number;
  /** Unix milliseconds. */
  readonly time: number;
}

class Replica {
  readonly name: string;
  readonly marks: Mark[] = [];
  readonly troubles = new Set<string>();
  kills = 0;
  node: NodeProcess | undefined;
  memoryBefore = 0;
  /** Half way through the load, in MiB; what is full by then should not grow any more. */
  memoryHalfWay = 0;
  readonly #flags: readonly string[];

  constructor(name: string, flags: readonly string[]) {
    this.name = name;
    this.#flags = flags;
  }

  async start(): Promise<void> {
    this.node = await NodeProcess.join(this.#flags, (line) => {
      const mark = markOf(line, "stored");
      if (mark !== undefined) this.marks.push(mark);
      else if (/"level":(50|60)/.test(line)) this.troubles.add(/"msg":"([^"]*)"/.exec(line)?.[1] ?? line);
    });
  }

  async restart(): Promise<void> {
    this.kills++;
    await this.node!.kill();
    this.node = undefined;
    await sleep(DOWN_MS);
    await this.start();
  }
}

export async function replicas(report: Report, options: BenchOptions): Promise<void> {
  process.setMaxListeners(0); // Every process is killed should this one end early.
  const directory = await mkdtemp(join(options.directory, "sequencer-bench-"));
  const published: Mark[] = [];
  const nodes: Replica[] = [];
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
      const replica = new Replica(`r${i + 1}`, [...files(`r${i + 1}`), ...flags]);
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
    for (const replica of nodes) replica.memoryBefore = replica.node!.memory().anonymous;
    const halfWay = setTimeout(() => {
      for (const replica of nodes) replica.memoryHalfWay = replica.node?.memory().anonymous ?? 0;
    }, options.seconds * 500);
    const stopKilling = options.kill ? killNowAndThen(nodes) : async () => {};
    const work = { kind: "append", batch: BATCH, signWhileSending: true } as const;
    const requests = Math.ceil((rate * options.seconds) / BATCH);
    const load = await generator.offer({ work, requests, connections: CONNECTIONS, rate: rate / BATCH });
    clearTimeout(halfWay);
    await stopKilling();
    report.row({ what: "ordered by the primary", unit: "tx/s", values: [load.appended / load.seconds] });
    report.row({ what: "requests refused", unit: "", values: [load.failures] });
    report.row({ what: "receipts, p99", unit: "ms", values: [load.latency.p99] });
    report.row({
      what: "processor time of the primary",
      unit: "s per s",
      values: [load.node.cpuSeconds / load.seconds],
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
  nodes: readonly Replica[],
  published: readonly Mark[],
): Promise<void> {
  const { size, root } = await primary.call("sequencer_info");
  // One that has ended holds nothing that anybody could read.
  const infoOf = async ({ node }: Replica) =>
    node!.ended === undefined
      ? await node!.call("sequencer_info")
      : { size: 0, root: node!.ended, peers: [] };
  const since = performance.now();
  let infos = await Promise.all(nodes.map(infoOf));
  while (performance.now() - since < SETTLE_MS && infos.some((info) => info.size !== size)) {
    await sleep(200);
    infos = await Promise.all(nodes.map(infoOf));
  }
  const settledSeconds = (performance.now() - since) / 1_000;
  console.log(
    `\n  ${["", "size", "missing", "same root", "dup.", "p50 ms", "p99 ms", "peers", "kills", "MiB before", "MiB after"].map(cell).join("")}`,
  );
  const rows = await Promise.all(
    nodes.map(async (replica, i) => {
      const info = infos[i]!;
      const lag = lagOf(published, replica.marks);
      const hasEnded = replica.node!.ended !== undefined;
      if (hasEnded) replica.troubles.add(replica.node!.ended!);
      const metrics = hasEnded ? "" : await (await fetch(`${replica.node!.url}/metrics`)).text();
      const metric = (name: string): number => Number(new RegExp(`^${name} (\\S+)$`, "m").exec(metrics)?.[1]);
      return {
        replica,
        size: Number(info.size),
        missing: Number(size) - Number(info.size),
        isSame: info.root === root,
        duplicates: metric("sequencer_gossip_duplicates"),
        payloads: metric("sequencer_gossip_payloads"),
        p50: lag.quantile(0.5),
        p99: lag.quantile(0.99),
        peers: (info.peers as string[]).length,
        memory: hasEnded ? 0 : replica.node!.memory().anonymous,
      };
    }),
  );
  for (const { replica, ...row } of rows) {
    const cells = [
      ...[replica.name, row.size, row.missing, row.isSame, row.duplicates],
      ...[row.p50.toFixed(0), row.p99.toFixed(0), row.peers, replica.kills],
      ...[replica.memoryBefore.toFixed(0), row.memory.toFixed(0)],
    ];
    console.log(`  ${cells.map(String).map(cell).join("")}`);
    for (const trouble of replica.troubles) console.log(`      ${trouble}`);
  }
  const steady = rows.filter(({ replica }) => replica.kills === 0);
  report.row({
    what: "missing at a replica",
    unit: "entries",
    values: rows.map((row) => row.missing),
    bar: "0",
  });
  report.row({
    what: "replicas with another root",
    unit: "",
    values: [rows.filter((row) => !row.isSame).length],
    bar: "0",
  });
  report.row({ what: "last replica done after the load", unit: "s", values: [settledSeconds] });
  report.row({ what: "lag, p50, never killed", unit: "ms", values: steady.map((row) => row.p50) });
  report.row({ what: "lag, p99, never killed", unit: "ms", values: steady.map((row) => row.p99) });
  report.row({ what: "blocks received by gossip", unit: "", values: rows.map((row) => row.payloads) });
  report.row({ what: "of them again", unit: "", values: rows.map((row) => row.duplicates) });
  report.row({
    what: "memory of a replica, before",
    unit: "MiB",
    values: nodes.map((one) => one.memoryBefore),
  });
  const halfWay = nodes.map((one) => one.memoryHalfWay);
  report.row({ what: "memory of a replica, half way", unit: "MiB", values: halfWay });
  report.row({ what: "memory of a replica, after", unit: "MiB", values: rows.map((row) => row.memory) });
}

/** From the moment a block was published to the moment its last entry was stored, weighed by its entries. */
function lagOf(published: readonly Mark[], stored: readonly Mark[]): Histogram {
  const lag = new Histogram();
  let next = 0;
  let size = 1;
  for (const block of published) {
    while (next < stored.length && stored[next]!.size < block.size) next++;
    if (next === stored.length) break;
    lag.add(Math.max(0, stored[next]!.time - block.time), block.size - size);
    size = block.size;
  }
  return lag;
}

/** Kills a replica drawn at random now and then; returns what ends it, with all replicas running. */
function killNowAndThen(nodes: readonly Replica[]): () => Promise<void> {
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

function markOf(line: string, message: string): Mark | undefined {
  if (!line.includes(`"msg":"${message}"`)) return undefined;
  const { size, time } = JSON.parse(line) as { size: number; time: number };
  return { size, time };
}

function cell(text: string): string {
  return text.padStart(11);
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}
