/**
 * The ordering core by itself: transactions whose signatures count as verified enter at the ordering point and come
 * out durable, under a guarded and signed head. Beside it, in turns, the same blocks as raw commits to LMDB, which
 * nothing that makes them durable there can beat, and the same entries as batches of hypercore, which makes none durable.
 */
import { randomBytes } from "node:crypto";
import { statfsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { open } from "lmdb";
import { concatBytes, u64be } from "../src/base/bytes.ts";
import { HASH_BYTES, keccak256 } from "../src/base/hash.ts";
import { BLOCK_BYTES_MAX, BLOCK_ENTRIES_MAX } from "../src/base/limits.ts";
import { encodeEntry, TIMESTAMP_BYTES } from "../src/log/entry.ts";
import { LmdbStore } from "../src/log/lmdb-store.ts";
import type { Log, SealedBlock } from "../src/log/log.ts";
import { Permissions } from "../src/permission/policy.ts";
import { BlockHasher } from "../src/sequencing/block-hasher.ts";
import { Clock } from "../src/sequencing/clock.ts";
import { CommitLoop } from "../src/sequencing/commit-loop.ts";
import { useNativeSecp256k1 } from "../src/sequencing/native-secp256k1.ts";
import { Ordering } from "../src/sequencing/ordering.ts";
import type { Outcome } from "../src/sequencing/outcome.ts";
import { type PrimaryStart, startPrimary } from "../src/sequencing/start-up.ts";
import { packSubmissions, type Submissions } from "../src/sequencing/submissions.ts";
import { decodeOperation } from "../src/sequencing/transaction.ts";
import type { TransactionBatch } from "../src/sequencing/transaction-batch.ts";
import { appendBatches, openHypercore } from "./hypercore.ts";
import { type BenchOptions, median, type Report } from "./report.ts";
import { DATA_BYTES, signedTransaction, writers } from "./transactions.ts";
import { runAsNode } from "./v8-flags.ts";

/** Transactions ordered and not yet answered: a few blocks, so that the commit never waits for the generator. */
const WINDOW = 16_384;
/** Transactions that become verified together. */
const ARRIVAL = 256;
/** What a second of a run is worth: the time that it takes follows from the rate. */
const TRANSACTIONS_PER_SECOND = 200_000;
/** Transactions are signed for nearly as long as the log allows. */
const LIFETIME_PART = 0.9;
/**
 * Different transactions, taken in turn with ever new ids: the generator's own garbage is not to be measured. They fit
 * the processor's caches, as what was just decoded and verified does, and as hypercore's batches do.
 */
const PREPARED = 4_096;
/** hypercore's share of a run's transactions: it takes its time. */
const HYPERCORE_PART = 1 / 4;

export async function core(report: Report, options: BenchOptions): Promise<void> {
  useNativeSecp256k1();
  runAsNode();
  const count = Math.round(options.seconds * TRANSACTIONS_PER_SECOND);
  report.conditions({
    filesystem: filesystemOf(options.directory),
    "bytes of a transaction": `${DATA_BYTES} of data`,
    "transactions of a run": count,
    "transactions in flight": WINDOW,
    "block limits": `${BLOCK_ENTRIES_MAX} entries, ${BLOCK_BYTES_MAX} bytes`,
  });
  const directory = await mkdtemp(join(options.directory, "sequencer-bench-"));
  try {
    await measure(report, directory, count, options.repetitions);
  } finally {
    await rm(directory, { recursive: true });
  }
}

/** The core over the database and the guard in a directory, made if they are not there. */
export async function openCore(
  directory: string,
  start: Pick<PrimaryStart, "operatorKey" | "genesis" | "solo">,
) {
  const store = new LmdbStore({ path: join(directory, "db") });
  const { log, guard, signer } = await startPrimary({
    ...start,
    store,
    guardDirectory: join(directory, "guard"),
    now: Date.now(),
    warn: console.error,
  });
  const ordering = new Ordering(log, Permissions.fromRoles(store.roles()), new Clock());
  const onFatal = (error: unknown): never => {
    throw error;
  };
  const hasher = new BlockHasher();
  const commitLoop = new CommitLoop({ log, ordering, guard, signer, grow: hasher.grow, onFatal });
  const close = async (): Promise<void> => {
    await commitLoop.stop();
    await hasher.close();
    await guard.close();
    await store.close();
  };
  return { log, ordering, commitLoop, close };
}

async function measure(report: Report, directory: string, count: number, repetitions: number): Promise<void> {
  const { log, ordering, commitLoop, close } = await openCore(directory, {
    operatorKey: keccak256(new Uint8Array(1)),
    genesis: { writers: writers.toSorted(Buffer.compare), maxTransactionLifetimeMs: 3_600_000 },
  });
  const prepared = prepare(log);
  report.conditions({ "bytes of an entry": prepared[0]!.payloadBytes(0, 1) + TIMESTAMP_BYTES });

  const hypercore = await openHypercore(join(directory, "hypercore"));
  const batches = Array.from({ length: PREPARED }, (_, i) => {
    const payload = prepared[Math.floor(i / ARRIVAL)]!.payload(i % ARRIVAL);
    return Buffer.from(encodeEntry({ timestamp: Date.now(), payload }));
  });

  const rates: number[] = [];
  const processor: number[] = [];
  const allProcessors: number[] = [];
  const rawRates: number[] = [];
  const hypercoreRates: number[] = [];
  const hypercoreProcessor: number[] = [];
  const perBlock: number[] = [];
  await appendBatches(hypercore, batches, ARRIVAL, count * HYPERCORE_PART);
  await runCore(ordering, commitLoop, prepared, freshIds(count));
  for (let i = 0; i < repetitions; i++) {
    const ids = freshIds(count);
    const blocks: SealedBlock[] = [];
    const stop = log.onPublish((_head, block) => blocks.push(block));
    const usage = processorTime();
    const seconds = await runCore(ordering, commitLoop, prepared, ids);
    const { mainThread, all } = usage();
    stop();
    rates.push(count / seconds);
    processor.push(mainThread / count);
    allProcessors.push(all / count);
    perBlock.push(count / blocks.length);
    rawRates.push(count / (await commitRaw(join(directory, `raw-${i}`), blocks)));
    const batch = Math.min(PREPARED, Math.round(count / blocks.length));
    const hypercoreUsage = processorTime();
    const appended = count * HYPERCORE_PART;
    hypercoreRates.push(appended / (await appendBatches(hypercore, batches, batch, appended)));
    hypercoreProcessor.push(hypercoreUsage().all / appended);
  }
  await close();
  await hypercore.close();

  report.row({ what: "ordered, committed, guarded, signed", unit: "tx/s", values: rates, bar: ">= 400,000" });
  report.row({ what: "main thread's time", unit: "us/tx", values: processor });
  report.row({ what: "all threads' time", unit: "us/tx", values: allProcessors });
  report.row({ what: "entries of a block", unit: "", values: perBlock });
  report.row({ what: "hypercore, batches of as many blocks", unit: "blocks/s", values: hypercoreRates });
  report.row({ what: "all threads' time", unit: "us/block", values: hypercoreProcessor });
  report.row({
    what: "the first as a multiple of hypercore",
    unit: "times",
    values: rates.map((rate, i) => rate / hypercoreRates[i]!),
    bar: ">= 5",
  });
  report.row({ what: "the same blocks as raw LMDB commits", unit: "tx/s", values: rawRates });
  report.row({
    what: "the first as a part of raw commits",
    unit: "%",
    values: rates.map((rate, i) => (100 * rate) / rawRates[i]!),
  });
  console.log(`  median ${Math.round(median(rates)).toLocaleString("en-US")} tx/s`);
}

/** Microseconds of processor time from now until the returned function is called. */
function processorTime(): () => { mainThread: number; all: number } {
  const thread = process.threadCpuUsage();
  const all = process.cpuUsage();
  const sum = ({ user, system }: NodeJS.CpuUsage): number => user + system;
  return () => ({
    mainThread: sum(process.threadCpuUsage(thread)),
    all: sum(process.cpuUsage(all)),
  });
}

/** The transactions of a full window, as many as become verified together in each batch, as workers leave them. */
export function prepare({ context, genesis }: Log): TransactionBatch[] {
  const expires = Date.now() + Math.floor(genesis.maxTransactionLifetimeMs * LIFETIME_PART);
  const transactions = Array.from({ length: PREPARED }, (_, nonce) => {
    const payload = signedTransaction(context, nonce, expires);
    return {
      payload,
      operation: decodeOperation(payload),
      id: new Uint8Array(HASH_BYTES),
      settle: () => undefined,
    };
  });
  return Array.from({ length: WINDOW / ARRIVAL }, (_, i) => {
    const first = (i * ARRIVAL) % PREPARED;
    return packSubmissions(transactions.slice(first, first + ARRIVAL)).batch;
  });
}

/** Ids that are new to the log: to the core they are nothing but hashes. */
export function freshIds(count: number): Uint8Array {
  return new Uint8Array(randomBytes(count * HASH_BYTES));
}

/** Seconds from the first order to the last answer. */
export async function runCore(
  ordering: Ordering,
  commitLoop: CommitLoop,
  prepared: readonly TransactionBatch[],
  ids: Uint8Array,
): Promise<number> {
  const count = ids.length / HASH_BYTES;
  const start = performance.now();
  await new Promise<void>((resolve, reject) => {
    const free = [...prepared];
    let next = 0;
    let settled = 0;
    let isWaiting = false;
    const settle = (outcome: Outcome): void => {
      if (outcome instanceof Error) reject(outcome);
      if (++settled === count) resolve();
    };
    const arriveSoon = (): void => {
      isWaiting = false;
      setImmediate(arrive);
    };
    const arrive = (): void => {
      const batch = free.pop()!;
      const arrived = Math.min(ARRIVAL, count - next);
      batch.ids.set(ids.subarray(next * HASH_BYTES, (next + arrived) * HASH_BYTES));
      let open = arrived;
      const submissions: Submissions = {
        batch,
        settle: (_i, outcome) => {
          settle(outcome);
          if (--open > 0) return;
          free.push(batch);
          if (isWaiting) arriveSoon();
        },
      };
      for (let i = 0; i < arrived; i++) ordering.order(submissions, i);
      next += arrived;
      commitLoop.kick();
      if (next === count) return;
      // A full window waits for answers, as clients do, and leaves the processor alone.
      if (free.length === 0) isWaiting = true;
      else arriveSoon();
    };
    arrive();
  });
  return (performance.now() - start) / 1_000;
}

/** Seconds to commit the blocks one after the other, each on the disk before the next begins. */
async function commitRaw(path: string, blocks: readonly SealedBlock[]): Promise<number> {
  const database = open<Uint8Array, Uint8Array>({
    path,
    encoding: "binary",
    keyEncoding: "binary",
    overlappingSync: false,
  });
  const values = blocks.map(({ entries, ids }) => concatBytes(entries, ids));
  const start = performance.now();
  for (let i = 0; i < values.length; i++) await database.put(u64be(i), values[i]!);
  const seconds = (performance.now() - start) / 1_000;
  await database.close();
  await rm(path, { recursive: true });
  return seconds;
}

const FILESYSTEMS: Readonly<Record<number, string>> = {
  61267: "ext4",
  1481003842: "xfs",
  2435016766: "btrfs",
  2035054128: "overlayfs",
  16914836: "tmpfs: NOT A DISK, durability is free here",
};

function filesystemOf(directory: string): string {
  const { type } = statfsSync(directory);
  return FILESYSTEMS[type] ?? `0x${type.toString(16)}`;
}
