/**
 * Requests to JSON-RPC in every form that HTTP gives them: all mean the same, whichever way they go.
 */
import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { text } from "node:stream/consumers";
import { before, test } from "node:test";
import { type Cleanup, defer } from "../helpers/cleanup.ts";
import { startTestPrimary, type TestPrimary } from "../helpers/primary.ts";
import { call, failure } from "../helpers/rpc.ts";
import { wholeFile } from "../helpers/whole-file.ts";

let primary: TestPrimary;
before(async () => {
  primary = await startTestPrimary(wholeFile, { dbPath: "" });
});

async function dial(cleanup: Cleanup): Promise<Socket> {
  const { hostname, port } = new URL(primary.url);
  const socket = connect({ host: hostname, port: Number(port), noDelay: true });
  defer(cleanup, () => socket.destroy());
  await once(socket, "connect");
  return socket;
}

const append = (id: unknown = 1): string =>
  JSON.stringify({ jsonrpc: "2.0", id, method: "sequencer_append", params: [primary.transaction()] });

const head = (path = "/", ...lines: string[]): string =>
  [`POST ${path} HTTP/1.1`, "host: x", "connection: close", ...lines, "\r\n"].join("\r\n");

const sized = (body: string): string => `content-length: ${Buffer.byteLength(body)}`;

/** Status, header lines but for the date, and result of an answer. */
function parse(answer: string): { status: string; headers: string[]; result: { sequence: number } } {
  const [top, body] = answer.split("\r\n\r\n") as [string, string];
  const [status, ...headers] = top.split("\r\n") as [string, ...string[]];
  assert(headers.includes(`content-length: ${Buffer.byteLength(body)}`));
  const isOther = (line: string): boolean => !/^(date|content-length):/i.test(line);
  return { status, headers: headers.filter(isOther), result: JSON.parse(body).result };
}

test("length told or not, any spelling of the path, any type of content: the answer is the same", async (t) => {
  const body = append();
  const chunked = `${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`;
  const forms = [
    head("/", sized(body)) + body,
    head("/", "content-type: no;type/at all", sized(body)) + body,
    head("/", "transfer-encoding: chunked") + chunked,
    head("/?key=1", sized(body)) + body,
    head("http://x/", sized(body)) + body,
  ];
  const answers: ReturnType<typeof parse>[] = [];
  for (const form of forms) {
    const socket = await dial(t);
    socket.write(form);
    answers.push(parse(await text(socket)));
  }
  assert.deepEqual(answers[0]!.headers, [
    "access-control-allow-origin: *",
    "content-type: application/json; charset=utf-8",
    "Connection: close",
  ]);
  for (const { status, headers, result } of answers) {
    assert.equal(status, "HTTP/1.1 200 OK");
    assert.deepEqual(headers, answers[0]!.headers);
    assert.equal(result.sequence, answers[0]!.result.sequence, "one transaction, a repeat each time");
  }
});

test("a body that comes a few bytes at a time is put together, its letters too", async (t) => {
  const body = append("ä€😀".repeat(20));
  const socket = await dial(t);
  const answer = text(socket);
  const bytes = Buffer.from(head("/", sized(body)) + body);
  for (let at = 0; at < bytes.length; at += 97) {
    socket.write(bytes.subarray(at, at + 97));
    await new Promise((resolve) => setImmediate(resolve));
  }
  assert.match(await answer, /"id":"(ä€😀){20}","result":/);
});

test("whoever hangs up in the middle, or before the answer, harms nobody", async (t) => {
  const { size } = await call(primary.url, "sequencer_info");
  const [whole, part] = [append(), append()];
  const read = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "sequencer_read", params: [0] });
  for (const [body, bytes] of [[whole], [part, 100], [read]] as const) {
    const socket = await dial(t);
    socket.write(head("/", sized(body)) + body.slice(0, bytes));
    socket.destroy();
  }
  await call(primary.url, "sequencer_append", [primary.transaction()]);
  // The one that was sent as a whole is appended all the same, the other one is not.
  while ((await call(primary.url, "sequencer_info")).size < size + 2);
  assert.equal((await failure(primary.url, "sequencer_nothing")).code, -32601);
  const metrics = await (await fetch(`${primary.url}/metrics`)).text();
  assert.match(metrics, /^sequencer_intake_bytes 0$/m);
});
