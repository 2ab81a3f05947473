/**
 * HyParView with GoCast's link kinds: joining by random walks, deciding on links, and when to look for more.
 * The size of the active view is view-size.ts. The links themselves are links.ts, the passive view passive.ts, round trips proximity.ts.
 */
import { noteSound } from "./announcements.ts";
import { neighborUp } from "./edges.ts";
import { LIMITS } from "./limits.ts";
import { admit, drop, grant, refuse, replace, sendNeighbor, sendPing, wait } from "./links.ts";
import type { DisconnectReason, Message, Neighbor, PeerInfo } from "./messages.ts";
import { addPassive, addPassiveAll } from "./passive.ts";
import { pick, sample } from "./random.ts";
import { activeSize, type Context, type Pending, send } from "./state.ts";
import { fill, trim } from "./view-size.ts";

/** Asks a contact for a fresh view and joins; while nobody answers, the stabilise timer tries again. */
export function subscribe(context: Context, contacts: readonly PeerInfo[]): void {
  const { state } = context;
  state.subscribed = true;
  state.contacts = contacts;
  noteSound(context);
  rejoin(context);
}

function rejoin(context: Context): void {
  const { state, env } = context;
  addPassiveAll(context, state.contacts);
  const known = [...state.passive.keys()];
  if (known.length === 0) return;
  const direct = known.filter((peer) => state.config.directPeers.has(peer));
  const { randomLinks, joinTtl } = state.config.parameters;
  for (const peer of new Set([...direct, ...sample(env.random, known, randomLinks)])) {
    send(context, peer, { type: "get-nodes" });
  }
  state.viewWanted = true;
  join(context, sample(env.random, known, 1), joinTtl);
}

/** A peer turned up that speaks the protocol: whoever has few links joins through it. */
export function contact(context: Context, info: PeerInfo): void {
  const { state } = context;
  addPassive(context, info);
  // It is there now, whatever it was before.
  const candidate = state.passive.get(info.peer);
  if (candidate !== undefined) candidate.notBefore = 0;
  const isNew = state.contacts.every(({ peer }) => peer !== info.peer);
  if (isNew && state.contacts.length < LIMITS.contactsMax) state.contacts = [...state.contacts, info];
  if (state.active.size < state.config.parameters.randomLinks && state.passive.has(info.peer)) {
    state.viewWanted = true;
    send(context, info.peer, { type: "get-nodes" });
  }
  fill(context);
}

/** Tries a contact that was lost. If it is there again, joining through it merges what a partition has split. */
export function seekContact(context: Context): void {
  const { state, env } = context;
  const peer = pick(env.random, [...state.lostContacts]);
  const info = state.contacts.find((contact) => contact.peer === peer);
  if (info !== undefined && wait(context, info.peer, { kind: "rejoin" })) {
    context.effects.push({ type: "connect", peer: info });
  }
}

export function contactFound(context: Context, peer: string): void {
  context.state.lostContacts.delete(peer);
  join(context, [peer], context.state.config.parameters.joinTtl);
}

function join(context: Context, targets: readonly string[], ttl: number): void {
  context.state.joiningUntil = context.env.now + LIMITS.pendingMs;
  for (const to of targets) send(context, to, { type: "join", peer: context.state.self, ttl });
}

/** The fresh view has come: the remaining random links are asked for by random walks from C_rand different nodes. */
export function receiveNodes(context: Context, peers: readonly PeerInfo[], ttl: number): void {
  const { state, env } = context;
  addPassiveAll(context, peers);
  if (!state.viewWanted) return;
  state.viewWanted = false;
  const { randomLinks, joinTtl } = state.config.parameters;
  join(context, sample(env.random, [...state.passive.keys()], randomLinks), Math.min(ttl, joinTtl));
}

export function receiveJoin(context: Context, from: string, peer: PeerInfo, ttl: number): void {
  const { state } = context;
  if (peer.peer === state.self.peer) return;
  if (state.active.has(peer.peer)) {
    if (from !== peer.peer) return;
    // Who joins has no links: it was started again before we saw its end, and ours leads nowhere.
    drop(context, from, "gone", false);
  }
  const hasRoom = state.active.size < activeSize(state.config.parameters);
  if (ttl > 0 && !hasRoom && walkOn(context, from, { type: "join", peer, ttl: ttl - 1 }, peer.peer)) return;
  if (wait(context, peer.peer, { kind: "join", peer, ttl, from })) {
    context.effects.push({ type: "connect", peer });
  }
}

/** The connect-back check of a JOIN ended. */
export function joinChecked(context: Context, join: Pending & { kind: "join" }, reached: boolean): void {
  const { peer, ttl, from } = join;
  if (!reached) {
    if (ttl > 0) walkOn(context, from, { type: "join", peer, ttl: ttl - 1 }, peer.peer);
    return;
  }
  if (grant(context, peer, false, true) === undefined) return;
  const { forwardJoinTtl } = context.state.config.parameters;
  walkOn(context, peer.peer, { type: "forward-join", peer, ttl: forwardJoinTtl }, peer.peer);
}

export function receiveForwardJoin(context: Context, from: string, peer: PeerInfo, ttl: number): void {
  addPassive(context, peer);
  if (ttl > 0) walkOn(context, from, { type: "forward-join", peer, ttl: ttl - 1 }, peer.peer);
}

