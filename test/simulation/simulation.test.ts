/** Checks 2 to 7 and 12 at a size that fits in a test run; `npm run simulate -- --check` runs them at full size. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  cappedSource,
  deliveryHops,
  halved,
  lossy,
  massKill,
  parentLost,
  partitionHealed,
  publishMany,
  redundancyCurve,
  restarts,
  settled,
  steadyTree,
  twoRegions,
  withoutPrune,
  worldLatency,
} from "./scenarios.ts";

describe("EpiSub among simulated nodes", () => {
  test("the same seed is the same run, another seed another", () => {
    const run = (seed: number) => {
      const world = settled(50, 30_000, { seed });
      const traces = publishMany(world, 5, 500);
      return JSON.stringify([world.messages, traces.map(({ deliveries }) => [...deliveries])]);
    };
    assert.equal(run(7), run(7));
    assert.notEqual(run(7), run(8));
  });

  for (const nodes of [16, 100]) {
    test(`redundancy falls from near A-2 to 0.05 within 20 blocks (${nodes} nodes)`, () => {
      const curve = redundancyCurve(nodes, 7);
      assert.ok(curve[0]! > 3.5, `first ${curve[0]}`);
      assert.ok(curve.at(-1)! <= 0.05, `last ${curve.at(-1)}`);
    });
  }

  test("after warm-up the eager edges are a spanning tree that nothing changes for a minute (16 nodes)", () => {
    const tree = steadyTree(16, 7, 300_000);
    assert.ok(tree.isSpanningTree);
    assert.equal(tree.changes, 0);
    assert.equal(tree.reliability, 1);
  });

  for (const fraction of [0.3, 0.5, 0.8]) {
    test(`of 100 nodes ${fraction * 100} % die while blocks flow: every survivor has every block`, () => {
      const result = massKill(100, 7, fraction);
      assert.equal(result.complete, result.survivors);
      assert.equal(result.components, 1);
    });
  }

  test("a lost parent is repaired within two ticks and a round trip, and redundancy is low again in 10 blocks", () => {
    const result = parentLost(100, 7);
    assert.ok(result.orphans > 1);
    assert.ok(result.longestWaitMs <= result.barMs, `waited ${result.longestWaitMs} ms`);
    assert.equal(result.reliability, 1);
    assert.ok(result.redundancyAfter10 <= 0.05);
  });

  test("the last delivery hop is at most 1.5 times flooding's", () => {
    const { tree, flooding } = deliveryHops(100, 7);
    assert.ok(tree <= 1.5 * flooding, `${tree} against ${flooding}`);
  });

  test("proximity lowers crossings between regions, and latency in one world", () => {
    assert.ok(twoRegions(100, 7, 3, 120_000).crossings < twoRegions(100, 7, 0, 120_000).crossings);
    assert.ok(worldLatency(50, 7, 3).medianMs < worldLatency(50, 7, 0).medianMs);
  });

  test("a partition of a minute heals by itself", () => {
    const result = partitionHealed(60, 7, 60_000);
    assert.deepEqual([result.components, result.healed, result.reliability], [2, 1, 1]);
  });

  for (const downMs of [0, 500]) {
    test(`a replica that is killed and back after ${downMs} ms leaves nobody waiting for half a second`, () => {
      const { longestSilenceMs, reliability } = restarts(16, 7, downMs);
      assert.ok(longestSilenceMs <= 500, `waited ${longestSilenceMs} ms`);
      assert.equal(reliability, 1);
    });
  }

  test("lazy repair makes up for 5 % of all messages lost", () => {
    assert.equal(lossy(60, 7, 0.05).reliability, 1);
  });

  test("a source that pushes to three neighbours, and changes them, reaches everybody", () => {
    const result = cappedSource(60, 7, 3);
    assert.equal(result.pushed, 3);
    assert.equal(result.reliability, 1);
    assert.ok(result.redundancy <= 0.05, `redundancy ${result.redundancy}`);
  });

  test("without PRUNE it floods; without IHAVE and GRAFT a kill cuts the tree; without SHUFFLE views wither", () => {
    assert.ok(withoutPrune(60, 7) > 3.5);
    assert.ok(massKill(60, 7, 0.3, { lazyRepair: false }).afterwards < 0.9);
    const mixed = halved(200, 7, 3, { mixing: false }).livePassivePeers;
    const withered = halved(200, 7, 3, { mixing: false, shuffle: false }).livePassivePeers;
    assert.ok(withered < mixed / 2, `${withered} against ${mixed}`);
  });
});
