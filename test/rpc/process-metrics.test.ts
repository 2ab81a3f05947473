import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as nextTurn, setTimeout as sleep } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { Registry } from "prom-client";
import { LOOP_LOOK_MS, watchProcess } from "../../src/rpc/process-metrics.ts";

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

/** The value of a metric with one label. */
async function read(registry: Registry, name: string, label: string): Promise<number> {
  const line = (await registry.metrics()).split("\n").find((each) => each.startsWith(`${name}{${label}}`));
  assert.ok(line !== undefined, `${name}{${label}}`);
  return Number(line.slice(line.lastIndexOf(" ")));
}

test("a collection of the whole heap is counted, and longest until somebody has looked", async () => {
  const registry = new Registry();
  watchProcess(registry);
  collectGarbage();
  // The observer hears of it in a turn of its own.
  for (let turn = 0; turn < 3; turn++) await nextTurn();
  const longest = 'kind="major"';
  assert.ok((await read(registry, "sequencer_collection_longest_seconds", longest)) > 0);
  assert.equal(await read(registry, "sequencer_collection_longest_seconds", longest), 0);
  assert.ok((await read(registry, "sequencer_collection_seconds_count", longest)) >= 1);
});

test("a turn of the event loop that takes long shows until somebody has looked", async () => {
  const registry = new Registry();
  watchProcess(registry);
  await sleep(3 * LOOP_LOOK_MS); // The monitor has begun.
  const end = performance.now() + 4 * LOOP_LOOK_MS;
  while (performance.now() < end);
  await sleep(3 * LOOP_LOOK_MS);
  const slowest = await read(registry, "sequencer_event_loop_delay_seconds", 'quantile="1"');
  assert.ok(slowest > (2 * LOOP_LOOK_MS) / 1_000 && slowest < 10, `${slowest} s`);
});

test("memory is told by kind", async () => {
  const registry = new Registry();
  watchProcess(registry);
  const before = await read(registry, "sequencer_memory_bytes", 'kind="array_buffers"');
  const held = new ArrayBuffer(64 * 2 ** 20);
  const after = await read(registry, "sequencer_memory_bytes", 'kind="array_buffers"');
  assert.ok(after - before > held.byteLength / 2);
  assert.ok((await read(registry, "sequencer_memory_bytes", 'kind="heap"')) > 2 ** 20);
});
