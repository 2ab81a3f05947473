/**
 * The orderly end of a node, whatever its clients are at.
 */
import assert from "node:assert/strict";
import { once } from "node:events";
import { Agent, request } from "node:http";
import { connect } from "node:net";
import { type TestContext, test } from "node:test";
import { fromHex, type Hex, toHex } from "../../src/base/bytes.ts";
import { domainSeparator } from "../../src/base/eip712.ts";
import { operator, writer } from "../helpers/accounts.ts";
import { checkLog, type ReceiptLike } from "../helpers/check-served-log.ts";
import { defer, temporaryDirectory, within } from "../helpers/cleanup.ts";
import { openStream } from "../helpers/ndjson.ts";
import { signers } from "../helpers/primary.ts";
import { launch, launchNode } from "../helpers/process.ts";
import { call, post } from "../helpers/rpc.ts";

/** SPEC: a node that is asked to stop has ended by then. */
const STOPPED_WITHIN_MS = 10_000;

async function startNode(t: TestContext, directory: string) {
  const args = ["-dbpath", `${directory}/db`, "-guard", `${directory}/guard`];
  const node = await launchNode(t, [...args, "-writers", toHex(writer.address)], {
    env: { OPERATOR_PRIVATE_KEY: toHex(operator.key) },
  });
  const { logId, chainId, bond } = await call(node.url, "sequencer_info");
  return {
    node,
    args,
    ...signers({ separator: domainSeparator({ chainId, bond: fromHex(bond) }), logId: fromHex(logId) }),
  };
}

const body = (tx: Hex): string =>
  JSON.stringify({ jsonrpc: "2.0", id: 1, method: "sequencer_append", params: [tx] });

for (const signal of ["SIGTERM", "SIGINT"] as const) {
  test(`${signal} lets what was accepted finish, ends streams in order, and exits with 0`, async (t) => {
    const directory = temporaryDirectory(t);
    const { node, transaction } = await startNode(t, directory);
    const stream = await openStream(t, `${node.url}/stream?from=0`);
    const lines: { next?: number }[] = [];
    const streamed = (async () => {
      for (;;) lines.push(await stream.next());
    })().catch((error: Error) => error.message);
    await keepAlive(t, node.url);
    // Under way when the signal comes: each is either answered in full or refused.
    const posts = Array.from({ length: 200 }, async () => {
      const response = await post(node.url, body(transaction())).catch(() => undefined);
      return response === undefined ? undefined : await response.json().catch(() => undefined);
    });
    await Promise.race(posts);
    const started = performance.now();
    node.signal(signal);
    const { code, stderr } = await node.finished(STOPPED_WITHIN_MS);
    assert.equal(code, 0, stderr);
    assert(performance.now() - started < 5_000, "idle connections and streams hold nothing up");
    const answers = (await Promise.all(posts)) as ({ result?: ReceiptLike } | undefined)[];
    const receipts = answers.flatMap((answer) => answer?.result ?? []);
    assert(receipts.length > 0);
    assert.match(await streamed, /ended/);
    const { next } = lines.at(-1)!;
    assert(typeof next === "number" && next > 0, "the stream says where to resume");

    const again = await startNode(t, directory);
    const { size } = await checkLog(again.node.url, receipts);
    assert(size >= 1 + receipts.length && size <= 201);
    assert(next <= size);
  });
}

test("a replica that forwards appends when it is asked to stop answers or refuses each, and exits with 0", async (t) => {
  const directory = temporaryDirectory(t);
  const { node: primary, transaction } = await startNode(t, directory);
  const [address] = (await call(primary.url, "sequencer_info")).multiaddrs;
  const place = ["-mode", "replica", "-dbpath", `${directory}/copy`];
  const replica = await launchNode(t, [...place, "-peers", address]);
  const posts = Array.from({ length: 200 }, async () => {
    const response = await post(replica.url, body(transaction())).catch(() => undefined);
    return response === undefined ? undefined : await response.json().catch(() => undefined);
  });
  const answered = (one: unknown): boolean => typeof one === "object" && one !== null && "result" in one;
  await Promise.race(posts.map((one) => one.then((answer) => assert(answered(answer)))));
  replica.signal("SIGTERM");
  const { code, stderr } = await replica.finished(STOPPED_WITHIN_MS);
  assert.equal(code, 0, stderr);
  const answers = (await Promise.all(posts)) as ({ result?: ReceiptLike } | undefined)[];
  await checkLog(
    primary.url,
    answers.flatMap((answer) => answer?.result ?? []),
  );
});

test("a node that is asked to stop before it serves ends at once, with 0", async (t) => {
  const directory = temporaryDirectory(t);
  const nobody = "/ip4/127.0.0.1/tcp/9/p2p/12D3KooWJPxP7QYvfkDoHRXFirAixtvmy3dMjy1eszPza7oFqdgt";
  for (const mode of ["primary", "replica"]) {
    const files = ["-dbpath", `${directory}/${mode}`, "-guard", `${directory}/guard`];
    const ports = ["-rpcport", "0", "-p2pport", "0"];
    const node = launch(t, ["start", "-mode", mode, ...files, ...ports, "-peers", nobody]);
    await node.printed(/made one and kept it/);
    node.signal("SIGTERM");
    const { code, stdout, stderr } = await node.finished(5_000);
    assert.equal(code, 0, stderr);
    assert.doesNotMatch(stdout, /^API/m);
  }
});

/** A connection that stays open after its request. */
async function keepAlive(t: TestContext, url: string): Promise<void> {
  const agent = new Agent({ keepAlive: true });
  defer(t, () => agent.destroy());
  const call = request(`${url}/health`, { agent });
  call.end();
  const [response] = await once(call, "response");
  response.resume();
  await once(response, "end");
}

test("a half-sent request and a silent connection hold the end up for less than ten seconds", async (t) => {
  const { node } = await startNode(t, temporaryDirectory(t));
  const { hostname, port } = new URL(node.url);
  for (const text of ["POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\n{", "POST / HT", ""]) {
    const socket = connect({ host: hostname, port: Number(port) });
    defer(t, () => socket.destroy());
    socket.on("error", () => undefined);
    await once(socket, "connect");
    socket.write(text);
  }
  assert.equal((await call(node.url, "sequencer_info")).size, 1);
  node.signal("SIGTERM");
  const { code, stderr } = await node.finished(STOPPED_WITHIN_MS);
  assert.equal(code, 0, stderr);
});

test("a second signal ends the node at once, and nothing is lost by it", async (t) => {
  const directory = temporaryDirectory(t);
  const { node, transaction } = await startNode(t, directory);
  const receipt = await call(node.url, "sequencer_append", [transaction()]);
  const { hostname, port } = new URL(node.url);
  const socket = connect({ host: hostname, port: Number(port) });
  defer(t, () => socket.destroy());
  socket.on("error", () => undefined);
  socket.write("POST / HTTP/1.1\r\n");
  await once(socket, "connect");
  const refused = until(async () => (await fetch(`${node.url}/health`).catch(() => undefined)) === undefined);
  node.signal("SIGTERM");
  await within(5_000, "the port is closed", refused);
  node.signal("SIGTERM");
  assert.equal((await node.finished(2_000)).code, 1);
  const again = await startNode(t, directory);
  await checkLog(again.node.url, [receipt]);
});

async function until(condition: () => Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 20));
}
