/**
 * End to end over HTTP: signed transactions in, receipts out, one to a request and in batches, as fast as the node
 * takes them. Beside it, in the same run, what npm's native verification does on the same cores.
 */
import { availableParallelism } from "node:os";
import { LoadGenerator, type MeasuredLoad } from "./load.ts";
import { NodeProcess } from "./node-process.ts";
import { rawVerification } from "./raw-verification.ts";
import type { BenchOptions, Report } from "./report.ts";
import { ACCOUNTS, DATA_BYTES } from "./transactions.ts";

export const BATCH = 100;
/** Enough to keep both the node's threads and the generator at work. */
export const BATCH_CONNECTIONS = 8;
const SINGLE_CONNECTIONS = 64;
/** Requests of the first measurement, which says how many the others need, and warms the node up. */
const TRIAL = { batched: 200, single: 10_000 };
const VERIFICATION_PART = 0.3;

export async function http(report: Report, { seconds, repetitions, directory }: BenchOptions): Promise<void> {
  report.conditions({
    "bytes of a transaction": `${DATA_BYTES} of data`,
    accounts: ACCOUNTS,
    connections: `${SINGLE_CONNECTIONS} single, ${BATCH_CONNECTIONS} batched`,
    "calls of a batch": BATCH,
    receipts: "full",
  });
  const node = await NodeProcess.start(directory);
  const generator = new LoadGenerator(node);
  try {
    const single = { work: { kind: "append", batch: 1 }, connections: SINGLE_CONNECTIONS } as const;
    const batched = { work: { kind: "append", batch: BATCH }, connections: BATCH_CONNECTIONS } as const;
    const requests = {
      single: requestsFor(seconds, TRIAL.single, await generator.run({ ...single, requests: TRIAL.single })),
      batched: requestsFor(
        seconds,
        TRIAL.batched,
        await generator.run({ ...batched, requests: TRIAL.batched }),
      ),
    };
    const rounds: Round[] = [];
    for (let i = 0; i < repetitions; i++) {
      rounds.push({
        raw: await rawVerification(seconds * VERIFICATION_PART),
        single: await generator.run({ ...single, requests: requests.single }),
        batched: await generator.run({ ...batched, requests: requests.batched }),
        requests,
      });
    }
    addRows(report, rounds);
  } finally {
    generator.stop();
    await node.stop();
  }
}

/** Transactions a second in batches, closed loop, measured briefly: what open loops take their rates from. */
export async function batchThroughput(generator: LoadGenerator, seconds: number): Promise<number> {
  const batched = { work: { kind: "append", batch: BATCH }, connections: BATCH_CONNECTIONS } as const;
  const trial = await generator.run({ ...batched, requests: TRIAL.batched });
  const requests = requestsFor(seconds, TRIAL.batched, trial);
  return (requests * BATCH) / (await generator.run({ ...batched, requests })).seconds;
}

function requestsFor(seconds: number, requests: number, trial: MeasuredLoad): number {
  return Math.max(requests, Math.round((requests * seconds) / trial.seconds));
}

interface Round {
  readonly raw: { readonly rate: number; readonly ratePerCpuSecond: number };
  readonly single: MeasuredLoad;
  readonly batched: MeasuredLoad;
  readonly requests: { readonly single: number; readonly batched: number };
}

function addRows(report: Report, rounds: readonly Round[]): void {
  const cores = availableParallelism();
  const row = (what: string, unit: string, of: (round: Round) => number, bar?: string): void => {
    report.row({ what, unit, values: rounds.map(of), ...(bar !== undefined && { bar }) });
  };
  const rate = ({ requests, batched }: Round): number => (requests.batched * BATCH) / batched.seconds;
  const generatorCores = ({ batched }: Round): number => batched.cpuSeconds / batched.seconds;
  const nodeMicroseconds = ({ requests, batched }: Round): number =>
    (batched.nodeCpuSeconds * 1e6) / (requests.batched * BATCH);
  row("raw verification, all cores", "signatures/s", ({ raw }) => raw.rate);
  row("one transaction a request", "tx/s", ({ single, requests }) => requests.single / single.seconds);
  row("  load generator", "cores", ({ single }) => single.cpuSeconds / single.seconds);
  row("  node", "cores", ({ single }) => single.nodeCpuSeconds / single.seconds);
  row(`batches of ${BATCH}`, "tx/s", rate);
  row("  load generator", "cores", generatorCores);
  row("  node", "cores", ({ batched }) => batched.nodeCpuSeconds / batched.seconds);
  row(
    "  of raw verification on the cores left by the generator",
    "%",
    (round) => (100 * rate(round)) / ((round.raw.rate / cores) * (cores - generatorCores(round))),
    ">= 70",
  );
  row("  node's processor time", "us/tx", nodeMicroseconds);
  row("  raw verification's processor time", "us/signature", ({ raw }) => 1e6 / raw.ratePerCpuSecond);
  row(
    "  the second as a part of the first",
    "%",
    (round) => (100 * 1e6) / round.raw.ratePerCpuSecond / nodeMicroseconds(round),
  );
}
