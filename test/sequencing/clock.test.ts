/**
 * The clock: wall time as long as it runs with the monotonic clock.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Clock, SYSTEM_TIME } from "../../src/sequencing/clock.ts";
import { ManualTime } from "../helpers/pipeline.ts";
import { START } from "../helpers/stored-log.ts";

test("time that passes on both clocks is wall time", () => {
  const time = new ManualTime();
  const clock = new Clock(time);
  for (let day = 0; day < 100; day++) time.advance(24 * 3_600_000);
  assert.equal(clock.now(), START + 100 * 24 * 3_600_000);
});

test("a wall clock set by up to a second is followed, by more it is not trusted until it is back", () => {
  for (const sign of [1, -1]) {
    const time = new ManualTime();
    const clock = new Clock(time);
    time.jump(sign * 1_000);
    assert.equal(clock.now(), START + sign * 1_000);
    time.jump(sign);
    assert.equal(clock.now(), undefined);
    time.advance(60_000);
    assert.equal(clock.now(), undefined, "waiting does not heal it");
    time.jump(-sign);
    assert.equal(clock.now(), START + 60_000 + sign * 1_000);
  }
});

test("small steps add up", () => {
  const time = new ManualTime();
  const clock = new Clock(time);
  for (let i = 0; i < 10; i++) time.jump(100);
  assert.notEqual(clock.now(), undefined);
  time.jump(100);
  assert.equal(clock.now(), undefined);
});

test("the system's clocks run together", () => {
  assert.ok(Math.abs(new Clock(SYSTEM_TIME).now()! - Date.now()) < 1_000);
});

test("the system's clocks are read once for all that happens in one go, and anew after it", async () => {
  const { wall, monotonic } = { wall: SYSTEM_TIME.wall(), monotonic: SYSTEM_TIME.monotonic() };
  const start = performance.now();
  while (performance.now() < start + 3);
  assert.deepEqual([SYSTEM_TIME.wall(), SYSTEM_TIME.monotonic()], [wall, monotonic]);
  await Promise.resolve();
  assert.ok(SYSTEM_TIME.wall() > wall && SYSTEM_TIME.monotonic() >= monotonic + 3);
});
