/** What a run is judged by: redundancy, reliability, hops, latency, and the shape of the tree. */
import { indexOf, type Trace, type World } from "./world.ts";

/** Payload transmissions / (receivers - 1) - 1, as the Plumtree paper defines it: 0 is a perfect tree. */
export function redundancy(trace: Trace): number {
  return trace.transmissions / (trace.deliveries.size - 1) - 1;
}

/** Fraction of live nodes that received it. */
export function reliability(world: World, trace: Trace): number {
  let live = 0;
  let reached = 0;
  for (const [node, alive] of world.alive.entries()) {
    if (!alive) continue;
    live++;
    if (trace.deliveries.has(node)) reached++;
  }
  return reached / live;
}

export function lastDeliveryHop(trace: Trace): number {
  return Math.max(...[...trace.deliveries.values()].map(({ hops }) => hops));
}

/** Latency below which the given fraction of the receivers had it, in ms: of all, or of some. */
export function latencyMs(
  trace: Trace,
  fraction: number,
  counts: (node: number) => boolean = () => true,
): number {
  const times = [...trace.deliveries]
    .filter(([node]) => counts(node))
    .map(([, { time }]) => time - trace.publishedAt)
    .sort((a, b) => a - b);
  return times[Math.min(times.length - 1, Math.floor(fraction * times.length))]!;
}

/** Undirected edges of live nodes: eager on either side, or all links. */
export function edges(world: World, eagerOnly: boolean): [number, number][] {
  const found = new Map<string, [number, number]>();
  for (const [node, state] of world.states.entries()) {
    if (!world.alive[node]) continue;
    for (const [peer, neighbor] of state.active) {
      const other = indexOf(peer);
      if (!world.alive[other] || (eagerOnly && !neighbor.eager)) continue;
      const [low, high] = node < other ? [node, other] : [other, node];
      found.set(`${low}-${high}`, [low, high]);
    }
  }
  return [...found.values()];
}

export interface Shape {
  readonly nodes: number;
  readonly edges: number;
  readonly components: number;
  /** Links that only one side knows of. */
  readonly oneSided: number;
  readonly isSpanningTree: boolean;
}

export function shape(world: World, eagerOnly: boolean): Shape {
  const list = edges(world, eagerOnly);
  const nodes = world.alive.filter(Boolean).length;
  const root = world.states.map((_, node) => node);
  const find = (node: number): number => {
    while (root[node] !== node) {
      root[node] = root[root[node]!]!;
      node = root[node]!;
    }
    return node;
  };
  let components = nodes;
  for (const [a, b] of list) {
    const [rootA, rootB] = [find(a), find(b)];
    if (rootA === rootB) continue;
    root[rootA] = rootB;
    components--;
  }
  let oneSided = 0;
  for (const [a, b] of list) {
    const there = world.states[a]!.active.get(`n${b}`);
    const back = world.states[b]!.active.get(`n${a}`);
    if ((there === undefined) !== (back === undefined)) oneSided++;
  }
  const isSpanningTree = components === 1 && list.length === nodes - 1;
  return { nodes, edges: list.length, components, oneSided, isSpanningTree };
}

/** Last delivery hop that flooding has on the present overlay: every node gets it over the fastest path. */
export function floodingHops(world: World, source: number): number {
  const neighbors = new Map<number, number[]>();
  for (const [a, b] of edges(world, false)) {
    neighbors.set(a, [...(neighbors.get(a) ?? []), b]);
    neighbors.set(b, [...(neighbors.get(b) ?? []), a]);
  }
  const time = new Map([[source, 0]]);
  const hops = new Map([[source, 0]]);
  const open = new Set([source]);
  while (open.size > 0) {
    let node = -1;
    for (const candidate of open) if (node < 0 || time.get(candidate)! < time.get(node)!) node = candidate;
    open.delete(node);
    for (const next of neighbors.get(node) ?? []) {
      const arrival = time.get(node)! + world.network.latencyMs(node, next);
      if (arrival >= (time.get(next) ?? Number.POSITIVE_INFINITY)) continue;
      time.set(next, arrival);
      hops.set(next, hops.get(node)! + 1);
      open.add(next);
    }
  }
  return Math.max(...hops.values());
}

/** Broadcast control messages since the world began. */
export function treeChanges(world: World): number {
  return (world.messages.graft ?? 0) + (world.messages.prune ?? 0);
}
