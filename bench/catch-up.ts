/**
 * How fast a new replica catches up from four others that serve it at once, each a process of its own started by the
 * launcher. The log is made beforehand, straight into a database that is copied for each of the four.
 */
import { cp, mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { toHex, viewOf } from "../src/base/bytes.ts";
import { HASH_BYTES } from "../src/base/hash.ts";
import { encodeEntry, PAYLOAD_TYPES } from "../src/log/entry.ts";
import { LmdbStore } from "../src/log/lmdb-store.ts";
import { leafHashes } from "../src/log/merkle.ts";
import { packEntries } from "../src/log/packed-entries.ts";
import { CheckpointSigner } from "../src/sequencing/checkpoint-signer.ts";
import { useNativeSecp256k1 } from "../src/sequencing/native-secp256k1.ts";
import { operator } from "../test/helpers/accounts.ts";
import { START, storedLog } from "../test/helpers/stored-log.ts";
import { Histogram } from "./histogram.ts";
import { NodeProcess } from "./node-process.ts";
import { ReplicaProcess, sleep } from "./replica-process.ts";
import type { BenchOptions, Report } from "./report.ts";
import { DATA_BYTES } from "./transactions.ts";

const ENTRIES = 1_000_000;
const BLOCK_ENTRIES = 2_000;
const PEERS = 4;
/** A transaction's other fields: about this many bytes. */
const FIELDS_BYTES = 110;
const LOOK_MS = 50;

export async function catchUp(report: Report, { directory, repetitions }: BenchOptions): Promise<void> {
  report.conditions({
    entries: ENTRIES,
    peers: `${PEERS}, each a process on this machine, as the one that catches up`,
    "bytes of an entry": DATA_BYTES + FIELDS_BYTES,
  });
  const parent = await mkdtemp(join(directory, "sequencer-bench-"));
  const servers: NodeProcess[] = [];
  try {
    const logId = await makeLog(join(parent, "made"));
    const flags = ["-mode", "replica", "-verify", "head", "-log", logId];
    const addresses: string[] = [];
    for (let i = 0; i < PEERS; i++) {
      const path = join(parent, `server${i}`);
      await cp(join(parent, "made"), path, { recursive: true });
      const peers = addresses.length === 0 ? [] : ["-peers", addresses.join(",")];
      const server = await NodeProcess.join(["-dbpath", path, ...flags, ...peers], () => undefined);
      servers.push(server);
      addresses.push(await addressOf(server));
    }
    const runs: CatchUpRun[] = [];
    for (let i = 0; i < repetitions; i++) {
      const path = join(parent, `new${i}`);
      runs.push(await run(servers, ["-dbpath", path, ...flags, "-peers", addresses.join(",")]));
      await rm(path, { recursive: true });
    }
    const row = (what: string, unit: string, of: (one: CatchUpRun) => number, bar?: string): void =>
      report.row({ what, unit, values: runs.map(of), ...(bar !== undefined && { bar }) });
    row("stored on disk, -verify head", "entries/s", ({ rate }) => rate, ">= 100,000");
    row("from the launch of the process to the last entry", "s", ({ seconds }) => seconds);
    row("processor time of the one that catches up", "us/entry", ({ cpuMicroseconds }) => cpuMicroseconds);
    row("  of the four that serve it", "us/entry", ({ serverMicroseconds }) => serverMicroseconds);
    row("memory of the one that catches up, most", "MiB", ({ memoryMax }) => memoryMax);
    row("its answers to /health meanwhile, p99", "ms", ({ ownP99 }) => ownP99);
    row("  those of the four", "ms", ({ serverP99 }) => serverP99);
  } finally {
    await Promise.all(servers.map((server) => server.stop()));
    await rm(parent, { recursive: true });
  }
}

interface CatchUpRun {
  readonly rate: number;
  readonly seconds: number;
  readonly cpuMicroseconds: number;
  readonly serverMicroseconds: number;
  readonly memoryMax: number;
  readonly ownP99: number;
  readonly serverP99: number;
}

/** Lets a new replica catch up, and asks it and the servers all the time how they are. */
async function run(servers: readonly NodeProcess[], flags: readonly string[]): Promise<CatchUpRun> {
  const serverCpu = (): number => servers.reduce((sum, server) => sum + server.cpuSeconds(), 0);
  const serverCpuBefore = serverCpu();
  const launched = Date.now();
  const replica = new ReplicaProcess("new", flags);
  await replica.start();
  const ownAnswers = new Histogram();
  const serverAnswers = new Histogram();
  const ask = async (node: NodeProcess, answers: Histogram): Promise<void> => {
    const asked = performance.now();
    await (await fetch(`${node.url}/health`)).arrayBuffer();
    answers.add(performance.now() - asked);
  };
  while ((replica.marks.at(-1)?.size ?? 0) <= ENTRIES) {
    const asked = servers.map((server) => ask(server, serverAnswers));
    await Promise.all([ask(replica.node!, ownAnswers), ...asked]);
    replica.lookAtMemory();
    await sleep(LOOK_MS);
  }
  const [first, last] = [replica.marks[0]!, replica.marks.at(-1)!];
  const result = {
    rate: (1_000 * (last.size - first.size)) / (last.time - first.time),
    seconds: (last.time - launched) / 1_000,
    cpuMicroseconds: (1e6 * replica.node!.cpuSeconds()) / ENTRIES,
    serverMicroseconds: (1e6 * (serverCpu() - serverCpuBefore)) / ENTRIES,
    memoryMax: Math.max(...replica.memory),
    ownP99: ownAnswers.quantile(0.99),
    serverP99: serverAnswers.quantile(0.99),
  };
  await replica.node!.stop();
  return result;
}

/** Makes a signed log in a new database; returns its id. */
async function makeLog(path: string): Promise<string> {
  useNativeSecp256k1();
  const store = new LmdbStore({ path });
  const log = await storedLog(store, []);
  const signer = new CheckpointSigner(log.genesis, log.context, operator.key);
  const payload = new Uint8Array(DATA_BYTES + FIELDS_BYTES).fill(PAYLOAD_TYPES.transaction);
  for (let first = 1; first <= ENTRIES; first += BLOCK_ENTRIES) {
    const entries = Array.from({ length: BLOCK_ENTRIES }, (_, i) => {
      viewOf(payload).setUint32(1, first + i);
      return encodeEntry({ timestamp: START + first + i, payload });
    });
    const growth = log.grow(leafHashes(entries));
    const ids = new Uint8Array(BLOCK_ENTRIES * HASH_BYTES);
    const lastTimestamp = START + growth.size - 1;
    const sealed = { growth, entries: packEntries(entries), ids, roles: [], lastTimestamp };
    await log.commit(sealed, signer.sign({ size: growth.size, root: growth.root }).note);
  }
  await store.close();
  return toHex(log.logId);
}

async function addressOf(node: NodeProcess): Promise<string> {
  const { multiaddrs } = await node.call("sequencer_info");
  return (multiaddrs as string[]).find((one) => one.includes("/127.0.0.1/"))!;
}
