/**
 * Clients that misuse connections: too much, too slow, not at all, all at once.
 */
import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { before, test } from "node:test";
import { TrustedProxies } from "../../src/rpc/sources.ts";
import { type Cleanup, defer, within } from "../helpers/cleanup.ts";
import { startTestPrimary, type TestPrimary } from "../helpers/primary.ts";
import { call } from "../helpers/rpc.ts";
import { wholeFile } from "../helpers/whole-file.ts";
import { until } from "../replication/episub/nodes.ts";

/** SPEC: a body is at most this large. */
const BODY_BYTES_MAX = 8 * 1024 * 1024;

let primary: TestPrimary;
let url: string;
before(async () => {
  primary = await startTestPrimary(wholeFile);
  url = primary.url;
});

/** A connection, and everything that comes back on it until it is closed. */
async function dial(
  cleanup: Cleanup,
  from = "127.0.0.1",
): Promise<{ socket: Socket; answered: Promise<string> }> {
  const { hostname, port } = new URL(url);
  const socket = connect({ host: hostname, port: Number(port), localAddress: from });
  defer(cleanup, () => socket.destroy());
  await once(socket, "connect");
  let text = "";
  socket.setEncoding("latin1").on("data", (chunk: string) => {
    text += chunk;
  });
  socket.on("error", () => undefined); // A reset is an answer too.
  const answered = new Promise<string>((resolve) => socket.once("close", () => resolve(text)));
  return { socket, answered };
}

/** Writes until it is done or the other side has had enough. */
async function pour(socket: Socket, chunk: Buffer, times: number): Promise<number> {
  let written = 0;
  const closed = once(socket, "close").then(() => true);
  for (; written < times && !socket.destroyed; written++) {
    if (socket.write(chunk)) continue;
    if ((await Promise.race([once(socket, "drain").then(() => false), closed]).catch(() => true)) === true)
      break;
  }
  return written;
}

const HEAD = "POST / HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n";
const MIB = Buffer.alloc(1024 * 1024, "[");

test("a body that announces 100 MB is refused before it is sent", async (t) => {
  const { socket, answered } = await dial(t);
  socket.write(`${HEAD}content-length: 100000000\r\n\r\n`);
  const answer = await within(10_000, "the refusal", answered);
  assert.match(answer, /^HTTP\/1\.1 413 /);
  const { error } = JSON.parse(answer.slice(answer.indexOf("\r\n\r\n") + 4));
  assert.deepEqual([error.code, error.data], [-32600, { max: BODY_BYTES_MAX }]);
});

test("a chunked body of 100 MB is cut off after 8 MiB", async (t) => {
  const { socket, answered } = await dial(t);
  const before = process.memoryUsage().rss;
  socket.write(`${HEAD}transfer-encoding: chunked\r\n\r\n`);
  const chunk = Buffer.concat([Buffer.from("100000\r\n"), MIB, Buffer.from("\r\n")]);
  const written = await pour(socket, chunk, 100);
  socket.end();
  const answer = await within(10_000, "the end", answered);
  assert(written < 60, `${written} MiB were taken`);
  assert.match(answer, /^(HTTP\/1\.1 413 |$)/);
  assert(process.memoryUsage().rss - before < 200 * 1024 * 1024);
});

test("a body of exactly 8 MiB is read, one byte more is not", async () => {
  const request = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "sequencer_info" });
  const fits = await fetch(url, { method: "POST", body: request.padEnd(BODY_BYTES_MAX) });
  assert.equal(fits.status, 200);
  assert.equal(((await fits.json()) as { result: { mode: string } }).result.mode, "primary");
  const over = await fetch(url, { method: "POST", body: request.padEnd(BODY_BYTES_MAX + 1) });
  assert.equal(over.status, 413);
});

test("what is no HTTP is refused, and the connection closed", async (t) => {
  const garbage = [
    "\x16\x03\x01\x02\x00\x01\x00\x01",
    "\r\n\r\n\0\0\0 / HTTP/9\r\n\r\n",
    "GET / HTTP/1.1\r\n: x\r\n\r\n",
  ];
  for (const bytes of [...garbage, `GET /${"a".repeat(100_000)} HTTP/1.1\r\n\r\n`]) {
    const { socket, answered } = await dial(t);
    socket.write(bytes, "latin1");
    assert.match(await within(10_000, "the refusal", answered), /^HTTP\/1\.1 4\d\d /);
  }
});

