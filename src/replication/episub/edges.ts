/**
 * Which links are edges of the tree: eager or lazy, and what a new, a lost or a slow neighbour means for it. An edge
 * becomes eager by a first payload or a GRAFT, lazy by a duplicate, a PRUNE or a full queue.
 */
import { announceMessages, announcePending } from "./announcements.ts";
import { LIMITS } from "./limits.ts";
import type { MessageId } from "./messages.ts";
import { pick } from "./random.ts";
import { type ActivePeer, type Context, send } from "./state.ts";

export function graft(context: Context, neighbor: ActivePeer, ids: readonly MessageId[]): void {
  if (!context.state.config.parameters.lazyRepair) return;
  context.state.counters.graftsSent++;
  send(context, neighbor.info.peer, { type: "graft", ids });
  makeEager(context, neighbor);
}

export function prune(context: Context, neighbor: ActivePeer): void {
  if (!context.state.config.parameters.prune) return;
  becomeLazy(context, neighbor);
  sendPrune(context, neighbor);
}

/** An edge that loses again and again is tried ever more rarely for a shorter path. */
export function becomeLazy(context: Context, neighbor: ActivePeer): void {
  if (neighbor.eager) neighbor.backoffMs = Math.min(2 * neighbor.backoffMs, LIMITS.prunedMaxMs);
  neighbor.eager = false;
  neighbor.prunedAt = context.env.now;
}

/** It was pruned: for a shorter path it is not grafted again so soon. */
export function isResting({ env }: Context, { prunedAt, backoffMs }: ActivePeer): boolean {
  return env.now < prunedAt + backoffMs;
}

export function sendPrune(context: Context, neighbor: ActivePeer): void {
  context.state.counters.prunesSent++;
  send(context, neighbor.info.peer, { type: "prune" });
}

/** True if payloads are now pushed to the neighbour. What it would have been told lazily, it is told first. */
export function makeEager(context: Context, neighbor: ActivePeer): boolean {
  if (neighbor.eager) return true;
  if (neighbor.behind || eagerCount(context) >= context.state.config.parameters.eagerMax) return false;
  announcePending(context, neighbor);
  neighbor.eager = true;
  return true;
}

function eagerCount(context: Context): number {
  let count = 0;
  for (const neighbor of context.state.active.values()) if (neighbor.eager) count++;
  return count;
}

/** True if payloads flow here; before the first one every link is eager, which says nothing. */
export function isTreeEdge({ state }: Context, neighbor: ActivePeer): boolean {
  return neighbor.eager && state.cache.size > 0;
}

/**
 * A new neighbour is a tree edge until a duplicate says otherwise, and learns what is on its way. Not needed where the
 * tree reaches us already and the asker has its random links: then it starts lazy, which spares a duplicate and a PRUNE.
 */
export function neighborUp(context: Context, neighbor: ActivePeer, askerIsNeedy: boolean): void {
  const { state } = context;
  const { eagerMax, lostTicks, missingTickMs } = state.config.parameters;
  const isServed = state.cache.size > 0 && eagerCount(context) > 0;
  neighbor.eager = (askerIsNeedy || !isServed) && eagerCount(context) < eagerMax;
  const since = context.env.now - lostTicks * missingTickMs;
  announceMessages(context, neighbor, state.cache.recent(since, LIMITS.idsPerMessageMax));
}

export function neighborDown(context: Context, lost: ActivePeer): void {
  if (!context.state.subscribed || !lost.eager) return;
  if (isOrphanWithout(context, lost) || eagerCount(context) === 0) graftAnother(context);
}

/** The neighbour is the one that feeds us, or one that was asked to since the last one went. */
export function isOrphanWithout({ state }: Context, neighbor: ActivePeer): boolean {
  return state.parent === undefined || state.parent === neighbor.info.peer;
}

/**
 * The edge to our source is gone: graft another at once, one that is no descendant if we can tell. Who refused since
 * then is not asked again.
 */
export function graftAnother(context: Context): void {
  const { state, env } = context;
  const lost = state.parent;
  if (lost !== undefined) state.parentSince = env.now;
  state.parent = undefined;
  let best: ActivePeer | undefined;
  for (const neighbor of state.active.values()) {
    if (neighbor.eager || neighbor.behind || neighbor.info.peer === lost) continue;
    if (lost === undefined && neighbor.prunedAt >= state.parentSince) continue;
    if (best === undefined || distance(context, neighbor) < distance(context, best)) best = neighbor;
  }
  if (best === undefined) return;
  const { peer } = best.info;
  const ids = [...state.missing.values()].filter(({ announcers }) => announcers.some((a) => a.peer === peer));
  graft(
    context,
    best,
    ids.slice(0, LIMITS.idsPerMessageMax).map(({ id }) => id),
  );
}

function distance(context: Context, neighbor: ActivePeer): number {
  const pruned = isResting(context, neighbor) ? LIMITS.hopsMax : 0;
  return pruned + (neighbor.announcedHops ?? LIMITS.hopsMax) + (neighbor.rttMs ?? 0) / 1e6;
}

export function congested(context: Context, neighbor: ActivePeer): void {
  if (neighbor.behind) return;
  neighbor.behind = true;
  if (neighbor.eager) {
    neighbor.eager = false;
    sendPrune(context, neighbor);
  }
  context.effects.push({ type: "behind", peer: neighbor.info.peer });
}

/**
 * The newest id shows the gap; the application fills it by range, not by grafting a backlog. What was flooded is in no
 * range: all of that is told.
 */
export function drained(context: Context, neighbor: ActivePeer): void {
  if (!neighbor.behind) return;
  neighbor.behind = false;
  announceMessages(
    context,
    neighbor,
    context.state.cache
      .recent(Number.NEGATIVE_INFINITY, LIMITS.idsPerMessageMax)
      .filter(({ flood }, i) => flood || i === 0),
  );
}

/** Eclipse defence for a source: one random lazy edge becomes eager, one random eager edge lazy. */
export function rotate(context: Context): void {
  const neighbors = [...context.state.active.values()].filter(({ behind }) => !behind);
  const lazy = pick(
    context.env.random,
    neighbors.filter(({ eager }) => !eager),
  );
  const eager = pick(
    context.env.random,
    neighbors.filter(({ eager }) => eager),
  );
  if (lazy === undefined || eager === undefined) return;
  eager.eager = false;
  sendPrune(context, eager);
  graft(context, lazy, []);
}
