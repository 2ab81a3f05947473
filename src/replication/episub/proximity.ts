/**
 * GoCast's proximity: smoothed round trips to neighbours and passive peers, and the replacement of a near neighbour by
 * a closer peer. Random links are never traded for near ones: they keep the overlay connected.
 */

import { isTreeEdge } from "./edges.ts";
import { LIMITS } from "./limits.ts";
import { grant, linkCounts, queryNeighbors, refuse, replace, request, sendPing } from "./links.ts";
import { addPassive } from "./passive.ts";
import { sample } from "./random.ts";
import { type ActivePeer, type Context, send } from "./state.ts";

export function pingNeighbors(context: Context): void {
  for (const peer of context.state.active.keys()) sendPing(context, peer);
}

/** Checks some passive peers: reachable, still subscribed, how near? */
export function probe(context: Context): void {
  const { state, env } = context;
  for (const peer of sample(env.random, [...state.passive.keys()], state.config.parameters.probeCount)) {
    send(context, peer, { type: "get-topics" });
    sendPing(context, peer);
  }
}

export function receiveTopics(context: Context, from: string, topics: readonly string[]): void {
  if (!topics.includes(context.state.config.topic)) context.state.passive.delete(from);
}

export function receivePong(context: Context, from: string, nonce: number): void {
  const { state, env } = context;
  const ping = state.pings.get(nonce);
  if (ping === undefined || ping.peer !== from) return;
  state.pings.delete(nonce);
  const measured = env.now - ping.sentAt;
  const peer = state.active.get(from) ?? state.passive.get(from);
  if (peer !== undefined) {
    const old = peer.rttMs ?? measured;
    peer.rttMs = old + LIMITS.rttWeight * (measured - old);
  }
  const pending = state.pending.get(from);
  if (pending?.kind !== "near-check") return;
  state.pending.delete(from);
  const evicted = worstNear(context, measured / state.config.parameters.alpha);
  const { randomLinks, nearLinks } = state.config.parameters;
  if (evicted === undefined || state.active.size > randomLinks + nearLinks) {
    addPassive(context, pending.asker);
    refuse(context, from);
    return;
  }
  if (grant(context, pending.asker, true, false) !== undefined) replace(context, evicted.info.peer);
}

/** The near neighbour with the longest round trip above `rttMs` that has links to spare. Edges of the tree stay. */
function worstNear(context: Context, rttMs: number): ActivePeer | undefined {
  const { randomLinks } = context.state.config.parameters;
  let worst: ActivePeer | undefined;
  for (const neighbor of context.state.active.values()) {
    if (!neighbor.near || isTreeEdge(context, neighbor)) continue;
    if (context.state.config.directPeers.has(neighbor.info.peer)) continue;
    if (neighbor.randomLinks + neighbor.nearLinks <= randomLinks) continue;
    if ((neighbor.rttMs ?? 0) > (worst?.rttMs ?? rttMs)) worst = neighbor;
  }
  return worst;
}

/** Random links beyond C_rand, which joins leave behind, count as near ones: the closest first. */
function relabel(context: Context): void {
  const { nearLinks, randomLinks } = context.state.config.parameters;
  const { random, near } = linkCounts(context);
  const spare = Math.min(random - randomLinks, nearLinks - near);
  const candidates = [...context.state.active.values()].filter(
    (neighbor) => !neighbor.near && neighbor.rttMs !== undefined,
  );
  candidates.sort((a, b) => a.rttMs! - b.rttMs!);
  for (const neighbor of candidates.slice(0, Math.max(0, spare))) neighbor.near = true;
}

/** Asks the closest passive peer for a link in place of the farthest near neighbour; that one goes when it is granted. */
export function optimiseLinks(context: Context): void {
  const { state, env } = context;
  const { nearLinks, randomLinks, alpha } = state.config.parameters;
  queryNeighbors(context);
  relabel(context);
  if (nearLinks === 0 || linkCounts(context).random < randomLinks) return;
  if (state.active.size > randomLinks + nearLinks) return;
  let closest: { peer: string; rttMs: number } | undefined;
  for (const [peer, { rttMs, notBefore }] of state.passive) {
    if (rttMs === undefined || notBefore > env.now) continue;
    if (rttMs < (closest?.rttMs ?? Number.MAX_VALUE)) closest = { peer, rttMs };
  }
  if (closest === undefined) return;
  const worst = worstNear(context, closest.rttMs / alpha);
  if (worst !== undefined) request(context, closest.peer, true, worst.info.peer);
}
