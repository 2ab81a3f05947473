/**
 * Plumtree: payloads are pushed along eager links, announced along lazy ones; duplicates prune, gaps graft. The tree
 * is whatever remains. Repair of missing payloads is repair.ts. Leitao et al., Epidemic Broadcast Trees, 2007.
 */
import { LIMITS } from "./limits.ts";
import type { Gossip, MessageId, Summary } from "./messages.ts";
import { pick } from "./random.ts";
import { type ActivePeer, type Context, send, type Verdict } from "./state.ts";

export function publish(context: Context, id: MessageId, payload: Uint8Array, flood: boolean): void {
  const { state, env } = context;
  if (state.cache.seen(id.key)) return;
  state.cache.put({ id, payload, flood, receivedAt: env.now, hops: 0, from: undefined });
  noteOrder(context, id.order);
  if (!flood) state.lastHops = 0;
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
    state.validating.get(id.key)?.others.push(from);
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
    state.lastHops = hops;
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

/** Tells lazy neighbours what was received since the last time. */
export function flushAnnouncements(context: Context): void {
  const { state } = context;
  if (state.announcements.length === 0) return;
  if (state.config.parameters.lazyRepair) {
    for (const neighbor of state.active.values()) {
      if (!neighbor.eager && !neighbor.behind) announcePending(context, neighbor);
    }
  }
  state.announcements = [];
}

function announcePending(context: Context, neighbor: ActivePeer): void {
  const { peer } = neighbor.info;
  announce(
    context,
    peer,
    context.state.announcements.filter(({ from }) => from !== peer),
  );
}

function announce(context: Context, to: string, summaries: readonly Summary[]): void {
  if (!context.state.config.parameters.lazyRepair) return;
  for (let i = 0; i < summaries.length; i += LIMITS.idsPerMessageMax) {
    const part = summaries.slice(i, i + LIMITS.idsPerMessageMax).map(({ id, hops }) => ({ id, hops }));
    send(context, to, { type: "ihave", summaries: part });
  }
}

/** Announces the newest payloads: to a new neighbour, or to one whose queue has drained. */
export function announceRecent(context: Context, neighbor: ActivePeer, since: number, count: number): void {
  const recent = context.state.cache.recent(since, count);
  announce(
    context,
    neighbor.info.peer,
    recent.map(({ id, hops }) => ({ id, hops: hops + 1 })),
  );
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

function addMissing(context: Context, announcer: ActivePeer, { id, hops }: Summary): void {
  const { state } = context;
  const { aheadMax } = state.config.parameters;
  const tooFar = state.largestOrder !== undefined && id.order > state.largestOrder + aheadMax;
  if (tooFar || announcer.pendingIds >= LIMITS.pendingPerPeerMax) {
    state.counters.announcementsRefused++;
    return;
  }
  let missing = state.missing.get(id.key);
  if (missing === undefined) {
    missing = { id, announcers: [], marked: false, ticks: 0, asked: undefined, next: 0, retryAt: 0 };
    state.missing.set(id.key, missing);
  }
  const { peer } = announcer.info;
  if (missing.announcers.length >= LIMITS.announcersMax) return;
  if (missing.announcers.some((known) => known.peer === peer)) return;
  missing.announcers.push({ peer, hops });
  announcer.pendingIds++;
}

export function removeMissing(context: Context, key: string): void {
  const { state } = context;
  for (const { peer } of state.missing.get(key)?.announcers ?? []) {
    const announcer = state.active.get(peer);
    if (announcer !== undefined && announcer.pendingIds > 0) announcer.pendingIds--;
  }
  state.missing.delete(key);
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

export function graft(context: Context, neighbor: ActivePeer, ids: readonly MessageId[]): void {
  if (!context.state.config.parameters.lazyRepair) return;
  context.state.counters.graftsSent++;
  send(context, neighbor.info.peer, { type: "graft", ids });
  makeEager(context, neighbor);
}

function prune(context: Context, neighbor: ActivePeer): void {
  if (!context.state.config.parameters.prune) return;
  becomeLazy(context, neighbor);
  sendPrune(context, neighbor);
}

/** An edge that loses again and again is tried ever more rarely for a shorter path. */
function becomeLazy(context: Context, neighbor: ActivePeer): void {
  if (neighbor.eager) neighbor.backoffMs = Math.min(2 * neighbor.backoffMs, LIMITS.prunedMaxMs);
  neighbor.eager = false;
  neighbor.graftAfter = context.env.now + neighbor.backoffMs;
}

function sendPrune(context: Context, neighbor: ActivePeer): void {
  context.state.counters.prunesSent++;
  send(context, neighbor.info.peer, { type: "prune" });
}

/** True if payloads are now pushed to the neighbour. What it would have been told lazily, it is told first. */
function makeEager(context: Context, neighbor: ActivePeer): boolean {
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

/**
 * A new neighbour is a tree edge until a duplicate says otherwise, and learns what is on its way. Not needed where the
 * tree reaches us already and the asker has its random links: then it starts lazy, which spares a duplicate and a PRUNE.
 */
export function neighborUp(context: Context, neighbor: ActivePeer, askerIsNeedy: boolean): void {
  const { state } = context;
  const { eagerMax, lostTicks, missingTickMs } = state.config.parameters;
  const isServed = state.cache.size > 0 && eagerCount(context) > 0;
  neighbor.eager = (askerIsNeedy || !isServed) && eagerCount(context) < eagerMax;
  announceRecent(context, neighbor, context.env.now - lostTicks * missingTickMs, LIMITS.idsPerMessageMax);
}

/** True if payloads flow here; before the first one every link is eager, which says nothing. */
export function isTreeEdge({ state }: Context, neighbor: ActivePeer): boolean {
  return neighbor.eager && state.cache.size > 0;
}

export function neighborDown(context: Context, lost: ActivePeer): void {
  if (!context.state.subscribed || !lost.eager) return;
  if (context.state.parent === lost.info.peer || eagerCount(context) === 0) graftAnother(context);
}

/** The edge to our source is gone: graft another at once, one that is no descendant if we can tell. */
function graftAnother(context: Context): void {
  const { state } = context;
  let best: ActivePeer | undefined;
  for (const neighbor of state.active.values()) {
    if (neighbor.eager || neighbor.behind || neighbor.info.peer === state.parent) continue;
    if (best === undefined || distance(context, neighbor) < distance(context, best)) best = neighbor;
  }
  state.parent = undefined;
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
  const pruned = context.env.now < neighbor.graftAfter ? LIMITS.hopsMax : 0;
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

/** The newest id shows the gap; the application fills it by range, not by grafting a backlog. */
export function drained(context: Context, neighbor: ActivePeer): void {
  if (!neighbor.behind) return;
  neighbor.behind = false;
  announceRecent(context, neighbor, Number.NEGATIVE_INFINITY, 1);
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

export function noteOrder(context: Context, order: number): void {
  const { state } = context;
  if (state.largestOrder === undefined || order > state.largestOrder) state.largestOrder = order;
}
