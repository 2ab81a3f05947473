/** Where there is no WebAssembly requests of appends are read by JavaScript. A file of its own: it changes its process. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { utf8 } from "../../src/base/bytes.ts";
import { body, calls, openReader } from "../helpers/append-bodies.ts";

Object.defineProperty(globalThis, "WebAssembly", { value: undefined });
const { appendColumns } = await import("../../src/rpc/append-columns.ts");
const { readTask } = await import("../../src/rpc/read-appends.ts");
const { ReadRequest } = await import("../../src/rpc/read-request.ts");

test("requests are read without WebAssembly", () => {
  assert.equal(appendColumns, undefined);
  const { reader, verified } = openReader();
  const results = readTask(reader)([body(calls(3)), "nonsense", body(calls(1)[0])].map(utf8));
  assert.deepEqual(verified, [4]);
  assert.equal(results[1]!.length, 0);
  const [batch, , single] = results.map((bytes) => (bytes.length === 0 ? undefined : new ReadRequest(bytes)));
  assert.deepEqual([batch!.isBatch, batch!.calls, batch!.id(2).toString()], [true, 3, "2"]);
  assert.deepEqual([single!.isBatch, single!.calls, single!.id(0).toString()], [false, 1, "0"]);
});
