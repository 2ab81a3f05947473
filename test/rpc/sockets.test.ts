/**
 * JSON-RPC over WebSocket: what HTTP answers, with many requests under way, within bounds.
 */
import assert from "node:assert/strict";
import { once } from "node:events";
import { before, type TestContext, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { WebSocket } from "ws";
import { FAILED_SIGNATURES_BURST, FAILED_SIGNATURES_PER_SECOND } from "../../src/base/limits.ts";
import { TrustedProxies } from "../../src/rpc/sources.ts";
import { defer, within } from "../helpers/cleanup.ts";
import { startTestPrimary, type TestPrimary } from "../helpers/primary.ts";
import { call, plainRequest, type RpcAnswer } from "../helpers/rpc.ts";
import { wholeFile } from "../helpers/whole-file.ts";

let primary: TestPrimary;
before(async () => {
  primary = await startTestPrimary(wholeFile, { dbPath: "" });
});

async function open(t: TestContext, url = primary.url): Promise<WebSocket> {
  const socket = new WebSocket(url.replace("http", "ws"));
  defer(t, () => socket.terminate());
  await once(socket, "open");
  return socket;
}

const append = (id: unknown, options = {}): string =>
  JSON.stringify({
    ...{ jsonrpc: "2.0", id, method: "sequencer_append" },
    params: [primary.transaction(), options],
  });

/** The next `count` messages. */
async function answers(socket: WebSocket, count: number): Promise<RpcAnswer[]> {
  const got: RpcAnswer[] = [];
  const all = new Promise<void>((resolve) => {
    const take = (data: Buffer): void => {
      got.push(JSON.parse(data.toString()));
      if (got.length === count) {
        socket.off("message", take);
        resolve();
      }
    };
    socket.on("message", take);
  });
  await within(20_000, "all answers", all);
  return got;
}

async function exchange(socket: WebSocket, message: string): Promise<RpcAnswer> {
  const answered = answers(socket, 1);
  socket.send(message);
  return (await answered)[0]!;
}

test("a message is a request and its answer is a message, as over HTTP", async (t) => {
  const socket = await open(t);
  const { id, result } = await exchange(socket, append("mine"));
  assert.equal(id, "mine");
  const receipt = result as Record<string, unknown>;
  assert.deepEqual(Object.keys(receipt), ["logId", "sequence", "id", "timestamp", "checkpoint", "proof"]);
  const { entries } = await call(primary.url, "sequencer_read", [receipt.sequence]);
  assert.equal(entries[0].id, receipt.id);

  const read = { jsonrpc: "2.0", id: 7, method: "sequencer_read", params: [0, 3] };
  const overHttp = await call(primary.url, "sequencer_read", [0, 3]);
  assert.deepEqual((await exchange(socket, JSON.stringify(read))).result, overHttp);
  const batch = await exchange(socket, `[${append(1)},${JSON.stringify(read)},${append(3)}]`);
  assert.deepEqual(
    (batch as unknown as RpcAnswer[]).map((one) => one.id),
    [1, 7, 3],
  );
});

test("many requests under way are ordered as they were sent", async (t) => {
  const socket = await open(t);
  const count = 2_500; // More than one connection may have under way.
  const answered = answers(socket, count);
  for (let i = 0; i < count; i++) socket.send(append(i, { receipt: "ack" }));
  const sequences = new Map<unknown, number>();
  for (const { id, result } of await answered) {
    sequences.set(id, (result as { sequence: number }).sequence);
  }
  for (let i = 1; i < count; i++) assert.equal(sequences.get(i), sequences.get(i - 1)! + 1);
});

test("what is wrong with a message is its answer", async (t) => {
  const socket = await open(t);
  assert.equal((await exchange(socket, "{")).error?.code, -32_700);
  assert.equal((await exchange(socket, "[]")).error?.code, -32_600);
  assert.equal((await exchange(socket, '{"jsonrpc":"2.0","id":1,"method":"no"}')).error?.code, -32_601);
  const repeated = append(2);
  const [first, second] = [await exchange(socket, repeated), await exchange(socket, repeated)];
  assert.equal(
    (first.result as { sequence: number }).sequence,
    (second.result as { sequence: number }).sequence,
  );
  const forged = append(3).replace(/.{4}"(,\{\}\])/, '0000"$1');
  assert.equal((await exchange(socket, forged)).error?.code, -32_003);
  // A notification gets none: the next message answers the next request.
  socket.send('{"jsonrpc":"2.0","method":"sequencer_info"}');
  assert.equal((await exchange(socket, append(4))).id, 4);
});

test("bytes, and messages above the limit of a body, end the connection", async (t) => {
  for (const [message, code] of [
    [Buffer.from(append(1)), 1003],
    ["x".repeat(8 * 2 ** 20 + 1), 1009],
  ] as const) {
    const socket = await open(t);
    const closed = once(socket, "close");
    socket.send(message);
    assert.equal((await within(10_000, "the end", closed))[0], code);
  }
  assert.ok((await call(primary.url, "sequencer_info")).size > 0);
});

test("there is a WebSocket at / and nowhere else", async () => {
  const headers = {
    connection: "Upgrade",
    upgrade: "websocket",
    "sec-websocket-version": "13",
    "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
  };
  for (const path of ["stream", "checkpoint", "ws"]) {
    assert.equal((await plainRequest(`${primary.url}/${path}`, { headers })).status, 404, path);
  }
});

test("whoever offers another protocol is answered as if it had not", async () => {
  const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "sequencer_info" });
  const headers = { connection: "Upgrade, HTTP2-Settings", upgrade: "h2c", "http2-settings": "AAEAAEAA" };
  for (const upgrade of ["h2c", "h2c,websocket", ""]) {
    const answer = await plainRequest(primary.url, {
      method: "POST",
      headers: { ...headers, upgrade, "content-length": String(body.length) },
      body,
    });
    assert.equal(answer.status, 200, upgrade);
    assert.ok(JSON.parse(answer.body).result.size > 0);
  }
});