test("a body shorter than announced and then closed does no harm", async (t) => {
  const { socket, answered } = await dial(t);
  socket.write(`${HEAD}content-length: 1000\r\n\r\n{"jsonrpc"`);
  socket.end();
  await within(10_000, "the end", answered);
  assert.equal((await call(url, "sequencer_info")).mode, "primary");
});

test("requests that are pipelined are ordered as they arrive", async (t) => {
  const { socket, answered } = await dial(t);
  const bodies = Array.from({ length: 40 }, (_, id) =>
    JSON.stringify({ jsonrpc: "2.0", id, method: "sequencer_append", params: [primary.transaction()] }),
  );
  const last = `${HEAD}connection: close\r\ncontent-length: 2\r\n\r\n[]`;
  socket.write(bodies.map((body) => `${HEAD}content-length: ${body.length}\r\n\r\n${body}`).join("") + last);
  const text = await within(20_000, "the answers", answered);
  const answers = [...text.matchAll(/"id":(\d+),"result":\{"logId":"0x\w+","sequence":(\d+)/g)];
  const sequences = answers.map(([, , sequence]) => Number(sequence));
  assert.deepEqual(
    answers.map(([, id]) => Number(id)),
    [...Array(40).keys()],
  );
  assert.deepEqual(
    sequences,
    sequences.map((_, i) => sequences[0]! + i),
  );
});

test("one client may have 300 connections: further ones are closed at once, those of others are not", async (t) => {
  const many = await Promise.all(Array.from({ length: 312 }, () => dial(t, "127.0.0.7")));
  const left = (): number => many.filter(({ socket }) => !socket.destroyed).length;
  await until("the surplus is closed", () => left() <= 300);
  assert.equal(left(), 300);
  assert.equal((await call(url, "sequencer_info")).mode, "primary");
  const metrics = await (await fetch(`${url}/metrics`)).text();
  assert.match(metrics, /^sequencer_connections_refused_total 12$/m);
  many.find(({ socket }) => !socket.destroyed)!.socket.destroy();
  for (let answer = ""; !answer.startsWith("HTTP/1.1 200"); ) {
    const { socket, answered } = await dial(t, "127.0.0.7");
    socket.write("GET /health HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
    answer = await within(10_000, "an answer or the end", answered);
  }
});

test("connections of trusted proxies count only for the bound of all", async (t) => {
  const { url: proxied } = await startTestPrimary(t, {
    trustedProxies: new TrustedProxies(["127.0.0.8"]),
  });
  const { port } = new URL(proxied);
  const sockets = Array.from({ length: 300 }, () =>
    connect({ host: "127.0.0.1", port: Number(port), localAddress: "127.0.0.8" }),
  );
  defer(t, () => {
    for (const socket of sockets) socket.destroy();
  });
  await Promise.all(sockets.map((socket) => once(socket, "connect")));
  assert.equal((await call(proxied, "sequencer_info")).mode, "primary");
  assert.equal(sockets.filter(({ destroyed }) => destroyed).length, 0);
});

test("slow and silent connections end after 15 seconds, and cost nobody else anything", async (t) => {
  const started = performance.now();
  const silent = await dial(t);
  const halfHead = await dial(t);
  halfHead.socket.write("POST / HTTP/1.1\r\nhost:");
  const slowBody = await dial(t);
  slowBody.socket.write(`${HEAD}content-length: 1000\r\n\r\n{`);
  const drip = setInterval(() => slowBody.socket.write(" "), 500);
  const crowd = await Promise.all(Array.from({ length: 300 }, (_, i) => dial(t, `127.0.1.${1 + (i % 9)}`)));
  for (const { socket } of crowd) socket.write(`${HEAD}content-length: 8000000\r\n\r\n[`);
  const ends = Promise.all([silent, halfHead, slowBody, ...crowd].map(({ answered }) => answered));
  let finished = false;
  void ends.then(() => {
    finished = true;
  });
  let appended = 0;
  while (!finished && performance.now() - started < 25_000) {
    await call(url, "sequencer_append", [primary.transaction(), { receipt: "ack" }]);
    appended++;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  clearInterval(drip);
  const answers = await within(1_000, "the end of the slow ones", ends);
  const took = performance.now() - started;
  assert(took > 14_000 && took < 20_000, `${took} ms`);
  assert(appended > 100, `${appended} appends meanwhile`);
  assert.match(answers[2]!, /^HTTP\/1\.1 408 /);
});
