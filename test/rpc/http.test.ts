/**
 * What is served over HTTP besides JSON-RPC: the static log, health, metrics, CORS.
 */
import assert from "node:assert/strict";
import { before, test } from "node:test";
import { pathOf } from "../helpers/check-served-log.ts";
import { startTestPrimary, type TestPrimary } from "../helpers/primary.ts";
import { batch, call, plainRequest, post } from "../helpers/rpc.ts";
import { wholeFile } from "../helpers/whole-file.ts";

const FOREVER = "public, max-age=31536000, immutable";
const ENTRIES = 300;

let primary: TestPrimary;
let url: string;
before(async () => {
  primary = await startTestPrimary(wholeFile, { dbPath: "" });
  url = primary.url;
  const calls = Array.from({ length: ENTRIES - 1 }, () => ({
    method: "sequencer_append",
    params: [primary.transaction()],
  }));
  for (const { error } of await batch(url, calls)) assert.equal(error, undefined);
});

const statusOf = async (path: string): Promise<number> => (await fetch(url + path)).status;

test("the checkpoint is plain text that is not to be cached", async () => {
  const response = await fetch(`${url}/checkpoint`);
  assert.equal(response.headers.get("content-type"), "text/plain; charset=utf-8");
  assert.equal(response.headers.get("cache-control"), "no-cache");
  assert.equal(await response.text(), (await call(url, "sequencer_info")).checkpoint);
});

test("tiles and bundles are bytes that may be kept for ever", async () => {
  for (const path of ["/tile/0/000", "/tile/entries/000", "/tile/1/000.p/1", "/tile/entries/001.p/44"]) {
    const response = await fetch(url + path);
    assert.equal(response.status, 200, path);
    assert.equal(response.headers.get("content-type"), "application/octet-stream");
    assert.equal(response.headers.get("cache-control"), FOREVER);
  }
  assert.equal((await (await fetch(`${url}/tile/0/000`)).arrayBuffer()).byteLength, 8_192);
});

test("a narrower tile is the beginning of a wider one, at every width up to the current one", async () => {
  const full = Buffer.from(await (await fetch(`${url}/tile/0/001.p/44`)).arrayBuffer());
  assert.equal(full.length, 44 * 32);
  for (const width of [1, 2, 7, 43]) {
    const tile = Buffer.from(await (await fetch(`${url}/tile/0/${pathOf(1, width)}`)).arrayBuffer());
    assert.deepEqual(tile, full.subarray(0, width * 32));
    const bundle = Buffer.from(await (await fetch(`${url}/tile/entries/${pathOf(1, width)}`)).arrayBuffer());
    const all = Buffer.from(await (await fetch(`${url}/tile/entries/001.p/44`)).arrayBuffer());
    assert.deepEqual(bundle, all.subarray(0, bundle.length));
  }
});

test("what lies beyond the signed head, or is misspelt, is not found and not to be cached", async () => {
  const paths = [
    ...["0/001", "0/001.p/45", "0/002.p/1", "1/000", "1/000.p/2", "1/001.p/1", "2/000.p/1", "entries/001"],
    ...["entries/001.p/45", "entries/002.p/1", "0/0", "0/1", "0/000.p/0", "0/000.p/256", "0/000.p/257"],
    ...["0/x000/000", "0/000.p/01", "00/000", "7/000", "-1/000", "0/000/", "0/000.p", "0/x999/x999/x999/999"],
    ...["data/000", "entries/", "entries", "", "0/%30%30%30", "../checkpoint"],
  ];
  for (const path of paths) {
    const response = await fetch(`${url}/tile/${path}`, { redirect: "error" });
    const isCheckpoint = path === "../checkpoint"; // fetch itself resolves it to /checkpoint
    if (isCheckpoint || path === "0/%30%30%30") assert.equal(response.status, 200, path);
    else assert.equal(response.status, 404, path);
    if (path !== "" && response.status === 404) {
      assert.equal(response.headers.get("cache-control"), "no-cache", path);
    }
  }
});

