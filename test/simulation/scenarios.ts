/**
 * The experiments behind the table of checks: each builds a world, does one thing to it and returns what was measured.
 * Tests run them small, `npm run simulate -- --check` runs them at full size. docs/benchmarks-episub.md has the results.
 */
import { type Parameters, SOURCE_PARAMETERS } from "../../src/replication/episub/limits.ts";
import { sample } from "../../src/replication/episub/random.ts";
import {
  floodingHops,
  lastDeliveryHop,
  latencyMs,
  redundancy,
  reliability,
  shape,
  treeChanges,
} from "./measure.ts";
import { indexOf, type Trace, World, type WorldOptions } from "./world.ts";

/** Latencies of the default world span 5-80 ms: the tick of the wide area. */
const WIDE: Partial<Parameters> = { missingTickMs: 250 };

/** A world of `count` nodes whose overlay has been left alone for `settleMs`. */
export function settled(count: number, settleMs: number, options: WorldOptions): World {
  const world = new World({ ...options, parameters: { ...WIDE, ...options.parameters } });
  world.startAll(count, 20);
  world.run(settleMs);
  return world;
}

export function publishMany(world: World, count: number, everyMs: number): Trace[] {
  const traces: Trace[] = [];
  for (let i = 0; i < count; i++) {
    traces.push(world.publish(0));
    world.run(everyMs);
  }
  return traces;
}

/** Check 2: redundancy of each of 21 blocks. */
export function redundancyCurve(count: number, seed: number): number[] {
  return publishMany(settled(count, 30_000, { seed }), 21, 1_000).map(redundancy);
}

/** Check 3: the tree after warm-up, and the GRAFTs and PRUNEs of one minute. */
export function steadyTree(count: number, seed: number, warmUpMs: number) {
  const world = settled(count, 30_000, { seed });
  publishMany(world, warmUpMs / 2_000, 2_000);
  const before = treeChanges(world);
  const traces = publishMany(world, 60, 1_000);
  const reached = Math.min(...traces.map((trace) => reliability(world, trace)));
  return { ...shape(world, true), changes: treeChanges(world) - before, reliability: reached };
}

/** Check 4: a part of the nodes is killed at once in the middle of a stream of blocks; the source lives. */
export function massKill(
  count: number,
  seed: number,
  fraction: number,
  parameters: Partial<Parameters> = {},
) {
  const world = settled(count, 30_000, { seed, parameters });
  publishMany(world, 25, 200);
  const others = world.states.map((_, node) => node).slice(1);
  world.kill(sample(world.random, others, Math.floor(fraction * count)));
  const traces = publishMany(world, 25, 200);
  world.run(60_000);
  const after = publishMany(world, 10, 1_000);
  world.run(10_000);
  const complete = world.states.filter(
    (_, node) => world.alive[node] && traces.every(({ deliveries }) => deliveries.has(node)),
  );
  return {
    survivors: world.alive.filter(Boolean).length,
    complete: complete.length,
    during: average(traces.map((trace) => reliability(world, trace))),
    afterwards: average(after.map((trace) => reliability(world, trace))),
    components: shape(world, false).components,
  };
}

/** Check 5: the busiest relay dies just before a block. How long did each orphan wait, since it could know? */
export function parentLost(count: number, seed: number) {
  const world = settled(count, 30_000, { seed });
  const warm = publishMany(world, 30, 1_000).at(-1)!;
  const children = new Map<number, number>();
  for (const [node, { from }] of warm.deliveries) {
    if (node !== from && from !== 0) children.set(from, (children.get(from) ?? 0) + 1);
  }
  const [victim] = [...children].sort((a, b) => b[1] - a[1])[0]!;
  const orphans = [...warm.deliveries].filter(([node, { from }]) => from === victim && node !== victim);
  const knownAt = new Map<number, number>();
  world.kill([victim]);
  const trace = world.publish(0);
  world.watch = (node, _, message) => {
    if (message.type !== "ihave" || knownAt.has(node)) return;
    if (message.summaries.some(({ id }) => id.key === trace.id.key)) knownAt.set(node, world.now);
  };
  world.run(5_000);
  const waits = orphans.map(([node]) => {
    const delivered = trace.deliveries.get(node)?.time ?? Number.POSITIVE_INFINITY;
    return Math.max(0, delivered - (knownAt.get(node) ?? delivered));
  });
  const afterwards = publishMany(world, 10, 1_000);
  return {
    orphans: orphans.length,
    longestWaitMs: Math.max(...waits),
    /** Two ticks and the longest round trip there is. */
    barMs: 2 * 250 + 2 * 80 * 1.1,
    reliability: Math.min(reliability(world, trace), ...afterwards.map((t) => reliability(world, t))),
    redundancyAfter10: redundancy(afterwards.at(-1)!),
  };
}

/**
 * A small log in one data centre, whose source pushes to four. Every three seconds a replica is killed without a
 * goodbye and started again under the same name. How long does a payload keep whoever lives waiting?
 */
export function restarts(count: number, seed: number, downMs: number) {
  const world = settled(count, 10_000, {
    seed,
    regions: { withinMs: 1, acrossMs: 1 },
    parameters: { missingTickMs: 100 },
    sourceParameters: SOURCE_PARAMETERS,
  });
  publishMany(world, 50, 100);
  const silences = [0];
  for (let round = 0; round < 40; round++) {
    const victim = 1 + Math.floor(world.random() * (count - 1));
    world.kill([victim]);
    const traces = publishMany(world, Math.ceil(downMs / 100), 100);
    world.restart(victim, [Math.floor(world.random() * victim)]);
    traces.push(...publishMany(world, 30 - traces.length, 100));
    world.run(100);
    for (const node of world.states.keys()) {
      if (node > 0 && node !== victim) silences.push(longestGapMs(world, node, traces));
    }
  }
  world.run(2_000);
  const [trace] = publishMany(world, 1, 1_000);
  return { longestSilenceMs: Math.max(...silences), reliability: reliability(world, trace!) };
}

