/**
 * The client over a WebSocket: the same calls, many at once, across broken connections and nonsense.
 */
import assert from "node:assert/strict";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { type TestContext, test } from "node:test";
import { privateKeyToAccount } from "viem/accounts";
import { WebSocketServer } from "ws";
import { toHex, utf8 } from "../../src/base/bytes.ts";
import { connect } from "../../src/client/client.ts";
import { RpcSocket } from "../../src/client/socket.ts";
import { Transport } from "../../src/client/transport.ts";
import { writer } from "../helpers/accounts.ts";
import { defer } from "../helpers/cleanup.ts";
import { startTestPrimary } from "../helpers/primary.ts";

const account = privateKeyToAccount(toHex(writer.key));

test("appends at once get their own receipts, verified", async (t) => {
  const { url } = await startTestPrimary(t, { dbPath: "" });
  const client = await connect(url.replace("http", "ws"), { account });
  defer(t, () => client.close());
  const data = Array.from({ length: 100 }, (_, i) => toHex(utf8(`number ${i}`)));
  const receipts = await Promise.all(data.map((one) => client.append(one)));
  const bySequence = new Map(receipts.map(({ sequence }, i) => [sequence, data[i]]));
  for await (const entry of client.entries({ from: 1 })) {
    assert.equal(entry.data, bySequence.get(entry.sequence));
    bySequence.delete(entry.sequence);
  }
  assert.equal(bySequence.size, 0);
  await assert.rejects(client.append(new Uint8Array(65_401)), { code: "rejected" });
});

/** A server that does with the message numbered `i` of each connection, counted through all, what it is told. */
async function startServer(
  t: TestContext,
  behave: (message: string, i: number) => readonly string[] | undefined,
): Promise<string> {
  const server = new WebSocketServer({ host: "127.0.0.1", port: 0 });
  defer(t, () => {
    for (const socket of server.clients) socket.terminate();
    server.close();
  });
  let count = 0;
  server.on("connection", (socket) => {
    socket.on("message", (message: Buffer) => {
      const answers = behave(message.toString(), count++);
      if (answers === undefined) socket.terminate();
      for (const answer of answers ?? []) socket.send(answer);
    });
  });
  await once(server, "listening");
  return `ws://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

test("what was under way when the connection broke is asked for again, on another one", async (t) => {
  const url = await startServer(t, (message, i) => {
    const { id, method } = JSON.parse(message);
    return i < 2 ? undefined : [JSON.stringify({ jsonrpc: "2.0", id, result: method })];
  });
  const transport = new Transport(url);
  defer(t, () => transport.close());
  const results = await Promise.all(["one", "two", "three"].map((method) => transport.call(method, [])));
  assert.deepEqual(results, ["one", "two", "three"]);
});

test("answers find their requests in any order, those of a batch in any order too", async (t) => {
  const held: string[] = [];
  const url = await startServer(t, (message, i) => {
    const calls = [JSON.parse(message)].flat().reverse();
    const answers = calls.map(({ id, method }) => ({ jsonrpc: "2.0", id, result: method }));
    held.unshift(JSON.stringify(answers.length === 1 ? answers[0] : answers));
    return i === 0 ? [] : held;
  });
  const transport = new Transport(url);
  defer(t, () => transport.close());
  const single = transport.call("single", []);
  const calls = ["a", "b", "c"].map((method) => ({ method, params: [] }));
  assert.deepEqual(await transport.callAll(calls), [{ result: "a" }, { result: "b" }, { result: "c" }]);
  assert.equal(await single, "single");
});

test("an answer to nobody ends the connection, and whoever waits is told", async (t) => {
  const bad = ["not JSON", "null", "[]", "{}", '{"id":77,"result":1}', '{"id":null,"error":{"code":1}}'];
  for (const answer of bad) {
    const socket = new RpcSocket(await startServer(t, (_, i) => (i === 1 ? [answer] : [])));
    const asked = [1, 2].map((id) => socket.request(`request ${id}`, id));
    for (const one of await Promise.allSettled(asked)) assert.equal(one.status, "rejected", answer);
  }
});

test("a server that is not there, or that speaks HTTP alone, is an error", async (t) => {
  const { url } = await startTestPrimary(t, { dbPath: "" });
  await assert.rejects(new RpcSocket(`${url.replace("http", "ws")}/checkpoint`).request("{}", 1));
  await assert.rejects(new RpcSocket("ws://127.0.0.1:1/").request("{}", 1));
});
