/**
 * The client over networks that lose, cut and repeat, and across restarts: no duplicates, no gaps.
 */
import assert from "node:assert/strict";
import { before, test } from "node:test";
import { privateKeyToAccount } from "viem/accounts";
import { toHex } from "../../src/base/bytes.ts";
import { connect } from "../../src/client/client.ts";
import { operator, writer } from "../helpers/accounts.ts";
import { checkLog } from "../helpers/check-served-log.ts";
import { temporaryDirectory, within } from "../helpers/cleanup.ts";
import { startTestPrimary, type TestPrimary } from "../helpers/primary.ts";
import { launchNode } from "../helpers/process.ts";
import { type Behaviour, startProxy } from "../helpers/proxy.ts";
import { call } from "../helpers/rpc.ts";
import { wholeFile } from "../helpers/whole-file.ts";

const account = privateKeyToAccount(toHex(writer.key));
const honest: Behaviour = async () => undefined;
const isAppend = (body: string): boolean => body.includes("sequencer_append");

let primary: TestPrimary;
before(async () => {
  primary = await startTestPrimary(wholeFile);
});

/** Misbehaves on the first appends, then lets them pass. */
function firstAppends(count: number, misbehave: Behaviour): Behaviour & { seen: number } {
  const behave = Object.assign(
    async (exchange: Parameters<Behaviour>[0]) => {
      if (!isAppend(exchange.body) || ++behave.seen > count) return undefined;
      return await misbehave(exchange);
    },
    { seen: 0 },
  );
  return behave;
}

const MISHAPS: [what: string, misbehave: Behaviour][] = [
  ["a connection that is cut before the node heard of it", async () => "cut"],
  [
    "an answer that is lost after the transaction was ordered",
    async ({ answer }) => {
      await answer();
      return "cut";
    },
  ],
  ["a gateway that says 503", async () => ({ status: 503, body: "try later" })],
  [
    "a gateway that says 502 after the transaction was ordered",
    async ({ answer }) => {
      await answer();
      return { status: 502, body: "" };
    },
  ],
  [
    "a node that does not know the outcome",
    async ({ answer, body }) => {
      await answer();
      const failed = (one: { id: number }) => ({
        ...{ jsonrpc: "2.0", id: one.id },
        error: { code: -32002, message: "unknown", data: { outcome: "unknown" } },
      });
      const request = JSON.parse(body);
      const answers = Array.isArray(request) ? request.map(failed) : failed(request);
      return { status: 200, body: JSON.stringify(answers) };
    },
  ],
];

for (const [what, misbehave] of MISHAPS) {
  test(`${what}: the append is repeated, and ordered once`, async (t) => {
    const proxy = await startProxy(t, primary.url, honest);
    const client = await connect(proxy.url, { account });
    const behave = firstAppends(2, misbehave);
    proxy.behave = behave;
    const { size } = await call(primary.url, "sequencer_info");
    const outcomes = await client.appendBatch(["0x01", "0x02", "0x03"]);
    assert.deepEqual(
      outcomes.map((one) => (one as { sequence: number }).sequence),
      [size, size + 1, size + 2],
    );
    assert.equal(behave.seen, 3);
    assert.equal((await checkLog(primary.url)).size, size + 3);
  });
}

test("only what was refused for the moment is sent again", async (t) => {
  const proxy = await startProxy(t, primary.url, honest);
  const client = await connect(proxy.url, { account });
  const counts: number[] = [];
  proxy.behave = async ({ body, answer }) => {
    if (!isAppend(body)) return undefined;
    const calls = [JSON.parse(body)].flat();
    counts.push(calls.length);
    if (counts.length > 1) return undefined;
    const { status, body: text } = await answer();
    const answers = JSON.parse(text);
    answers[1] = {
      ...{ jsonrpc: "2.0", id: calls[1].id },
      error: { code: -32005, message: "busy", data: { retryAfterMs: 20 } },
    };
    return { status, body: JSON.stringify(answers.reverse()) };
  };
  const outcomes = await client.appendBatch(["0x0a", "0x0b", "0x0c"]);
  assert.deepEqual(counts, [3, 1]);
  assert(outcomes.every((one) => "sequence" in one));
});

test("a client that never gets through says so", { timeout: 60_000 }, async (t) => {
  const proxy = await startProxy(t, primary.url, honest);
  const client = await connect(proxy.url, { account });
  let attempts = 0;
  proxy.behave = async () => {
    attempts++;
    return "cut";
  };
  await assert.rejects(client.append("0x00", { expires: Date.now() + 60_000 }), { code: "network" });
  assert.equal(attempts, 8);
});

test("a reader whose connections are cut again and again misses nothing", async (t) => {
  const proxy = await startProxy(t, primary.url, honest);
  const writing = await connect(primary.url, { account });
  const reading = await connect(proxy.url);
  const { size: from } = await call(primary.url, "sequencer_info");
  const sequences: number[] = [];
  const wanted = 60;
  const following = (async () => {
    for await (const { sequence } of reading.entries({ from, follow: true })) {
      if (sequences.push(sequence) === wanted) return;
    }
  })();
  for (let i = 0; i < wanted / 10; i++) {
    await writing.appendBatch(Array.from({ length: 10 }, () => "0x05" as const));
    if (i % 2 === 0) proxy.cutAll();
  }
  await within(20_000, "all entries", following);
  assert.deepEqual(
    sequences,
    sequences.map((_, i) => from + i),
  );
});

test("a reader follows across restarts of the node, killed or stopped", async (t) => {
  const directory = temporaryDirectory(t);
  const args = ["-dbpath", `${directory}/db`, "-guard", `${directory}/guard`, "-loglevel", "error"];
  const env = { OPERATOR_PRIVATE_KEY: toHex(operator.key) };
  const start = () => launchNode(t, [...args, "-writers", toHex(writer.address)], { env });
  let node = await start();
  const proxy = await startProxy(t, node.url, honest);
  const client = await connect(proxy.url, { account });
  const sequences: number[] = [];
  const following = (async () => {
    for await (const { sequence } of client.entries({ follow: true }))
      if (sequences.push(sequence) === 41) return;
  })();
  for (let round = 0; round < 4; round++) {
    await client.appendBatch(Array.from({ length: 10 }, () => "0x06" as const));
    if (round === 3) break;
    node.signal(round === 1 ? "SIGTERM" : "SIGKILL");
    await node.finished();
    node = await start();
    proxy.target = node.url;
  }
  await within(20_000, "all entries", following);
  assert.deepEqual(sequences, [...Array(41).keys()]);
});