/** The longest time in which a node received none of the payloads, from the first one's publication on. */
function longestGapMs(world: World, node: number, traces: readonly Trace[]): number {
  const times = traces.flatMap(({ deliveries }) => deliveries.get(node)?.time ?? []).sort((a, b) => a - b);
  const moments = [traces[0]!.publishedAt, ...times, world.now];
  return Math.max(...moments.slice(1).map((time, i) => time - moments[i]!));
}

/** Check 6: the last delivery hop of the tree against that of flooding on the same overlay. */
export function deliveryHops(count: number, seed: number) {
  const world = settled(count, 30_000, { seed });
  const trace = publishMany(world, 30, 1_000).at(-1)!;
  const tree = lastDeliveryHop(trace);
  const flooding = floodingHops(world, 0);
  return { tree, flooding, ratio: tree / flooding };
}

/**
 * Check 7: two regions, with proximity and without; the view is of the same size. With the source's half of the nodes
 * served, the median over all is the first arrival across, whatever the tree: each region has its own.
 */
export function twoRegions(count: number, seed: number, nearLinks: number, warmUpMs: number) {
  const world = settled(count, warmUpMs, {
    seed,
    regions: { withinMs: 1, acrossMs: 80 },
    parameters: { randomLinks: 7 - nearLinks, nearLinks },
  });
  const traces = publishMany(world, 30, 1_000).slice(20);
  return {
    medianMs: average(traces.map((trace) => latencyMs(trace, 0.5))),
    nearMedianMs: average(traces.map((trace) => latencyMs(trace, 0.5, (node) => node > 0 && node % 2 === 0))),
    farMedianMs: average(traces.map((trace) => latencyMs(trace, 0.5, (node) => node % 2 === 1))),
    lastMs: average(traces.map((trace) => latencyMs(trace, 1))),
    crossings: average(traces.map(({ crossings }) => crossings)),
    reliability: Math.min(...traces.map((trace) => reliability(world, trace))),
  };
}

/** Two halves for a minute, then one again: does what is published afterwards reach everybody? */
export function partitionHealed(count: number, seed: number, healMs: number) {
  const world = settled(count, 30_000, { seed });
  publishMany(world, 10, 500);
  world.partition((node) => node % 2);
  publishMany(world, 60, 1_000);
  const components = shape(world, false).components;
  world.network.partition(undefined);
  world.run(healMs);
  const traces = publishMany(world, 20, 1_000);
  world.run(10_000);
  return {
    components,
    healed: shape(world, false).components,
    reliability: average(traces.map((trace) => reliability(world, trace))),
    redundancy: redundancy(traces.at(-1)!),
  };
}

/** A lossy network, for good: only lazy repair stands between a node and a gap. */
export function lossy(count: number, seed: number, loss: number) {
  const world = settled(count, 30_000, { seed });
  world.network.loss = loss;
  const traces = publishMany(world, 50, 500);
  world.run(10_000);
  return {
    reliability: average(traces.map((trace) => reliability(world, trace))),
    redundancy: average(traces.slice(10).map(redundancy)),
    components: shape(world, false).components,
  };
}

/** Check 12: half of the nodes are killed, again and again. How many live peers does a survivor still know of? */
export function halved(count: number, seed: number, rounds: number, parameters: Partial<Parameters>) {
  const world = settled(count, 60_000, { seed, parameters });
  for (let round = 0; round < rounds; round++) {
    const live = world.states.map((_, node) => node).filter((node) => node > 0 && world.alive[node]);
    world.kill(sample(world.random, live, Math.floor(live.length / 2)));
    world.run(150_000);
  }
  const known = world.states
    .filter((_, node) => world.alive[node])
    .map(({ passive }) => [...passive.keys()].filter((peer) => world.alive[indexOf(peer)]).length);
  return { survivors: known.length, livePassivePeers: average(known), smallest: Math.min(...known) };
}

/** Check 12: redundancy where duplicates do not prune. */
export function withoutPrune(count: number, seed: number): number {
  const world = settled(count, 30_000, { seed, parameters: { prune: false } });
  return redundancy(publishMany(world, 20, 1_000).at(-1)!);
}

/** Check 7: one world of 5 to 80 ms, ten minutes after the start. */
export function worldLatency(count: number, seed: number, nearLinks: number) {
  const world = settled(count, 600_000, { seed, parameters: { randomLinks: 7 - nearLinks, nearLinks } });
  const traces = publishMany(world, 30, 1_000).slice(20);
  return {
    medianMs: average(traces.map((trace) => latencyMs(trace, 0.5))),
    lastMs: average(traces.map((trace) => latencyMs(trace, 1))),
  };
}

/** A source that pushes to few neighbours and changes one of them every 30 s. */
export function cappedSource(count: number, seed: number, eagerMax: number) {
  const sourceParameters = { ...SOURCE_PARAMETERS, eagerMax };
  const world = settled(count, 30_000, { seed, sourceParameters });
  const traces = publishMany(world, 120, 1_000);
  const pushed = [...world.states[0]!.active.values()].filter(({ eager }) => eager).length;
  return {
    pushed,
    redundancy: average(traces.slice(20).map(redundancy)),
    reliability: Math.min(...traces.map((trace) => reliability(world, trace))),
  };
}

export function average(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
