/**
 * The load generator's process. It speaks just enough HTTP over plain sockets to cost little: the cores that it uses
 * are missing to the node.
 */
import { PerformanceObserver } from "node:perf_hooks";
import { type Channel, Connection } from "./connection.ts";
import { Histogram } from "./histogram.ts";
import {
  type GeneratorMessage,
  type GeneratorOrder,
  type LoadJob,
  type LoadResult,
  WARM_UP_MS,
} from "./load.ts";
import { prepareRequests } from "./requests.ts";
import { SocketConnection } from "./socket-connection.ts";

let job: LoadJob | undefined;
let requests: Iterator<Buffer> | undefined;
let longestCollection = 0;

new PerformanceObserver((list) => {
  for (const { duration } of list.getEntries()) longestCollection = Math.max(longestCollection, duration);
}).observe({ entryTypes: ["gc"] });

process.once("disconnect", () => process.exit());
process.on("message", (order: GeneratorOrder) => {
  obey(order).then(say, (error) => say({ kind: "failed", reason: String(error) }));
});

function say(message: GeneratorMessage): void {
  process.send!(message);
}

async function obey(order: GeneratorOrder): Promise<GeneratorMessage> {
  if (order !== "go") {
    job = order;
    requests = await prepareRequests(order);
    return { kind: "prepared" };
  }
  return { kind: "done", result: await run(job!, requests!) };
}

/** What is known of the answers so far. */
class Tally {
  readonly latency = new Histogram();
  /** How late this process was to send what was due. */
  readonly late = new Histogram();
  readonly #interval = new Histogram();
  readonly #countedFrom: number;
  #intervalStart: number;
  failures = 0;

  /** @param countedFrom what was due earlier is no part of any result */
  constructor(countedFrom: number) {
    this.#countedFrom = countedFrom;
    this.#intervalStart = countedFrom;
  }

  sent(due: number): void {
    if (due >= this.#countedFrom) this.late.add(Math.max(0, performance.now() - due));
  }

  answered(ok: boolean, due: number): void {
    if (!ok) this.failures++;
    if (due < this.#countedFrom) return;
    const elapsed = performance.now() - due;
    this.latency.add(elapsed);
    this.#interval.add(elapsed);
  }

  /** Answers a second since the warm-up. */
  rate(): number {
    return this.latency.count / ((performance.now() - this.#countedFrom) / 1e3);
  }

  /** Tells what came since the last time, if anything did. */
  endInterval(): void {
    if (this.#interval.count === 0) return;
    const now = performance.now();
    const achieved = this.#interval.count / ((now - this.#intervalStart) / 1e3);
    say({ kind: "interval", interval: { achieved, latency: this.#interval.summary() } });
    this.#interval.reset();
    this.#intervalStart = now;
  }
}

async function run(wanted: LoadJob, prepared: Iterator<Buffer>): Promise<LoadResult> {
  const target = new URL(wanted.sendTo ?? wanted.url);
  const connections = await openChannels(wanted, target);
  longestCollection = 0;
  const cpuBefore = process.cpuUsage();
  const start = performance.now();
  // In an open loop the first moments are those of a program that V8 has not compiled yet: ours.
  const tally = new Tally(wanted.rate === undefined ? start : start + WARM_UP_MS);
  const achieved =
    wanted.rate === undefined
      ? await closedLoop(connections, prepared, tally)
      : await openLoop(connections, prepared, wanted, wanted.rate, tally);
  const seconds = (performance.now() - start) / 1_000;
  const { user, system } = process.cpuUsage(cpuBefore);
  for (const connection of connections) connection.close();
  return {
    seconds,
    failures: tally.failures,
    achieved,
    latency: tally.latency.summary(),
    generator: { cpuSeconds: (user + system) / 1e6, late: tally.late.summary(), longestCollection },
  };
}

async function openChannels({ work, connections }: LoadJob, target: URL): Promise<readonly Channel[]> {
  const underWay = work.kind === "append" ? work.underWay : undefined;
  const each = Array.from({ length: connections }, async (): Promise<readonly Channel[]> => {
    if (underWay === undefined) return [await Connection.open(target)];
    return (await SocketConnection.open(target)).channels(underWay);
  });
  return (await Promise.all(each)).flat();
}

/** @returns requests answered a second */
async function closedLoop(
  connections: readonly Channel[],
  requests: Iterator<Buffer>,
  tally: Tally,
): Promise<number> {
  const drained = connections.map(
    (connection) =>
      new Promise<void>((resolve) => {
        const sendNext = (): void => {
          const next = requests.next();
          if (next.done === true) {
            resolve();
            return;
          }
          const due = performance.now();
          connection.send(next.value, (ok) => {
            tally.answered(ok, due);
            sendNext();
          });
        };
        sendNext();
      }),
  );
  await Promise.all(drained);
  return tally.rate();
}

/**
 * Every request has its moment; it waits for a free connection if there is none, and its latency counts from the
 * moment all the same. What the timer is late counts as latency too.
 * @returns requests answered a second while there were more to send
 */
async function openLoop(
  connections: readonly Channel[],
  requests: Iterator<Buffer>,
  { requests: count, intervalSeconds }: LoadJob,
  rate: number,
  tally: Tally,
): Promise<number> {
  const free = [...connections];
  /** When each request that waits for a connection was due; requests themselves are made when one is free. */
  const waiting: number[] = [];
  let underWay = 0;
  let drained: (() => void) | undefined;
  const dispatch = (): void => {
    while (free.length > 0 && waiting.length > 0) {
      // The one that rested longest: the node closes what is idle for too long.
      const connection = free.shift()!;
      const due = waiting.shift()!;
      underWay++;
      connection.send(requests.next().value as Buffer, (ok) => {
        underWay--;
        tally.answered(ok, due);
        free.push(connection);
        dispatch();
        if (underWay === 0) drained?.();
      });
    }
  };
  const start = performance.now();
  const timer =
    intervalSeconds === undefined
      ? undefined
      : setInterval(() => tally.endInterval(), intervalSeconds * 1_000);
  for (let i = 0; i < count; i++) {
    const due = start + (i * 1_000) / rate;
    const early = due - performance.now();
    if (early > 0) await new Promise((resolve) => setTimeout(resolve, early));
    tally.sent(due);
    // A timer may come half a millisecond early as well as late: nobody's answer gains from that.
    waiting.push(Math.min(due, performance.now()));
    dispatch();
  }
  const achieved = tally.rate();
  clearInterval(timer);
  if (intervalSeconds !== undefined) tally.endInterval();
  if (underWay > 0) await new Promise<void>((resolve) => (drained = resolve));
  return achieved;
}
