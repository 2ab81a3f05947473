/**
 * sequencer_read over a log of several tiles: pages, bounds, and requests whose answers would be too large.
 */
import assert from "node:assert/strict";
import { before, test } from "node:test";
import { checkLog } from "../helpers/check-served-log.ts";
import { startTestPrimary, type TestPrimary } from "../helpers/primary.ts";
import { batch, call, failure, post } from "../helpers/rpc.ts";
import { wholeFile } from "../helpers/whole-file.ts";

const SMALL = 2_100;
const LARGE = 90;

let primary: TestPrimary;
let url: string;
let size: number;
before(async () => {
  primary = await startTestPrimary(wholeFile);
  url = primary.url;
  for (let done = 0; done < SMALL; done += 700) await appendMany(700, 1);
  await appendMany(LARGE, 65_000);
  size = 1 + SMALL + LARGE;
});

async function appendMany(count: number, dataBytes: number): Promise<void> {
  const options = { receipt: "ack" };
  for (let left = count; left > 0; ) {
    const now = Math.min(left, Math.max(1, Math.floor(5_000_000 / (2 * dataBytes))));
    const answers = await batch(
      url,
      Array.from({ length: now }, () => ({
        method: "sequencer_append",
        params: [primary.transaction({ data: new Uint8Array(dataBytes) }), options],
      })),
    );
    for (const { error } of answers) assert.equal(error, undefined);
    left -= now;
  }
}

const sequencesOf = ({ entries }: { entries: { sequence: number }[] }): number[] =>
  entries.map(({ sequence }) => sequence);

test("read answers at most 1,000 entries and says where to go on", async () => {
  const page = await call(url, "sequencer_read", [0]);
  assert.deepEqual(sequencesOf(page), [...Array(1_000).keys()]);
  assert.equal(page.next, 1_000);
  const clamped = await call(url, "sequencer_read", [5, 2_000]);
  assert.deepEqual([clamped.entries.length, clamped.entries[0].sequence, clamped.next], [1_000, 5, 1_005]);
});

test("read answers at most 4 MiB of entries and says where to go on", async () => {
  const page = await call(url, "sequencer_read", [1 + SMALL]);
  assert(page.entries.length < LARGE);
  assert.equal(page.next, 1 + SMALL + page.entries.length);
  assert(page.entries.length * 65_000 <= 4 * 1024 * 1024);
  assert((page.entries.length + 1) * 65_200 > 4 * 1024 * 1024, "no less than fits");
});

test("pages joined by next are the log", async () => {
  const sequences: number[] = [];
  for (let from: number | undefined = 0; from !== undefined; ) {
    const page: { entries: { sequence: number }[]; next?: number } = await call(url, "sequencer_read", [
      from,
    ]);
    sequences.push(...sequencesOf(page));
    from = page.next;
  }
  assert.deepEqual(sequences, [...Array(size).keys()]);
});

test("to is included, and clamped to the head", async () => {
  assert.deepEqual(sequencesOf(await call(url, "sequencer_read", [3, 3])), [3]);
  assert.deepEqual(await call(url, "sequencer_read", [7, 9]), {
    entries: (await call(url, "sequencer_read", [7])).entries.slice(0, 3),
  });
  const tail = await call(url, "sequencer_read", [size - 2, 2 ** 53 - 1]);
  assert.deepEqual([sequencesOf(tail), tail.next], [[size - 2, size - 1], undefined]);
});

test("from at the head answers nothing, from beyond it says how long the log is", async () => {
  assert.deepEqual(await call(url, "sequencer_read", [size]), { entries: [] });
  const { code, data } = await failure(url, "sequencer_read", [size + 1]);
  assert.deepEqual([code, data], [-32001, { size }]);
});

test("a request whose answers would be gigabytes is answered in part, and the node goes on", async () => {
  const body = JSON.stringify(
    Array.from({ length: 1_000 }, (_, id) => ({
      ...{ jsonrpc: "2.0", id },
      ...{ method: "sequencer_read", params: [1 + SMALL] },
    })),
  );
  const response = await post(url, body);
  const text = await response.text();
  assert(text.length < 64 * 1024 * 1024, `${text.length} characters`);
  const answers = JSON.parse(text) as { id: number; error?: { code: number; data: object } }[];
  assert.equal(answers.length, 1_000);
  assert(
    answers.some(({ error }) => error === undefined),
    "some are answered",
  );
  const refused = answers.filter(({ error }) => error !== undefined);
  assert(refused.length > 900);
  for (const { error } of refused) assert.equal(error!.code, -32005);
  assert.equal((await call(url, "sequencer_info")).size, size);
});

test("every tile, bundle, signature and root of a log of several tiles holds", async () => {
  const checked = await checkLog(url);
  assert.equal(checked.size, size);
});
