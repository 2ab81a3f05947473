/**
 * A log of a hundred million entries beside one of a million: how long a node takes to start on it, to prove an entry,
 * what memory it needs, and whether it appends as fast. `--entries` and `--rate` say what log is made, `--log` where it
 * stays, to be measured again.
 */
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { useNativeSecp256k1 } from "../src/sequencing/native-secp256k1.ts";
import { Connection } from "./connection.ts";
import { freshIds, openCore, prepare, runCore } from "./core.ts";
import { Histogram } from "./histogram.ts";
import { generateLog, OPERATOR_KEY } from "./large-log-generator.ts";
import { LoadGenerator } from "./load.ts";
import { NodeProcess } from "./node-process.ts";
import type { BenchOptions, Report } from "./report.ts";

const SMALL_ENTRIES = 1_000_000;
/** Entries a second by the timestamps of the log, unless `--rate` says otherwise. */
const RATE = 2_000;
const RECEIPTS = 1_000;
/** Transactions of one run of the ordering core; requests of one over HTTP, their calls and connections. */
const CORE_TRANSACTIONS = 200_000;
const APPEND_REQUESTS = 300;
const BATCH = 100;
const BATCH_CONNECTIONS = 8;

export async function largeLog(report: Report, options: BenchOptions): Promise<void> {
  const { entries, rate = RATE, repetitions } = options;
  report.conditions({ entries, "entries a second": rate, "compared with": SMALL_ENTRIES });
  const directory = options.log ?? (await mkdtemp(join(options.directory, "sequencer-bench-")));
  const logs = { large: join(directory, "large"), small: join(directory, "small") };
  try {
    for (const path of Object.values(logs)) await mkdir(path, { recursive: true });
    await generateLog({ directory: logs.small, entries: SMALL_ENTRIES, rate });
    await generateLog({ directory: logs.large, entries, rate });
    await measureStart(report, logs.large, options);
    await measureAppends(report, logs, repetitions);
    await measureCore(report, logs, repetitions);
  } finally {
    if (options.log === undefined) await rm(directory, { recursive: true });
  }
}

/** Start, receipts and memory, each time with nothing of the database in memory if the kernel lets us drop it. */
async function measureStart(
  report: Report,
  path: string,
  { directory, repetitions }: BenchOptions,
): Promise<void> {
  const starts: number[] = [];
  const emptyStarts: number[] = [];
  const receipts = { cold: new Histogram(), warm: new Histogram() };
  const memory = { anonymous: [] as number[], file: [] as number[] };
  report.conditions({ "page cache dropped before each start": dropPageCache() });
  for (let i = 0; i < repetitions; i++) {
    const emptyFrom = performance.now();
    const empty = await NodeProcess.start(directory);
    emptyStarts.push((performance.now() - emptyFrom) / 1_000);
    await empty.stop();
    dropPageCache();
    const from = performance.now();
    const node = await NodeProcess.resume(path, OPERATOR_KEY);
    starts.push((performance.now() - from) / 1_000);
    const size = Number((await node.call("sequencer_info")).size);
    const sequences = Array.from({ length: RECEIPTS }, () => Math.floor(Math.random() * size));
    await askReceipts(node, sequences, receipts.cold);
    await askReceipts(node, sequences, receipts.warm);
    const { anonymous, file } = node.memory();
    memory.anonymous.push(anonymous);
    memory.file.push(file);
    await node.stop();
  }
  report.row({ what: "start, from the command to the API's line", unit: "s", values: starts, bar: "<= 2" });
  report.row({ what: "  of an empty log", unit: "s", values: emptyStarts });
  for (const [name, histogram] of Object.entries(receipts)) {
    const { p50, p99 } = histogram.summary();
    report.row({ what: `receipt of a random entry, ${name}, p50`, unit: "ms", values: [p50] });
    report.row({ what: "  p99", unit: "ms", values: [p99], bar: "<= 5" });
  }
  report.row({ what: "memory, anonymous", unit: "MiB", values: memory.anonymous, bar: "<= 400" });
  report.row({ what: "  mapped pages of the database and programs", unit: "MiB", values: memory.file });
}

