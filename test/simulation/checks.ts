/**
 * The table of checks that a simulator can answer, each with its bar and what was measured. `npm run simulate -- --check`
 * prints it; the tests run the same scenarios smaller. Checks 1, 8 and 10 are tests and bench/gossip.ts.
 */
import {
  average,
  cappedSource,
  deliveryHops,
  halved,
  lossy,
  massKill,
  parentLost,
  partitionHealed,
  redundancyCurve,
  restarts,
  steadyTree,
  twoRegions,
  withoutPrune,
  worldLatency,
} from "./scenarios.ts";

export interface CheckResult {
  readonly check: string;
  readonly bar: string;
  readonly measured: string;
  readonly passed: boolean;
}

/** The checks by their number in the table; each runs when it is asked for. */
const CHECKS: Record<string, (count: number, seed: number) => Iterable<CheckResult>> = {
  "2": (count, seed) => upTo(count).map((nodes) => redundancyCheck(nodes, seed)),
  "3": (count, seed) => upTo(count).map((nodes) => treeCheck(nodes, seed)),
  "4": (count, seed) => [30, 50, 80].map((percent) => killCheck(count, seed, percent)),
  "5": (count, seed) => [parentCheck(count, seed)],
  "6": (count, seed) => [hopsCheck(count, seed)],
  "7": (count, seed) => proximityChecks(Math.min(count, 100), seed),
  "12": (count, seed) => ablationChecks(Math.min(count, 800), seed),
  others: (count, seed) => extraChecks(Math.min(count, 200), seed),
};

export function* runChecks(count: number, seed: number, only: readonly string[]): Generator<CheckResult> {
  for (const [number, check] of Object.entries(CHECKS)) {
    if (only.length === 0 || only.includes(number)) yield* check(count, seed);
  }
}

function upTo(count: number): number[] {
  return [...new Set([16, 100, count])];
}

function redundancyCheck(nodes: number, seed: number): CheckResult {
  const curve = redundancyCurve(nodes, seed);
  const last = curve.at(-1)!;
  return {
    check: `2  redundancy, N=${nodes}`,
    bar: "<= 0.05 after 20 blocks, from near A-2 = 5",
    measured: `${[0, 1, 2, 5, 10, 20].map((i) => curve[i]!.toFixed(3)).join(" ")} (blocks 1 2 3 6 11 21)`,
    passed: last <= 0.05 && curve[0]! > 3.5,
  };
}

function treeCheck(nodes: number, seed: number): CheckResult {
  const tree = steadyTree(nodes, seed, 600_000);
  return {
    check: `3  tree after 10 min, N=${nodes}`,
    bar: `${nodes - 1} edges, connected, no GRAFT or PRUNE for 60 s`,
    measured: `${tree.edges} edges, ${tree.components} component(s), ${tree.changes} GRAFT+PRUNE, reliability ${tree.reliability}`,
    passed: tree.isSpanningTree && tree.changes === 0,
  };
}

function killCheck(count: number, seed: number, percent: number): CheckResult {
  const result = massKill(count, seed, percent / 100);
  return {
    check: `4  kill ${percent} % of ${count}`,
    bar: percent === 30 ? "every survivor has every block" : "(curve)",
    measured: `${result.complete} of ${result.survivors} survivors have all; reliability ${result.during.toFixed(4)}, a minute later ${result.afterwards.toFixed(4)}`,
    passed: percent !== 30 || result.complete === result.survivors,
  };
}

function parentCheck(count: number, seed: number): CheckResult {
  const results = [0, 1, 2].map((i) => parentLost(count, seed + i));
  const wait = Math.max(...results.map(({ longestWaitMs }) => longestWaitMs));
  const redundancy = Math.max(...results.map(({ redundancyAfter10 }) => redundancyAfter10));
  return {
    check: `5  parent lost, N=${count}`,
    bar: `${results[0]!.barMs} ms (2 ticks + 1 RTT); redundancy < 0.05 within 10 blocks`,
    measured: `longest wait ${wait.toFixed(0)} ms over ${results.reduce((sum, { orphans }) => sum + orphans, 0)} orphans, redundancy ${redundancy.toFixed(3)}`,
    passed:
      wait <= results[0]!.barMs &&
      redundancy <= 0.05 &&
      results.every(({ reliability }) => reliability === 1),
  };
}

function hopsCheck(count: number, seed: number): CheckResult {
  const results = [0, 1, 2].map((i) => deliveryHops(count, seed + i));
  return {
    check: `6  last delivery hop, N=${count}`,
    bar: "<= 1.5 x flooding's",
    measured: results.map(({ tree, flooding }) => `${tree}/${flooding}`).join(" "),
    passed: results.every(({ ratio }) => ratio <= 1.5),
  };
}