/** Hands a walking message to a random neighbour; false if there is none to hand it to. */
export function walkOn(context: Context, from: string, message: Message, about: string): boolean {
  const peers = [...context.state.active.keys()].filter((peer) => peer !== from && peer !== about);
  const next = pick(context.env.random, peers);
  if (next !== undefined) send(context, next, message);
  return next !== undefined;
}

export function receiveNeighbor(context: Context, from: string, message: Neighbor): void {
  const { state, env } = context;
  if (message.self.peer !== from || from === state.self.peer) return;
  const pending = state.pending.get(from);
  const existing = state.active.get(from);
  if (existing !== undefined) {
    if (!message.accept) sendNeighbor(context, from, true, existing.near);
  } else if (!message.accept) {
    decide(context, message);
  } else if (pending?.kind === "request" || env.now < state.joiningUntil) {
    adopt(context, message, pending?.kind === "request" ? pending : undefined);
  } else {
    send(context, from, { type: "disconnect", reason: "not-neighbor" });
  }
  if (state.config.parameters.mixing) addPassiveAll(context, message.peers);
  const neighbor = state.active.get(from);
  if (neighbor === undefined) return;
  neighbor.info = message.self;
  neighbor.randomLinks = message.randomLinks;
  neighbor.nearLinks = message.nearLinks;
  neighbor.peers = message.peers.map(({ peer }) => peer);
  neighbor.heardAt = env.now;
}

/** A link that we asked for, by NEIGHBOR or by JOIN, was granted. */
function adopt(
  context: Context,
  message: Neighbor,
  request: (Pending & { kind: "request" }) | undefined,
): void {
  const { state } = context;
  if (request !== undefined) state.pending.delete(message.self.peer);
  const neighbor = admit(context, message.self, message.near);
  if (neighbor === undefined) {
    refuse(context, message.self.peer);
    return;
  }
  neighborUp(context, neighbor, request?.isNeedy ?? true);
  if (request?.replaces !== undefined) replace(context, request.replaces);
}

/** A stranger asks for a link: granted if there is room or need; if it may be nearer, its round trip is measured first. */
function decide(context: Context, message: Neighbor): void {
  const { state } = context;
  const { parameters, directPeers } = state.config;
  const asker = message.self;
  const hasRoom = state.active.size < activeSize(parameters);
  const isNeedy = message.randomLinks + message.nearLinks < parameters.randomLinks;
  if (hasRoom || isNeedy || directPeers.has(asker.peer)) {
    grant(context, asker, hasRoom && message.near && parameters.nearLinks > 0, isNeedy);
  } else if (
    message.near &&
    parameters.nearLinks > 0 &&
    wait(context, asker.peer, { kind: "near-check", asker })
  ) {
    sendPing(context, asker.peer);
  } else {
    addPassive(context, asker);
    refuse(context, asker.peer);
  }
}

export function receiveDisconnect(context: Context, from: string, reason: DisconnectReason): void {
  const { state } = context;
  const neighbor = state.active.get(from);
  if (state.pending.get(from)?.kind === "request") state.pending.delete(from);
  drop(context, from, reason, false);
  if (neighbor !== undefined && reason !== "unsubscribed") addPassive(context, neighbor.info);
  if (reason === "unsubscribed") state.passive.delete(from);
  postpone(context, from);
  // A node that lacks only its last links waits for the stabilise timer: in a small overlay everyone may be full.
  if (state.active.size < state.config.parameters.randomLinks) fill(context);
}

/** A peer that said no, or nothing, is not asked again at once. */
export function postpone({ state, env }: Context, peer: string): void {
  const candidate = state.passive.get(peer);
  if (candidate !== undefined) candidate.notBefore = env.now + LIMITS.refusedMs;
}

export function unsubscribe(context: Context): void {
  const { state } = context;
  const { leaveTtl } = state.config.parameters;
  state.subscribed = false;
  for (const peer of [...state.active.keys()]) {
    send(context, peer, { type: "leave", source: state.self.peer, ttl: leaveTtl });
    drop(context, peer, "unsubscribed", true);
  }
  state.pending.clear();
  state.missing.clear();
}

/**
 * Floods while it removes something, else walks on while its TTL lasts: a forged one is not amplified. Only the leaver
 * itself can end its own link: others merely forget it.
 */
export function receiveLeave(context: Context, from: string, source: string, ttl: number): void {
  const { state } = context;
  let removed = state.config.directPeers.has(source) ? false : state.passive.delete(source);
  if (source === from && state.active.has(source)) {
    drop(context, source, "unsubscribed", false);
    removed = true;
  }
  const message = { type: "leave", source, ttl: Math.max(0, ttl - 1) } as const;
  if (removed) {
    for (const peer of state.active.keys())
      if (peer !== from && peer !== source) send(context, peer, message);
  } else if (ttl > 0) {
    walkOn(context, from, message, source);
  }
  if (source === from) fill(context);
}

/** Keeps the active view at its size, and starts again from the contacts when it is empty. */
export function stabilise(context: Context): void {
  const { state } = context;
  if (state.active.size === 0) rejoin(context);
  const excess = state.active.size - activeSize(state.config.parameters);
  if (excess > 0) trim(context, excess);
  else fill(context);
}