/** Clean pages leave the page cache; true if the kernel let us. */
function dropPageCache(): boolean {
  try {
    execFileSync("sync");
    writeFileSync("/proc/sys/vm/drop_caches", "1");
    return true;
  } catch {
    return false;
  }
}

/** One after the other over one connection. */
async function askReceipts(node: NodeProcess, sequences: readonly number[], into: Histogram): Promise<void> {
  const connection = await Connection.open(new URL(node.url));
  for (const sequence of sequences) {
    const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "sequencer_receipt", params: [sequence] });
    const head = `POST / HTTP/1.1\r\nHost: bench\r\nContent-Length: ${body.length}\r\n\r\n`;
    const start = performance.now();
    const ok = await new Promise((resolve) => connection.send(Buffer.from(head + body), resolve));
    if (ok !== true) throw new Error(`no receipt of ${sequence}`);
    into.add(performance.now() - start);
  }
  connection.close();
}

interface Logs {
  readonly large: string;
  readonly small: string;
}

/** Both nodes run; they are asked in turns. */
async function measureAppends(report: Report, logs: Logs, repetitions: number): Promise<void> {
  const nodes = await Promise.all(
    [logs.large, logs.small].map(async (path) => await NodeProcess.resume(path, OPERATOR_KEY)),
  );
  const generators = nodes.map((node) => new LoadGenerator(node));
  const work = { kind: "append", batch: BATCH } as const;
  const job = { work, requests: APPEND_REQUESTS, connections: BATCH_CONNECTIONS };
  const rates: number[][] = [[], []];
  const processor: number[][] = [[], []];
  try {
    for (let i = -1; i < repetitions; i++) {
      for (const [which, generator] of generators.entries()) {
        const { seconds, node } = await generator.run(job);
        // The first round is for the compiler.
        if (i < 0) continue;
        rates[which]!.push((APPEND_REQUESTS * BATCH) / seconds);
        processor[which]!.push((node.cpuSeconds * 1e6) / (APPEND_REQUESTS * BATCH));
      }
    }
    report.row({
      what: "memory, anonymous, after these appends",
      unit: "MiB",
      values: [nodes[0]!.memory().anonymous],
    });
  } finally {
    for (const generator of generators) generator.stop();
    for (const node of nodes) await node.stop();
  }
  addRatio(report, `appends in batches of ${BATCH}`, rates, processor);
}

/** The ordering core on both logs, in turns. */
async function measureCore(report: Report, logs: Logs, repetitions: number): Promise<void> {
  useNativeSecp256k1();
  const cores = [await openCoreOf(logs.large), await openCoreOf(logs.small)];
  const rates: number[][] = [[], []];
  const processor: number[][] = [[], []];
  for (let i = -1; i < repetitions; i++) {
    for (const [which, core] of cores.entries()) {
      const { seconds, user, system } = await core.run();
      if (i < 0) continue;
      rates[which]!.push(CORE_TRANSACTIONS / seconds);
      processor[which]!.push((user + system) / CORE_TRANSACTIONS);
    }
  }
  for (const core of cores) await core.close();
  addRatio(report, "ordering core", rates, processor);
}

async function openCoreOf(directory: string) {
  const { log, ordering, commitLoop, close } = await openCore(directory, {
    operatorKey: OPERATOR_KEY,
    genesis: {},
    solo: true,
  });
  return {
    run: async () => {
      const ids = freshIds(CORE_TRANSACTIONS);
      // Signed anew each time: none may expire while the others run.
      const prepared = prepare(log);
      const before = process.threadCpuUsage();
      const seconds = await runCore(ordering, commitLoop, prepared, ids);
      return { seconds, ...process.threadCpuUsage(before) };
    },
    close,
  };
}

function addRatio(report: Report, what: string, rates: number[][], processor: number[][]): void {
  const [large, small] = rates as [number[], number[]];
  report.row({ what: `${what}, large log`, unit: "tx/s", values: large });
  report.row({ what: "  log of a million", unit: "tx/s", values: small });
  const percent = large.map((rate, i) => (100 * rate) / small[i]!);
  report.row({ what: "  the first as a part of the second", unit: "%", values: percent, bar: ">= 90" });
  report.row({ what: "  processor time, large log", unit: "us/tx", values: processor[0]! });
  report.row({ what: "  log of a million", unit: "us/tx", values: processor[1]! });
}