function* proximityChecks(count: number, seed: number): Generator<CheckResult> {
  const seeds = Array.from({ length: 10 }, (_, i) => seed + i);
  const mean = <K extends string>(results: Record<K, number>[], key: K) =>
    average(results.map((r) => r[key]));
  const near = seeds.map((s) => twoRegions(count, s, 3, 300_000));
  const random = seeds.map((s) => twoRegions(count, s, 0, 300_000));
  const change = (key: "medianMs" | "nearMedianMs" | "farMedianMs" | "lastMs" | "crossings") =>
    `${mean(random, key).toFixed(2)} -> ${mean(near, key).toFixed(2)}`;
  yield {
    check: `7  two regions (1 and 80 ms), N=${count}, ${seeds.length} seeds`,
    bar: "crossings, the median of the source's region and the last delivery fall against C_near = 0",
    measured: `crossings ${change("crossings")}, median in the source's region ${change("nearMedianMs")} ms, across ${change("farMedianMs")} ms, of all ${change("medianMs")} ms, last ${change("lastMs")} ms`,
    passed: (["crossings", "nearMedianMs", "lastMs"] as const).every(
      (key) => mean(near, key) < mean(random, key),
    ),
  };
  const worldNear = seeds.slice(0, 3).map((s) => worldLatency(count, s, 3));
  const worldRandom = seeds.slice(0, 3).map((s) => worldLatency(count, s, 0));
  yield {
    check: `7  one world (5 to 80 ms), N=${count}, 3 seeds`,
    bar: "median latency falls against C_near = 0",
    measured: `median ${mean(worldRandom, "medianMs").toFixed(1)} -> ${mean(worldNear, "medianMs").toFixed(1)} ms, last ${mean(worldRandom, "lastMs").toFixed(1)} -> ${mean(worldNear, "lastMs").toFixed(1)} ms`,
    passed: mean(worldNear, "medianMs") < mean(worldRandom, "medianMs"),
  };
}

function* ablationChecks(count: number, seed: number): Generator<CheckResult> {
  const redundancy = withoutPrune(count, seed);
  yield {
    check: "12 without PRUNE",
    bar: "it stays flooding: redundancy near A-2 = 5",
    measured: redundancy.toFixed(2),
    passed: redundancy > 3.5,
  };
  const kill = massKill(count, seed, 0.3, { lazyRepair: false });
  yield {
    check: "12 without IHAVE and GRAFT",
    bar: "30 % killed cut the tree for good",
    measured: `reliability ${kill.during.toFixed(3)}, a minute later ${kill.afterwards.toFixed(3)}`,
    passed: kill.afterwards < 0.9,
  };
  const withShuffle = halved(count, seed, 4, { mixing: false });
  const without = halved(count, seed, 4, { mixing: false, shuffle: false });
  const withLists = halved(count, seed, 4, { shuffle: false });
  yield {
    check: "12 without SHUFFLE",
    bar: "passive views wither as nodes die",
    measured: `live passive peers after 4 halvings: ${without.livePassivePeers.toFixed(1)}, with SHUFFLE ${withShuffle.livePassivePeers.toFixed(1)} (without it but learning from NEIGHBOR: ${withLists.livePassivePeers.toFixed(1)})`,
    passed: without.livePassivePeers < withShuffle.livePassivePeers / 2,
  };
}

function* extraChecks(count: number, seed: number): Generator<CheckResult> {
  const healed = partitionHealed(count, seed, 60_000);
  yield {
    check: `   partition of 60 s, N=${count}`,
    bar: "one overlay again, everything delivered",
    measured: `${healed.components} -> ${healed.healed} component(s), reliability ${healed.reliability}`,
    passed: healed.healed === 1 && healed.reliability === 1,
  };
  const loss = lossy(count, seed, 0.05);
  yield {
    check: `   5 % of all messages lost, N=${count}`,
    bar: "everything delivered",
    measured: `reliability ${loss.reliability.toFixed(4)}, redundancy ${loss.redundancy.toFixed(3)}`,
    passed: loss.reliability === 1,
  };
  for (const downMs of [0, 500]) {
    const results = [0, 1, 2].map((i) => restarts(16, seed + i, downMs));
    yield {
      check: `   a replica killed and restarted after ${downMs} ms, 40 times, N=16, 3 seeds, 10 blocks a second`,
      bar: "nobody who lives waits longer than 500 ms",
      measured: results.map(({ longestSilenceMs }) => `${longestSilenceMs.toFixed(0)} ms`).join(", "),
      passed: results.every((result) => result.longestSilenceMs <= 500 && result.reliability === 1),
    };
  }
  const capped = cappedSource(count, seed, 4);
  yield {
    check: `   source pushing to 4, N=${count}`,
    bar: "everything delivered, redundancy <= 0.05",
    measured: `pushes to ${capped.pushed}, redundancy ${capped.redundancy.toFixed(3)}, reliability ${capped.reliability}`,
    passed: capped.pushed <= 4 && capped.redundancy <= 0.05 && capped.reliability === 1,
  };
}
