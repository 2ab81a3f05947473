/**
 * The envelope: what is no call, ids, notifications, batches.
 */
import assert from "node:assert/strict";
import { before, test } from "node:test";
import { startTestPrimary, type TestPrimary } from "../helpers/primary.ts";
import { call, post } from "../helpers/rpc.ts";
import { wholeFile } from "../helpers/whole-file.ts";

let primary: TestPrimary;
let url: string;
before(async () => {
  primary = await startTestPrimary(wholeFile, { dbPath: "" });
  url = primary.url;
});

const answerTo = async (body: unknown) => {
  const response = await post(url, typeof body === "string" ? body : JSON.stringify(body));
  return { status: response.status, text: await response.text() };
};

const INFO = { jsonrpc: "2.0", method: "sequencer_info" };

const ENVELOPES: [what: string, body: unknown, code: number, id: unknown][] = [
  ["an empty body", "", -32700, null],
  ["no JSON", "{", -32700, null],
  ["JSON with a tail", "{}{}", -32700, null],
  ["100,000 nested arrays without an end", "[".repeat(100_000), -32700, null],
  ["100,000 nested arrays in one", `${"[".repeat(100_000)}${"]".repeat(100_000)}`, -32600, null],
  ["100,000 nested objects", `${'{"a":'.repeat(100_000)}1${"}".repeat(100_000)}`, -32600, null],
  [
    "nested parameters",
    `{"jsonrpc":"2.0","id":1,"method":"sequencer_append","params":${"[".repeat(100_000)}${"]".repeat(100_000)}}`,
    -32602,
    1,
  ],
  ["a number", 1, -32600, null],
  ["null", "null", -32600, null],
  ["a text", '"sequencer_info"', -32600, null],
  ["an empty batch", [], -32600, null],
  ["no version", { id: 1, method: "sequencer_info" }, -32600, 1],
  ["version 1.0", { ...INFO, jsonrpc: "1.0", id: 1 }, -32600, 1],
  ["no method", { jsonrpc: "2.0", id: 1 }, -32600, 1],
  ["a method that is a number", { jsonrpc: "2.0", id: 1, method: 1 }, -32600, 1],
  ["an id that is an object", { ...INFO, id: {} }, -32600, null],
  ["an id that is true", { ...INFO, id: true }, -32600, null],
  ["1,001 calls", Array.from({ length: 1_001 }, () => ({ ...INFO, id: 1 })), -32600, null],
];

for (const [what, body, code, id] of ENVELOPES) {
  test(`${what} is refused with ${code}`, async () => {
    const { status, text } = await answerTo(body);
    const parsed = JSON.parse(text);
    const answer = Array.isArray(parsed) ? parsed[0] : parsed;
    assert.equal(answer.error.code, code, text.slice(0, 200));
    assert.equal(answer.id, id);
    assert.equal(answer.jsonrpc, "2.0");
    assert.equal(status, 200);
    assert(text.length < 1_000);
  });
}

test("ids come back as they were sent", async () => {
  for (const id of [0, -1, 1.5, "", "a\u2028\u0000\ud800", null, 2 ** 60]) {
    const { text } = await answerTo({ ...INFO, id });
    assert.deepEqual(JSON.parse(text).id, id);
  }
});

test("a notification is carried out and not answered", async () => {
  const { size } = await call(url, "sequencer_info");
  const append = { jsonrpc: "2.0", method: "sequencer_append", params: [primary.transaction()] };
  assert.deepEqual(await answerTo(append), { status: 204, text: "" });
  assert.equal((await call(url, "sequencer_info")).size, size + 1);
  const both = await answerTo([
    { ...append, params: [primary.transaction()] },
    { ...INFO, id: "asked" },
  ]);
  const answers = JSON.parse(both.text);
  assert.deepEqual([answers.length, answers[0].id], [1, "asked"]);
  assert.equal((await call(url, "sequencer_info")).size, size + 2);
  assert.deepEqual(await answerTo([append, { ...INFO, method: "sequencer_nothing" }]), {
    status: 204,
    text: "",
  });
});

test("1,000 calls are answered, each under its id", async () => {
  const calls = Array.from({ length: 1_000 }, (_, id) => ({
    ...{ jsonrpc: "2.0", id },
    ...{ method: "sequencer_receipt", params: [0] },
  }));
  const answers = JSON.parse((await answerTo(calls)).text) as { id: number; result: { sequence: number } }[];
  assert.deepEqual(
    answers.map(({ id }) => id),
    [...Array(1_000).keys()],
  );
  assert(answers.every(({ result }) => result.sequence === 0));
});

test("null by position is as good as nothing", async () => {
  const { text } = await answerTo({ ...INFO, id: 1, method: "sequencer_read", params: [0, null] });
  assert.equal(JSON.parse(text).result.entries[0].sequence, 0);
});