test("HEAD answers as GET does, without a body, and opens no stream", async () => {
  const head = await plainRequest(`${url}/tile/0/000`, { method: "HEAD" });
  assert.deepEqual([head.status, head.headers["content-length"], head.body], [200, "8192", ""]);
  assert.equal((await plainRequest(`${url}/stream`, { method: "HEAD" })).status, 404);
});

test("health, readiness and metrics answer", async () => {
  assert.equal(await statusOf("/health"), 200);
  const ready = await fetch(`${url}/ready`);
  assert.deepEqual([ready.status, await ready.json()], [200, { status: "ready" }]);
  const metrics = await fetch(`${url}/metrics`);
  assert.match(metrics.headers.get("content-type")!, /^text\/plain/);
  const text = await metrics.text();
  assert.match(text, /^sequencer_entries_total 299$/m);
  assert.match(text, /^sequencer_signed_size_entries 300$/m);
  assert.match(text, /^sequencer_intake_transactions 0$/m);
  assert.match(text, /^sequencer_intake_bytes 0$/m);
});

test("metrics count refusals by reason", async () => {
  const payload = primary.transaction({ expires: Date.now() - 1 });
  await post(url, JSON.stringify({ jsonrpc: "2.0", id: 1, method: "sequencer_append", params: [payload] }));
  const text = await (await fetch(`${url}/metrics`)).text();
  assert.match(text, /^sequencer_refusals_total\{reason="expired"\} 1$/m);
});

test("a node whose disk is full says so, refuses appends and goes on answering", async (t) => {
  const full = await startTestPrimary(t, { diskReserveBytes: Number.MAX_SAFE_INTEGER });
  const ready = await fetch(`${full.url}/ready`);
  assert.deepEqual([ready.status, await ready.json()], [503, { status: "not-ready", reason: "disk-full" }]);
  const [answer] = await batch(full.url, [{ method: "sequencer_append", params: [full.transaction()] }]);
  assert.equal(answer!.error!.code, -32005);
  assert.equal(answer!.error!.data!.reason, "disk-full");
  assert(Number(answer!.error!.data!.retryAfterMs) > 0);
  assert.equal((await call(full.url, "sequencer_info")).size, 1);
});

test("browsers of any origin may call", async () => {
  const headers = {
    origin: "https://wallet.example",
    "access-control-request-method": "POST",
    "access-control-request-headers": "content-type",
  };
  const preflight = await plainRequest(`${url}/`, { method: "OPTIONS", headers });
  assert.equal(preflight.status, 204);
  assert.equal(preflight.headers["access-control-allow-origin"], "*");
  assert.equal(preflight.headers["access-control-allow-headers"], "content-type");
  assert.match(String(preflight.headers["access-control-allow-methods"]), /POST/);
  for (const path of ["/checkpoint", "/tile/0/000", "/ready", "/nothing", "/tile/9/9"]) {
    const answer = await plainRequest(url + path, { headers: { origin: headers.origin } });
    assert.equal(answer.headers["access-control-allow-origin"], "*", path);
  }
});

test("a body's content type does not matter", async () => {
  const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "sequencer_info" });
  for (const type of ["application/json", "text/plain", "application/octet-stream", undefined]) {
    const headers = type === undefined ? undefined : { "content-type": type };
    const answer = await plainRequest(`${url}/`, { method: "POST", body, ...(headers && { headers }) });
    assert.equal(JSON.parse(answer.body).result?.size, 300, type);
    assert.equal(answer.headers["content-type"], "application/json; charset=utf-8");
  }
});

test("other paths and methods are not found", async () => {
  assert.equal(await statusOf("/"), 404);
  assert.equal(await statusOf("/checkpoint/"), 404);
  assert.equal((await plainRequest(`${url}/checkpoint`, { method: "POST", body: "{}" })).status, 404);
  assert.equal((await plainRequest(`${url}/`, { method: "DELETE" })).status, 404);
});
