/**
 * The bytes of whole HTTP requests: signed transactions, or reads from random places of a log.
 */
import { fromHex, toHexDigits } from "../src/base/bytes.ts";
import { type DigestContext, domainSeparator } from "../src/base/eip712.ts";
import type { LoadJob } from "./load.ts";
import { frame } from "./socket-connection.ts";
import { signedTransactions } from "./transactions.ts";

/** Transactions are signed for nearly as long as the log allows: preparation and sending have to fit in. */
const LIFETIME_PART = 0.9;
/** Bytes of requests that are made before the clock starts. */
const PREPARED_BYTES_MAX = 1024 * 2 ** 20;
const TILE_WIDTH = 256;

/** Whole requests, made now, unless they are to be signed while they are sent. @throws Error if they are too many */
export async function prepareRequests(wanted: LoadJob): Promise<Iterator<Buffer>> {
  const made = makeRequests(wanted, await inspectLog(wanted.url));
  if (wanted.work.kind === "append" && wanted.work.signWhileSending === true) return made;
  const prepared: Buffer[] = [];
  let bytes = 0;
  for (const request of made) {
    bytes += request.length;
    if (bytes > PREPARED_BYTES_MAX)
      throw new Error(`more than ${PREPARED_BYTES_MAX} bytes of requests: measure for fewer seconds`);
    prepared.push(request);
  }
  return prepared.values();
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
      const calls = appendCalls(log, firstNonce + i * work.batch, work.batch);
      const body = work.batch === 1 ? calls[0]! : `[${calls.join(",")}]`;
      yield work.underWay === undefined ? post(body) : frame(body);
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

function appendCalls({ context, lifetimeMs }: TargetLog, first: number, count: number): string[] {
  const expires = Date.now() + Math.floor(lifetimeMs * LIFETIME_PART);
  return signedTransactions(context, first, count, expires).map((payload, i) => {
    const params = `["0x${toHexDigits(payload)}"]`;
    return `{"jsonrpc":"2.0","id":${first + i},"method":"sequencer_append","params":${params}}`;
  });
}

function post(body: string): Buffer {
  return Buffer.from(
    `POST / HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    "latin1",
  );
}

function get(path: string): Buffer {
  return Buffer.from(`GET ${path} HTTP/1.1\r\nHost: bench\r\n\r\n`);
}

function tileNumber(index: number): string {
  const digits = (value: number): string => String(value).padStart(3, "0");
  return index < 1_000 ? digits(index) : `x${digits(Math.floor(index / 1_000))}/${digits(index % 1_000)}`;
}
