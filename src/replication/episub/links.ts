/**
 * The active view: making a link, refusing one, ending one, and what is told over it. A link is active on both sides or
 * on neither; whoever finds it otherwise says DISCONNECT.
 */
import { isTreeEdge, neighborDown, neighborUp } from "./edges.ts";
import { LIMITS } from "./limits.ts";
import type { DisconnectReason, PeerInfo } from "./messages.ts";
import { addPassive } from "./passive.ts";
import { type ActivePeer, activeSize, type Context, type Pending, send } from "./state.ts";

export function refuse(context: Context, peer: string): void {
  send(context, peer, { type: "disconnect", reason: "full" });
}

/** Makes the asker a neighbour and says so, before anything else goes over the new link. */
export function grant(
  context: Context,
  asker: PeerInfo,
  near: boolean,
  isNeedy: boolean,
): ActivePeer | undefined {
  const existing = context.state.active.get(asker.peer);
  if (existing !== undefined) {
    sendNeighbor(context, asker.peer, true, existing.near);
    return existing;
  }
  const neighbor = admit(context, asker, near);
  if (neighbor === undefined) {
    refuse(context, asker.peer);
    return undefined;
  }
  sendNeighbor(context, asker.peer, true, near);
  neighborUp(context, neighbor, isNeedy);
  return neighbor;
}

export function sendNeighbor(context: Context, to: string, accept: boolean, near: boolean): void {
  const { active, self } = context.state;
  const peers = [...active.values()]
    .filter(({ info }) => info.peer !== to && info.record.length > 0)
    .slice(0, LIMITS.peersPerMessageMax)
    .map(({ info }) => info);
  const links = linkCounts(context);
  send(context, to, {
    type: "neighbor",
    accept,
    near,
    randomLinks: links.random,
    nearLinks: links.near,
    self,
    peers,
  });
}

export function linkCounts(context: Context): { random: number; near: number } {
  let near = 0;
  for (const neighbor of context.state.active.values()) if (neighbor.near) near++;
  return { random: context.state.active.size - near, near };
}

/** Remembers what an answer will be for; false if too much is open already. */
export function wait(context: Context, peer: string, pending: Pending): boolean {
  const { state, env } = context;
  if (state.pending.has(peer) || state.pending.size >= LIMITS.pendingMax) return false;
  state.pending.set(peer, { ...pending, deadline: env.now + LIMITS.pendingMs });
  return true;
}

export function sendPing(context: Context, to: string): void {
  const { state, env } = context;
  if (state.pings.size >= LIMITS.pendingMax) return;
  const nonce = state.nextNonce++;
  state.pings.set(nonce, { peer: to, sentAt: env.now });
  send(context, to, { type: "ping", nonce });
}

/** Adds a peer to the active view, unless that is far too large or its network has its share. */
export function admit(context: Context, info: PeerInfo, near: boolean): ActivePeer | undefined {
  const { state } = context;
  const { peer } = info;
  if (peer === state.self.peer) return undefined;
  if (!state.config.directPeers.has(peer)) {
    if (state.active.size >= LIMITS.activeFactorMax * activeSize(state.config.parameters)) return undefined;
    if (isCrowded(context, peer)) return undefined;
  }
  const neighbor: ActivePeer = {
    info,
    near,
    eager: false,
    behind: false,
    rttMs: state.passive.get(peer)?.rttMs,
    randomLinks: 0,
    nearLinks: 0,
    peers: [],
    heardAt: Number.NEGATIVE_INFINITY,
    undelivered: 0,
    silentAt: Number.NEGATIVE_INFINITY,
    pendingIds: 0,
    prunedAt: Number.NEGATIVE_INFINITY,
    backoffMs: LIMITS.prunedMs / 2,
    announcedHops: undefined,
  };
  state.passive.delete(peer);
  // Both may have asked at once: the other's request answers ours.
  if (state.pending.get(peer)?.kind === "request") state.pending.delete(peer);
  state.active.set(peer, neighbor);
  context.effects.push({ type: "neighbor-up", peer, near });
  return neighbor;
}

/** Eclipse defence: one network does not fill the view. */
function isCrowded({ state, env }: Context, peer: string): boolean {
  const group = env.groupOf?.(peer);
  if (group === undefined) return false;
  let crowd = 0;
  for (const other of state.active.keys()) if (env.groupOf?.(other) === group) crowd++;
  return crowd >= LIMITS.neighborsPerGroupMax;
}

/** Ends a link. `tell` says goodbye; without it the link is gone already. */
export function drop(context: Context, peer: string, reason: DisconnectReason | "gone", tell: boolean): void {
  const { state } = context;
  const neighbor = state.active.get(peer);
  if (neighbor === undefined) return;
  state.active.delete(peer);
  if (tell && reason !== "gone") send(context, peer, { type: "disconnect", reason });
  context.effects.push({ type: "neighbor-down", peer, reason });
  neighborDown(context, neighbor);
}

/** Ends a link in favour of a closer one. */
export function replace(context: Context, peer: string): void {
  const old = context.state.active.get(peer);
  if (old === undefined || isTreeEdge(context, old)) return;
  drop(context, peer, "replaced", true);
  addPassive(context, old.info);
}

export function request(context: Context, peer: string, near: boolean, replaces: string | undefined): void {
  const isNeedy = context.state.active.size < context.state.config.parameters.randomLinks;
  if (!wait(context, peer, { kind: "request", near, replaces, isNeedy })) return;
  sendNeighbor(context, peer, false, near);
}

/** NEIGHBOR over an existing link asks for a fresh list. */
export function queryNeighbors(context: Context): void {
  for (const { info, near } of context.state.active.values()) sendNeighbor(context, info.peer, false, near);
}
