/**
 * The load generator's process. It speaks just enough HTTP over plain sockets to cost little: the cores that it uses
 * are missing to the node.
 */
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { fromHex, toHexDigits } from "../src/base/bytes.ts";
import { type DigestContext, domainSeparator } from "../src/base/eip712.ts";
import { Histogram } from "./histogram.ts";
import { type LoadJob, type LoadResult, WARM_UP_MS } from "./load.ts";
import { signedTransaction } from "./transactions.ts";

/** Transactions are signed for nearly as long as the log allows: preparation and sending have to fit in. */
const LIFETIME_PART = 0.9;
const TILE_WIDTH = 256;

let job: LoadJob | undefined;
let requests: Iterator<Buffer> | undefined;

process.once("disconnect", () => process.exit());
process.on("message", async (message: LoadJob | "go") => {
  if (message !== "go") {
    job = message;
    requests = await prepare(message);
    process.send!("prepared");
  } else if (job !== undefined && requests !== undefined) {
    process.send!(await run(job, requests));
  }
});

async function prepare(wanted: LoadJob): Promise<Iterator<Buffer>> {
  const made = makeRequests(wanted, await inspectLog(wanted.url));
  const whileSending = wanted.work.kind === "append" && wanted.work.signWhileSending === true;
  return whileSending ? made : Array.from(made).values();
}

interface TargetLog {
  readonly context: DigestContext;
  readonly lifetimeMs: number;
}

async function inspectLog(url: string): Promise<TargetLog> {
  const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "sequencer_info" });
  const { result } = (await (await fetch(url, { method: "POST", body })).json()) as {
    result: Record<string, unknown>;
  };
  const domain = { chainId: Number(result.chainId), bond: fromHex(result.bond) };
  const context = { separator: domainSeparator(domain), logId: fromHex(result.logId) };
  return { context, lifetimeMs: Number(result.maxTransactionLifetimeMs) };
}

function* makeRequests({ work, requests: count, firstNonce }: LoadJob, log: TargetLog): Generator<Buffer> {
  for (let i = 0; i < count; i++) {
    if (work.kind === "append") {
      const calls: string[] = [];
      for (let j = 0; j < work.batch; j++) {
        calls.push(appendCall(log, firstNonce + i * work.batch + j));
      }
      yield post(work.batch === 1 ? calls[0]! : `[${calls.join(",")}]`);
    } else if (work.kind === "read") {
      const from = Math.floor(Math.random() * (work.size - work.entries));
      const params = [from, from + work.entries - 1];
      yield post(JSON.stringify({ jsonrpc: "2.0", id: i, method: "sequencer_read", params }));
    } else {
      const tile = Math.floor(Math.random() * Math.floor(work.size / TILE_WIDTH));
      yield get(`/tile/${work.kind === "tile" ? 0 : "entries"}/${tileNumber(tile)}`);
    }
  }
}

function appendCall({ context, lifetimeMs }: TargetLog, nonce: number): string {
  const expires = Date.now() + Math.floor(lifetimeMs * LIFETIME_PART);
  const payload = signedTransaction(context, nonce, expires);
  return `{"jsonrpc":"2.0","id":${nonce},"method":"sequencer_append","params":["0x${toHexDigits(payload)}"]}`;
}

