/**
 * End to end over HTTP: signed transactions in, receipts out, one to a request and in batches, as fast as the node
 * takes them. Beside it, in turns, what npm's native verification does on the same cores, and what a bare HTTP server
 * does with the same requests.
 */
import { availableParallelism } from "node:os";
import { BATCH, BATCH_CONNECTIONS, requestsFor } from "./capacity.ts";
import { LoadGenerator, type LoadResult, type MeasuredLoad } from "./load.ts";
import { NodeProcess } from "./node-process.ts";
import { type RawVerification, rawVerification } from "./raw-verification.ts";
import type { BenchOptions, Report } from "./report.ts";
import { ACCOUNTS, DATA_BYTES } from "./transactions.ts";

const SINGLE_CONNECTIONS = 64;
/** Requests of the first measurement, which says how many the others need, and warms everybody up. */
const TRIAL = { batched: 200, single: 10_000 };
/** WebSockets, and messages under way on each. */
const SOCKETS = 8;
const SOCKET_MESSAGES = 128;
const VERIFICATION_PART = 0.3;
/** Bytes of a full receipt as JSON, in a log of some ten thousand entries. */
const RECEIPT_BYTES = 1_500;

const single = { work: { kind: "append", batch: 1 }, connections: SINGLE_CONNECTIONS } as const;
const batched = { work: { kind: "append", batch: BATCH }, connections: BATCH_CONNECTIONS } as const;
const streamed = {
  work: { kind: "append", batch: 1, underWay: SOCKET_MESSAGES },
  connections: SOCKETS,
} as const;

export async function http(report: Report, { seconds, repetitions, directory }: BenchOptions): Promise<void> {
  report.conditions({
    "bytes of a transaction": `${DATA_BYTES} of data`,
    accounts: ACCOUNTS,
    connections: `${SINGLE_CONNECTIONS} single, ${BATCH_CONNECTIONS} batched, ${SOCKETS} WebSockets with ${SOCKET_MESSAGES} messages under way`,
    "calls of a batch": BATCH,
    receipts: "full",
  });
  const node = await NodeProcess.start(directory);
  const echo = await NodeProcess.startEcho();
  const longEcho = await NodeProcess.startEcho(RECEIPT_BYTES);
  const generator = new LoadGenerator(node);
  const elsewhere = async ({ url }: NodeProcess, requests: number): Promise<LoadResult> =>
    await generator.runElsewhere({ ...single, requests, sendTo: url });
  try {
    const trial = {
      single: await generator.run({ ...single, requests: TRIAL.single }),
      batched: await generator.run({ ...batched, requests: TRIAL.batched }),
      streamed: await generator.run({ ...streamed, requests: TRIAL.single }),
      echo: await elsewhere(echo, TRIAL.single),
    };
    await elsewhere(longEcho, TRIAL.single);
    const requests = {
      single: requestsFor(seconds, TRIAL.single, trial.single),
      batched: requestsFor(seconds, TRIAL.batched, trial.batched),
      streamed: requestsFor(seconds, TRIAL.single, trial.streamed),
      echo: requestsFor(seconds, TRIAL.single, trial.echo),
    };
    const rounds: Round[] = [];
    for (let i = 0; i < repetitions; i++) {
      rounds.push({
        raw: await rawVerification(seconds * VERIFICATION_PART),
        single: await generator.run({ ...single, requests: requests.single }),
        echo: await elsewhere(echo, requests.echo),
        longEcho: await elsewhere(longEcho, requests.echo),
        batched: await generator.run({ ...batched, requests: requests.batched }),
        streamed: await generator.run({ ...streamed, requests: requests.streamed }),
        requests,
      });
    }
    addRows(report, rounds);
  } finally {
    generator.stop();
    await Promise.all([node.stop(), echo.stop(), longEcho.stop()]);
  }
}

interface Round {
  readonly raw: RawVerification;
  readonly single: MeasuredLoad;
  readonly echo: LoadResult;
  readonly longEcho: LoadResult;
  readonly batched: MeasuredLoad;
  readonly streamed: MeasuredLoad;
  readonly requests: Readonly<Record<"single" | "batched" | "streamed" | "echo", number>>;
}

function addRows(report: Report, rounds: readonly Round[]): void {
  const cores = availableParallelism();
  const row = (what: string, unit: string, of: (round: Round) => number, bar?: string): void => {
    report.row({ what, unit, values: rounds.map(of), ...(bar !== undefined && { bar }) });
  };
  const rate = ({ requests, batched }: Round): number => (requests.batched * BATCH) / batched.seconds;
  const singleRate = ({ requests, single }: Round): number => requests.single / single.seconds;
  const streamedRate = ({ requests, streamed }: Round): number => requests.streamed / streamed.seconds;
  const echoRate = ({ requests, echo }: Round): number => requests.echo / echo.seconds;
  const longEchoRate = ({ requests, longEcho }: Round): number => requests.echo / longEcho.seconds;
  const generatorCores = ({ generator, seconds }: LoadResult): number => generator.cpuSeconds / seconds;
  const nodeCores = ({ node, seconds }: MeasuredLoad): number => node.cpuSeconds / seconds;
  const microseconds = ({ node }: MeasuredLoad, transactions: number): number =>
    (node.cpuSeconds * 1e6) / transactions;
  const batchMicroseconds = ({ batched, requests }: Round): number =>
    microseconds(batched, requests.batched * BATCH);

  row(`batches of ${BATCH}`, "tx/s", rate);
  row("  node", "cores", ({ batched }) => nodeCores(batched));
  row("  load generator", "cores", ({ batched }) => generatorCores(batched));
  row("  node's processor time", "us/tx", batchMicroseconds);
  row("raw verification, all cores", "signatures/s", ({ raw }) => raw.rate);
  row("  its processor time", "us/signature", ({ raw }) => 1e6 / raw.ratePerCpuSecond);
  row("batches / raw verification, all cores", "x", (round) => rate(round) / round.raw.rate, ">= 1.5");
  row(
    "  on the cores left by the generator",
    "x",
    (round) => rate(round) / ((round.raw.rate / cores) * (cores - generatorCores(round.batched))),
  );
  row(
    "  processor times, raw verification / node",
    "x",
    (round) => 1e6 / round.raw.ratePerCpuSecond / batchMicroseconds(round),
  );
  row("one transaction a request", "tx/s", singleRate);
  row("  node", "cores", (round) => nodeCores(round.single));
  row("  load generator", "cores", (round) => generatorCores(round.single));
  row("  node's processor time", "us/tx", (round) => microseconds(round.single, round.requests.single));
  row("bare node:http, echo of the same bodies", "requests/s", echoRate);
  row("  load generator", "cores", ({ echo }) => generatorCores(echo));
  row(`bare node:http, answers of ${RECEIPT_BYTES} bytes`, "requests/s", longEchoRate);
  row(
    "one transaction a request / echo",
    "%",
    (round) => (100 * singleRate(round)) / echoRate(round),
    ">= 60",
  );
  row("  / answers as long as receipts", "%", (round) => (100 * singleRate(round)) / longEchoRate(round));
  row("one transaction a message, WebSockets", "tx/s", streamedRate);
  row("  node", "cores", (round) => nodeCores(round.streamed));
  row("  load generator", "cores", (round) => generatorCores(round.streamed));
  row("  node's processor time", "us/tx", (round) => microseconds(round.streamed, round.requests.streamed));
  row("  / echo", "%", (round) => (100 * streamedRate(round)) / echoRate(round));
}
