/**
 * Plumtree: payloads are pushed along eager links, announced along lazy ones; duplicates prune, gaps graft. The tree
 * is whatever remains: see edges.ts, announcements.ts and repair.ts. Leitao et al., Epidemic Broadcast Trees, 2007.
 */
import { flushAnnouncements } from "./announcements.ts";
import { becomeLazy, graft, graftAnother, makeEager, prune, sendPrune } from "./edges.ts";
import { LIMITS } from "./limits.ts";
import type { Gossip, MessageId, Summary } from "./messages.ts";
import { addMissing, removeMissing } from "./repair.ts";
import { type ActivePeer, type Context, send, type Verdict } from "./state.ts";

export function publish(context: Context, id: MessageId, payload: Uint8Array, flood: boolean): void {
  const { state, env } = context;
  if (state.cache.seen(id.key)) return;
  state.cache.put({ id, payload, flood, receivedAt: env.now, hops: 0, from: undefined });
  noteOrder(context, id.order);
  forward(context, { type: "gossip", id, hops: 1, flood, payload }, []);
}

export function receiveGossip(context: Context, sender: ActivePeer, message: Gossip): void {
  const { state } = context;
  const { id, payload, flood, hops } = message;
  const from = sender.info.peer;
  state.counters.payloadsReceived++;
  state.counters.payloadBytesReceived += payload.length;
  if (state.cache.seen(id.key)) {
    state.counters.duplicates++;
    const others = state.validating.get(id.key)?.others;
    if (others?.includes(from) === false) others.push(from);
    if (!flood) prune(context, nearerSource(context, sender, message) ?? sender);
    return;
  }
  sender.undelivered = 0;
  const { validatingBytesMax } = state.config.parameters;
  if (state.validating.size > 0 && state.validatingBytes + payload.length > validatingBytesMax) {
    state.counters.deferred++;
    addMissing(context, sender, { id, hops });
    return;
  }
  state.cache.markSeen(id.key);
  state.validating.set(id.key, { id, payload, flood, hops, from, others: [] });
  state.validatingBytes += payload.length;
  context.effects.push({ type: "validate", from, id, payload });
}

/**
 * Proximity in the tree: the slower of two edges is pruned, unless it is much nearer and hardly slower. The first may
 * then be given up for it: its round trip is smaller by alpha, and it costs at most a quarter of what it saves. The
 * order of hop counts and names keeps two nodes from choosing each other. Gives the edge to prune instead, if any.
 */
function nearerSource(context: Context, sender: ActivePeer, { id, hops }: Gossip): ActivePeer | undefined {
  const { state, env } = context;
  if (state.config.parameters.nearLinks === 0) return undefined;
  const held = state.cache.get(id.key);
  const first = held?.from === undefined ? undefined : state.active.get(held.from);
  if (held === undefined || first === undefined || first === sender || !sender.eager || !first.eager)
    return undefined;
  if (sender.rttMs === undefined || first.rttMs === undefined) return undefined;
  if (sender.rttMs > state.config.parameters.alpha * first.rttMs) return undefined;
  if (env.now - held.receivedAt > (first.rttMs - sender.rttMs) / 4) return undefined;
  const senderHops = hops - 1;
  if (senderHops > held.hops || (senderHops === held.hops && sender.info.peer > state.self.peer))
    return undefined;
  held.from = sender.info.peer;
  held.hops = hops;
  state.parent = sender.info.peer;
  return first;
}

