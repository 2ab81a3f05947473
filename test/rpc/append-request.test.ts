/**
 * Requests that are read in a worker: only those in which nothing is wrong, and they mean the same there.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { toHex, utf8 } from "../../src/base/bytes.ts";
import { parseAppendRequest } from "../../src/rpc/append-request.ts";

const call = (fields: object = {}): object => ({
  jsonrpc: "2.0",
  id: 1,
  method: "sequencer_append",
  params: ["0x53c0"],
  ...fields,
});

const parse = (request: unknown) => parseAppendRequest(utf8(JSON.stringify(request)));

test("a single call and a batch, by position and by name, with any id", () => {
  assert.deepEqual(parse(call()), {
    isBatch: false,
    payloads: [Uint8Array.of(0x53, 0xc0)],
    ids: [1],
    acks: [],
  });
  const options = { receipt: "ack" };
  const request = parse([
    call({ id: "ä\n", params: ["0xAB", {}] }),
    call({ id: null, params: { tx: "0x", options } }),
    call({ id: 1.5, params: ["0x00", options], more: "is ignored" }),
  ]);
  assert.equal(request?.isBatch, true);
  assert.deepEqual(request?.payloads.map(toHex), ["0xab", "0x", "0x00"]);
  assert.deepEqual(request?.ids, ["ä\n", null, 1.5]);
  assert.deepEqual(request?.acks, [1, 2]);
});

test("whatever is not just well-formed appends is left to the ordinary way", () => {
  const others: unknown[] = [
    ...[[], {}, null, 7, "sequencer_append", [call(), 7], [[call()]]],
    call({ id: undefined }),
    call({ id: {} }),
    call({ jsonrpc: "1.0" }),
    call({ method: "sequencer_info" }),
    [call(), call({ method: "sequencer_read" })],
    ...[[], ["0x5"], ["5300"], ["0xzz"], [5], ["0x53", "ack"], ["0x53", { receipt: "none" }]].map((params) =>
      call({ params }),
    ),
    call({ params: ["0x53", { durability: "fsync" }] }),
    call({ params: ["0x53", {}, 1] }),
    call({ params: { payload: "0x53" } }),
    call({ params: "0x53" }),
    Array.from({ length: 1_001 }, () => call()),
  ];
  for (const other of others) assert.equal(parse(other), undefined, JSON.stringify(other).slice(0, 100));
  for (const text of ["", "{", "[", "nonsense sequencer_append", `${JSON.stringify(call())}x`, "\ufeff{}"])
    assert.equal(parseAppendRequest(utf8(text)), undefined, text);
});

test("a full batch is taken", () => {
  assert.equal(parse(Array.from({ length: 1_000 }, () => call()))?.payloads.length, 1_000);
});

test("no bytes make it throw", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => void parseAppendRequest(bytes)));
  const json = fc.jsonValue({ maxDepth: 6 });
  fc.assert(
    fc.property(json, (value) => {
      const request = parse(value);
      assert.ok(request === undefined || request.payloads.length === request.ids.length);
    }),
  );
  assert.equal(parseAppendRequest(utf8(`${"[".repeat(200_000)}"sequencer_append"`)), undefined);
});