function post(body: string): Buffer {
  return Buffer.from(
    `POST / HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
  );
}

function get(path: string): Buffer {
  return Buffer.from(`GET ${path} HTTP/1.1\r\nHost: bench\r\n\r\n`);
}

function tileNumber(index: number): string {
  const digits = (value: number): string => String(value).padStart(3, "0");
  return index < 1_000 ? digits(index) : `x${digits(Math.floor(index / 1_000))}/${digits(index % 1_000)}`;
}

async function run(wanted: LoadJob, prepared: Iterator<Buffer>): Promise<LoadResult> {
  const connections = await openConnections(wanted);
  const latency = new Histogram();
  let failures = 0;
  // In an open loop the first moments are those of a program that V8 has not compiled yet: ours.
  const countedFrom = wanted.rate === undefined ? 0 : performance.now() + WARM_UP_MS;
  const send = async (connection: Connection, request: Buffer, due: number): Promise<void> => {
    if (!(await connection.exchange(request))) failures++;
    if (due >= countedFrom) latency.add(performance.now() - due);
  };
  const cpuBefore = process.cpuUsage();
  const start = performance.now();
  if (wanted.rate === undefined) await closedLoop(connections, prepared, send);
  else await openLoop(connections, prepared, wanted.rate, start, send);
  const seconds = (performance.now() - start) / 1_000;
  const { user, system } = process.cpuUsage(cpuBefore);
  for (const connection of connections) connection.close();
  const quantiles = { p50: latency.quantile(0.5), p90: latency.quantile(0.9), p99: latency.quantile(0.99) };
  return {
    seconds,
    failures,
    cpuSeconds: (user + system) / 1e6,
    latency: { ...quantiles, max: latency.max },
  };
}

type Send = (connection: Connection, request: Buffer, due: number) => Promise<void>;

async function closedLoop(
  connections: readonly Connection[],
  requests: Iterator<Buffer>,
  send: Send,
): Promise<void> {
  const work = async (connection: Connection): Promise<void> => {
    for (let next = requests.next(); next.done !== true; next = requests.next()) {
      await send(connection, next.value, performance.now());
    }
  };
  await Promise.all(connections.map(work));
}

/**
 * Every request has its moment; it waits for a free connection if there is none, and its latency counts from the
 * moment all the same. What the timer is late counts as latency too.
 */
async function openLoop(
  connections: readonly Connection[],
  requests: Iterator<Buffer>,
  rate: number,
  start: number,
  send: Send,
): Promise<void> {
  const free = [...connections];
  const waiting: { readonly request: Buffer; readonly due: number }[] = [];
  const underWay = new Set<Promise<void>>();
  const dispatch = (): void => {
    while (free.length > 0 && waiting.length > 0) {
      // The one that rested longest: the node closes what is idle for too long.
      const connection = free.shift()!;
      const { request, due } = waiting.shift()!;
      const sent = send(connection, request, due).then(() => {
        underWay.delete(sent);
        free.push(connection);
        dispatch();
      });
      underWay.add(sent);
    }
  };
  for (let i = 0, next = requests.next(); next.done !== true; i++, next = requests.next()) {
    const due = start + (i * 1_000) / rate;
    const early = due - performance.now();
    if (early > 0) await new Promise((resolve) => setTimeout(resolve, early));
    waiting.push({ request: next.value, due });
    dispatch();
  }
  while (underWay.size > 0) await Promise.all(underWay);
}

async function openConnections({ url, connections }: LoadJob): Promise<Connection[]> {
  const { hostname, port } = new URL(url);
  return await Promise.all(
    Array.from({ length: connections }, async () => {
      const socket = connect({ host: hostname, port: Number(port), noDelay: true });
      await once(socket, "connect");
      return new Connection(socket);
    }),
  );
}

/** One request at a time over a kept-alive connection. */
class Connection {
  readonly #socket: Socket;
  #head = "";
  #missing = 0;
  #ok = true;
  #done: ((ok: boolean) => void) | undefined;

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.on("data", (chunk) => this.#receive(chunk));
    socket.on("error", () => this.#finish(false));
    socket.on("close", () => this.#finish(false));
  }

  /** True if the answer is good. */
  exchange(request: Buffer): Promise<boolean> {
    if (this.#socket.destroyed) return Promise.resolve(false);
    return new Promise((resolve) => {
      this.#done = resolve;
      this.#socket.write(request);
    });
  }

  close(): void {
    this.#socket.destroy();
  }

  #receive(chunk: Buffer): void {
    if (this.#missing === 0) {
      this.#head += chunk.toString("latin1");
      const end = this.#head.indexOf("\r\n\r\n");
      if (end < 0) return;
      const received = this.#head.length - end - 4;
      this.#missing = Number(/content-length: (\d+)/i.exec(this.#head)?.[1]) - received;
      this.#ok = this.#head.startsWith("HTTP/1.1 200") && !this.#head.includes('"error":');
      this.#head = "";
    } else {
      this.#missing -= chunk.length;
      if (chunk.includes('"error":')) this.#ok = false;
    }
    if (this.#missing === 0) this.#finish(this.#ok);
  }

  #finish(ok: boolean): void {
    const done = this.#done;
    this.#done = undefined;
    done?.(ok);
  }
}
