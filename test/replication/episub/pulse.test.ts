import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { Pulse } from "../../../src/replication/episub/pulse.ts";

function start(t: TestContext) {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const seen = { ticks: 0, isBusy: false };
  const tick = (): void => {
    seen.ticks++;
  };
  const pulse = new Pulse(tick, () => seen.isBusy, 50, 250);
  pulse.start();
  return { pulse, seen, pass: (ms: number) => t.mock.timers.tick(ms) };
}

test("it is slow while nothing waits, and quick while something does", (t) => {
  const { pulse, seen, pass } = start(t);
  for (let i = 0; i < 4; i++) pass(250);
  assert.equal(seen.ticks, 4);
  seen.isBusy = true;
  pass(250);
  for (let i = 0; i < 5; i++) pass(50);
  assert.equal(seen.ticks, 10);
  pulse.stop();
});

test("what happens between two slow ticks is not kept waiting, nor is a quick tick put off by more of it", (t) => {
  const { pulse, seen, pass } = start(t);
  pulse.notice();
  pass(60);
  assert.equal(seen.ticks, 0, "nothing waits");
  seen.isBusy = true;
  pulse.notice();
  pass(40);
  pulse.notice();
  pass(10);
  assert.equal(seen.ticks, 1);
  pulse.stop();
});

test("a tick that brings work about is followed by one tick soon, not by two", (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  let ticks = 0;
  const tick = (): void => {
    ticks++;
    pulse.notice();
  };
  const pulse: Pulse = new Pulse(tick, () => ticks === 1, 50, 250);
  pulse.start();
  t.mock.timers.tick(250);
  t.mock.timers.tick(50);
  assert.equal(ticks, 2);
  t.mock.timers.tick(240);
  assert.equal(ticks, 2);
  pulse.stop();
});

test("it does not tick once it is stopped, not even if it is noticed, or stopped by its tick", (t) => {
  const { pulse, seen, pass } = start(t);
  pulse.stop();
  seen.isBusy = true;
  pulse.notice();
  pass(1_000);
  assert.equal(seen.ticks, 0);
  const own: Pulse = new Pulse(
    () => own.stop(),
    () => true,
    50,
    250,
  );
  own.start();
  pass(50);
  pass(1_000);
});
