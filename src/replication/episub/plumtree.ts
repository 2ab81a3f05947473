/**
 * Plumtree: payloads are pushed along eager links, announced along lazy ones; duplicates prune, gaps graft. The tree
 * is whatever remains: see edges.ts, announcements.ts and repair.ts. Leitao et al., Epidemic Broadcast Trees, 2007.
 */
import { flushAnnouncements, noteSound } from "./announcements.ts";
import { becomeLazy, graftAnother, isOrphanWithout, makeEager, prune, sendPrune } from "./edges.ts";
import { LIMITS } from "./limits.ts";
import type { Gossip, MessageId, Summary } from "./messages.ts";
import { addMissing, removeMissing } from "./repair.ts";
import { setParent, slowerEdge, tryShortcut } from "./shortcuts.ts";
import { type ActivePeer, type Context, send, type Verdict } from "./state.ts";

export function publish(context: Context, id: MessageId, payload: Uint8Array, flood: boolean): void {
  const { state, env } = context;
  if (state.cache.seen(id.key)) return;
  state.cache.put({ id, payload, flood, receivedAt: env.now, hops: 0, from: undefined });
  noteOrder(context, id.order);
  noteSound(context);
  forward(context, { type: "gossip", id, hops: 1, flood, payload }, []);
}

export function receiveGossip(context: Context, sender: ActivePeer, message: Gossip): void {
  const { state, env } = context;
  const { id, payload, flood, hops } = message;
  const from = sender.info.peer;
  state.counters.payloadsReceived++;
  state.counters.payloadBytesReceived += payload.length;
  if (state.cache.seen(id.key)) {
    state.counters.duplicates++;
    const others = state.validating.get(id.key)?.others;
    if (others?.includes(from) === false) others.push(from);
    if (!flood) prune(context, slowerEdge(context, sender, message));
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
  const copy = { from, hops };
  state.validating.set(id.key, { id, payload, flood, receivedAt: env.now, copy, from, hops, others: [] });
  state.validatingBytes += payload.length;
  context.effects.push({ type: "validate", from, id, payload });
}

/** Forwarding waits for this: an unverified payload goes no further than the node it reached. */
export function validated(context: Context, key: string, verdict: Verdict): void {
  const { state, effects } = context;
  const message = state.validating.get(key);
  if (message === undefined) return;
  const { id, payload, flood, receivedAt, copy, others } = message;
  state.validating.delete(key);
  state.validatingBytes -= payload.length;
  if (verdict === "reject") {
    state.counters.rejected++;
    state.cache.unsee(key);
    context.cuts.push({ peer: copy.from, reason: "rejected" });
    for (const peer of others) {
      const other = state.active.get(peer);
      if (other !== undefined) addMissing(context, other, { id, hops: copy.hops });
    }
    return;
  }
  const announcers = state.missing.get(key)?.announcers ?? [];
  removeMissing(context, key);
  if (verdict === "ignore") {
    state.counters.ignored++;
    return;
  }
  const held = { id, payload, flood, receivedAt, hops: message.hops, from: message.from };
  state.cache.put(held);
  noteOrder(context, id.order);
  noteSound(context);
  state.counters.delivered++;
  effects.push({ type: "deliver", id, payload, ...copy });
  if (!flood) {
    setParent(context, held.from);
    const parent = state.active.get(held.from);
    if (parent !== undefined) makeEager(context, parent);
    tryShortcut(context, held, announcers);
  }
  // Whoever sent or announced it holds it: pushing it back would only earn a PRUNE.
  const holders = [copy.from, ...others, ...announcers.map(({ peer }) => peer)];
  const onward = Math.min(message.hops + 1, LIMITS.hopsMax);
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
  const { state, env } = context;
  for (const summary of summaries) {
    sender.announcedHops = summary.hops;
    const held = state.cache.get(summary.id.key);
    if (held !== undefined) {
      tryShortcut(context, held, [{ peer: sender.info.peer, hops: summary.hops, at: env.now }]);
    } else if (!state.cache.seen(summary.id.key) && env.known?.(summary.id) !== true) {
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
  const wasEager = sender.eager;
  becomeLazy(context, sender);
  if (wasEager && isOrphanWithout(context, sender)) graftAnother(context);
  // A neighbour that cannot serve a GRAFT says so: the next announcer is asked at the next tick.
  for (const missing of context.state.missing.values()) {
    if (missing.asked !== sender.info.peer) continue;
    missing.asked = undefined;
    missing.retryAt = 0;
  }
}

export function noteOrder(context: Context, order: number): void {
  const { state } = context;
  if (state.largestOrder === undefined || order > state.largestOrder) state.largestOrder = order;
}