/** Forwarding waits for this: an unverified payload goes no further than the node it reached. */
export function validated(context: Context, key: string, verdict: Verdict): void {
  const { state, env, effects } = context;
  const message = state.validating.get(key);
  if (message === undefined) return;
  const { id, payload, flood, hops, from, others } = message;
  state.validating.delete(key);
  state.validatingBytes -= payload.length;
  const sender = state.active.get(from);
  if (verdict === "reject") {
    state.counters.rejected++;
    state.cache.unsee(key);
    context.cuts.push({ peer: from, reason: "rejected" });
    for (const peer of others) {
      const other = state.active.get(peer);
      if (other !== undefined) addMissing(context, other, { id, hops });
    }
    return;
  }
  const missing = state.missing.get(key);
  removeMissing(context, key);
  if (verdict === "ignore") {
    state.counters.ignored++;
    return;
  }
  state.cache.put({ id, payload, flood, receivedAt: env.now, hops, from });
  noteOrder(context, id.order);
  state.counters.delivered++;
  effects.push({ type: "deliver", from, id, payload, hops });
  if (!flood) {
    state.parent = from;
    const shortest = missing?.announcers.reduce((a, b) => (b.hops < a.hops ? b : a));
    if (sender !== undefined) {
      makeEager(context, sender);
      if (shortest !== undefined) optimise(context, sender, shortest.peer, hops - shortest.hops);
    }
  }
  // Whoever sent or announced it holds it: pushing it back would only earn a PRUNE.
  const holders = [from, ...others, ...(missing?.announcers.map(({ peer }) => peer) ?? [])];
  const onward = Math.min(hops + 1, LIMITS.hopsMax);
  forward(context, { type: "gossip", id, hops: onward, flood, payload }, holders);
}

function forward(context: Context, message: Gossip, except: readonly string[]): void {
  const { state } = context;
  for (const neighbor of state.active.values()) {
    if (neighbor.behind || !(neighbor.eager || message.flood)) continue;
    if (!except.includes(neighbor.info.peer)) push(context, neighbor, message);
  }
  if (message.flood) return;
  state.announcements.push({ id: message.id, hops: message.hops, from: except[0] });
  if (state.announcements.length >= LIMITS.announcementsMax) flushAnnouncements(context);
}

function push(context: Context, neighbor: ActivePeer, message: Gossip): void {
  context.state.counters.payloadsSent++;
  context.state.counters.payloadBytesSent += message.payload.length;
  send(context, neighbor.info.peer, message);
}

export function receiveSummaries(context: Context, sender: ActivePeer, summaries: readonly Summary[]): void {
  for (const summary of summaries) {
    sender.announcedHops = summary.hops;
    const held = context.state.cache.get(summary.id.key);
    if (held?.from !== undefined) {
      const parent = context.state.active.get(held.from);
      if (parent !== undefined && optimise(context, parent, sender.info.peer, held.hops - summary.hops)) {
        held.hops = summary.hops;
        held.from = sender.info.peer;
      }
    } else if (!context.state.cache.seen(summary.id.key) && context.env.known?.(summary.id) !== true) {
      addMissing(context, sender, summary);
    }
  }
}

/** A neighbour asks for payloads and for a place in the tree. */
export function receiveGraft(context: Context, sender: ActivePeer, ids: readonly MessageId[]): void {
  const { state } = context;
  state.counters.graftsReceived++;
  const granted = makeEager(context, sender);
  if (!sender.behind) {
    for (const { key } of ids) {
      const held = state.cache.get(key);
      if (held === undefined) {
        state.counters.graftsUnserved++;
        continue;
      }
      const { id, payload, flood } = held;
      const hops = Math.min(held.hops + 1, LIMITS.hopsMax);
      push(context, sender, { type: "gossip", id, hops, flood, payload });
    }
  }
  if (!granted) sendPrune(context, sender);
}

export function receivePrune(context: Context, sender: ActivePeer): void {
  context.state.counters.prunesReceived++;
  becomeLazy(context, sender);
  if (context.state.parent === sender.info.peer) graftAnother(context);
  // A neighbour that cannot serve a GRAFT says so: the next announcer is asked at the next tick.
  for (const missing of context.state.missing.values()) {
    if (missing.asked !== sender.info.peer) continue;
    missing.asked = undefined;
    missing.retryAt = 0;
  }
}

/**
 * Makes a lazy link eager whose hop count is smaller by the threshold. The old edge is not cut: the next payload comes
 * over both, and the duplicate prunes the slower one. So a candidate that refuses, or is slower, costs nobody a gap.
 */
function optimise(context: Context, parent: ActivePeer, candidate: string, gain: number): boolean {
  const { state, env } = context;
  const better = state.active.get(candidate);
  if (gain < state.config.parameters.hopThreshold || better === undefined || better === parent) return false;
  if (better.eager || better.behind || env.now < better.graftAfter) return false;
  graft(context, better, []);
  return true;
}

export function noteOrder(context: Context, order: number): void {
  const { state } = context;
  if (state.largestOrder === undefined || order > state.largestOrder) state.largestOrder = order;
}