test("a connection through a trusted proxy counts for the client that it names", async (t) => {
  const other = await startTestPrimary(t, { dbPath: "", trustedProxies: new TrustedProxies(["127.0.0.1"]) });
  const request = (payload: string): string =>
    JSON.stringify({ jsonrpc: "2.0", id: 1, method: "sequencer_append", params: [payload] });
  const connectFor = async (client: string): Promise<WebSocket> => {
    const socket = new WebSocket(other.url.replace("http", "ws"), { headers: { "x-forwarded-for": client } });
    defer(t, () => socket.terminate());
    await once(socket, "open");
    return socket;
  };
  const [spender, neighbour] = [await connectFor("203.0.113.1"), await connectFor("203.0.113.2")];
  // More than the budget, and what it gains meanwhile.
  const count = FAILED_SIGNATURES_BURST + 10 * FAILED_SIGNATURES_PER_SECOND;
  const answered = answers(spender, count);
  // Another last digit of s, whatever it was.
  const forged = (): string => other.transaction().replace(/.$/, (digit) => (digit === "0" ? "1" : "0"));
  for (let i = 0; i < count; i++) spender.send(request(forged()));
  const codes = new Set((await answered).map(({ error }) => error?.code));
  assert.deepEqual([...codes].sort(), [-32_003, -32_005]);
  assert.equal((await exchange(neighbour, request(other.transaction()))).error, undefined);
});

test("a client that does not read is not read either, and gets every answer once it does", async (t) => {
  const socket = await open(t);
  const count = 1_000;
  const padding = "x".repeat(50_000); // Comes back with each answer.
  socket.pause();
  for (let i = 0; i < count; i++) {
    socket.send(JSON.stringify({ jsonrpc: "2.0", id: `${i}-${padding}`, method: "no" }));
  }
  await sleep(1_000);
  assert.ok(socket.bufferedAmount > (count * padding.length) / 4, "the node has stopped reading");
  assert.ok((await call(primary.url, "sequencer_info")).size > 0);
  const answered = answers(socket, count);
  socket.resume();
  const ids = (await answered).map(({ id }) => Number(String(id).split("-")[0]));
  assert.deepEqual(
    ids.toSorted((a, b) => a - b),
    Array.from({ length: count }, (_, i) => i),
  );
});

test("a node that stops answers what is under way, and says good-bye", async (t) => {
  const other = await startTestPrimary(t, { dbPath: "" });
  const socket = await open(t, other.url);
  const count = 200;
  const answered = answers(socket, count);
  for (let id = 0; id < count; id++) {
    const params = [other.transaction(), { receipt: "ack" }];
    socket.send(JSON.stringify({ jsonrpc: "2.0", id, method: "sequencer_append", params }));
  }
  const closed = once(socket, "close");
  await sleep(50);
  await within(10_000, "the end of the node", other.node.close());
  assert.equal((await answered).length, count);
  assert.equal((await closed)[0], 1001);
});
