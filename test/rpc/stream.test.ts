/**
 * GET /stream: history and live entries without a gap, heartbeats, readers that are too slow or too many.
 */
import assert from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:net";
import { before, test } from "node:test";
import { within } from "../helpers/cleanup.ts";
import { openStream } from "../helpers/ndjson.ts";
import { startTestPrimary, type TestPrimary } from "../helpers/primary.ts";
import { batch, call, plainRequest } from "../helpers/rpc.ts";
import { wholeFile } from "../helpers/whole-file.ts";

let primary: TestPrimary;
let url: string;
before(async () => {
  primary = await startTestPrimary(wholeFile, { dbPath: "" });
  url = primary.url;
  await append(50);
});

async function append(count: number, dataBytes = 8): Promise<void> {
  const data = new Uint8Array(dataBytes);
  const params = () => [primary.transaction({ data }), { receipt: "ack" }];
  const calls = Array.from({ length: count }, () => ({ method: "sequencer_append", params: params() }));
  for (const { error } of await batch(url, calls)) assert.equal(error, undefined);
}

test("a stream is lines of JSON: first, entries, checkpoint", async (t) => {
  const stream = await openStream(t, `${url}/stream?from=0`);
  assert.equal(stream.response.headers.get("content-type"), "application/x-ndjson");
  assert.equal(stream.response.headers.get("access-control-allow-origin"), "*");
  const line = await stream.next();
  assert.deepEqual(Object.keys(line), ["first", "entries", "checkpoint"]);
  assert.equal(line.first, 0);
  assert.match(line.checkpoint!, /^example.com\/log\n/);
});

test("history and what is appended meanwhile come in order, without a gap, to readers from anywhere", async (t) => {
  const before = (await call(url, "sequencer_info")).size;
  const froms = [0, 1, 17, before - 1, before];
  const streams = await Promise.all(froms.map((from) => openStream(t, `${url}/stream?from=${from}`)));
  const appending = Promise.all(Array.from({ length: 12 }, () => append(20)));
  const expected = before + 240;
  const read = await Promise.all(
    streams.map(async (stream, i) => {
      let next = froms[i]!;
      const entries: string[] = [];
      while (next < expected) {
        const line = await stream.next();
        if (line.entries === undefined) continue; // A heartbeat.
        assert.equal(line.first, next);
        assert(
          Number(line.checkpoint!.split("\n")[1]) >= next + line.entries.length,
          "the checkpoint covers them",
        );
        entries.push(...line.entries);
        next += line.entries.length;
      }
      return entries;
    }),
  );
  await appending;
  for (let i = 0; i < froms.length; i++) assert.deepEqual(read[i], read[0]!.slice(froms[i]));
  const page = await call(url, "sequencer_read", [before]);
  const payloads = page.entries.map(({ payload }: { payload: string }) => payload.slice(2));
  assert.deepEqual(
    read[0]!.slice(before).map((entry) => entry.slice(2 + 16)),
    payloads,
  );
});

test("a reader at the end is sent the checkpoint at once, and again within five seconds", async (t) => {
  const { size } = await call(url, "sequencer_info");
  const stream = await openStream(t, `${url}/stream?from=${size}`);
  for (let beats = 0; beats < 2; beats++) {
    const line = await within(7_000, "a heartbeat", stream.next());
    assert.deepEqual(Object.keys(line), ["checkpoint"]);
    assert.match(line.checkpoint!, new RegExp(`^example.com/log\n${size}\n`));
  }
});

test("a reader that stops reading is told where to resume, and let go", async (t) => {
  const slow = await startTestPrimary(t, { dbPath: "", streamStallMs: 300 });
  const data = new Uint8Array(60_000);
  const calls = (): { method: string; params: unknown[] }[] =>
    Array.from({ length: 50 }, () => ({
      method: "sequencer_append",
      params: [slow.transaction({ data }), { receipt: "ack" }],
    }));
  for (let i = 0; i < 8; i++) await batch(slow.url, calls());
  const { hostname, port } = new URL(slow.url);
  const socket = connect({ host: hostname, port: Number(port) });
  t.after(async () => void socket.destroy());
  socket.write("GET /stream?from=0 HTTP/1.1\r\nhost: x\r\n\r\n");
  socket.pause();
  await within(20_000, "the stream", openStreams(slow.url, 1));
  await within(20_000, "the end of the stream", openStreams(slow.url, 0));
  let text = "";
  socket.setEncoding("utf8").on("data", (chunk: string) => {
    text += chunk;
  });
  socket.resume();
  await within(20_000, "the end of the connection", once(socket, "close"));
  const lines = text.split("\n").filter((line) => line.startsWith("{"));
  const received = lines.flatMap((line) => (line.startsWith('{"first"') ? [JSON.parse(line)] : []));
  const last = received.at(-1);
  assert.deepEqual(JSON.parse(lines.at(-1)!), { next: last.first + last.entries.length });
});

/** Resolves once the node has this many open streams. */
async function openStreams(node: string, count: number): Promise<void> {
  for (;;) {
    const text = await (await fetch(`${node}/metrics`)).text();
    if (text.includes(`\nsequencer_streams_open ${count}\n`)) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

test("a place that is no number is refused, one beyond the head is not there yet", async () => {
  const { size } = await call(url, "sequencer_info");
  for (const from of ["", "-1", "1.5", "abc", "0x1", "9007199254740993", "1&from=2", "%00"]) {
    const answer = await plainRequest(`${url}/stream?from=${from}`);
    assert.equal(answer.status, 400, from);
    assert.equal(JSON.parse(answer.body).error.code, -32602, from);
  }
  const beyond = await plainRequest(`${url}/stream?from=${size + 1}`);
  assert.equal(beyond.status, 404);
  assert.deepEqual(JSON.parse(beyond.body).error.data, { size });
});

test("the 257th stream is refused, and there is room again once one is gone", async (t) => {
  const { size } = await call(url, "sequencer_info");
  const path = `${url}/stream?from=${size}`;
  const streams = await Promise.all(Array.from({ length: 256 }, () => openStream(t, path)));
  await Promise.all(streams.map((stream) => stream.next()));
  const refused = await plainRequest(path);
  assert.deepEqual([refused.status, refused.headers["retry-after"]], [429, "5"]);
  assert.equal(JSON.parse(refused.body).error.code, -32005);
  assert.equal((await call(url, "sequencer_info")).size, size);
  streams[0]!.close();
  await within(5_000, "room for a stream", roomFor(t, path));
});

async function roomFor(t: Parameters<typeof openStream>[0], path: string): Promise<void> {
  for (;;) {
    const stream = await openStream(t, path);
    if (stream.response.ok) return;
    stream.close();
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
