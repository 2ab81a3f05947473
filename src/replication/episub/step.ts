/**
 * The machine: one event in, effects out. It decides, the caller acts. The state is changed in place and belongs to
 * one topic of one node; the same step runs under libp2p (service.ts) and in the simulator.
 */
import { LIMITS } from "./limits.ts";
import {
  contact,
  contactFound,
  drop,
  fill,
  joinChecked,
  postpone,
  queryNeighbors,
  receiveDisconnect,
  receiveForwardJoin,
  receiveJoin,
  receiveLeave,
  receiveNeighbor,
  receiveNodes,
  seekContact,
  stabilise,
  subscribe,
  unsubscribe,
  wait,
  walkOn,
} from "./membership.ts";
import type { Message, PeerInfo } from "./messages.ts";
import { addPassive, answerShuffle, receiveGetNodes, receiveShuffleReply, startShuffle } from "./passive.ts";
import {
  congested,
  drained,
  flushAnnouncements,
  noteOrder,
  publish,
  receiveGossip,
  receiveGraft,
  receivePrune,
  receiveSummaries,
  rotate,
  validated,
} from "./plumtree.ts";
import { optimiseLinks, pingNeighbors, probe, receivePong, receiveTopics } from "./proximity.ts";
import { jittered } from "./random.ts";
import { missingTick } from "./repair.ts";
import {
  type Context,
  type Effect,
  type Env,
  type Event,
  type State,
  send,
  TIMERS,
  type Timer,
} from "./state.ts";

export function step(state: State, event: Event, env: Env): Effect[] {
  const context: Context = { state, env, effects: [], cuts: [] };
  handle(context, event);
  for (const { peer, reason } of context.cuts) {
    drop(context, peer, reason, true);
    state.passive.delete(peer);
    const forMs = reason === "rejected" ? LIMITS.rejectedBanMs : LIMITS.undeliveredBanMs;
    context.effects.push({ type: "ban", peer, reason, forMs });
  }
  return context.effects;
}

function handle(context: Context, event: Event): void {
  const { state } = context;
  switch (event.type) {
    case "tick":
      return tick(context);
    case "receive":
      return receive(context, event.from, event.message);
    case "validated":
      return validated(context, event.key, event.verdict);
    case "publish":
      return publish(context, event.id, event.payload, event.flood);
    case "subscribe":
      return subscribe(context, event.contacts);
    case "unsubscribe":
      return unsubscribe(context);
    case "contact":
      return contact(context, event.peer);
    case "connected":
      return connectEnded(context, event.peer, true);
    case "disconnected":
      return disconnected(context, event.peer);
    case "congested":
      return withNeighbor(context, event.peer, (neighbor) => congested(context, neighbor));
    case "drained":
      return withNeighbor(context, event.peer, (neighbor) => drained(context, neighbor));
    case "head":
      return noteOrder(context, event.order);
    case "self":
      state.self = event.self;
      return queryNeighbors(context);
  }
}

function receive(context: Context, from: string, message: Message): void {
  const { state } = context;
  if (!state.subscribed) return;
  switch (message.type) {
    case "get-nodes":
      return receiveGetNodes(context, from);
    case "nodes":
      return receiveNodes(context, message.peers, message.ttl);
    case "get-topics":
      return send(context, from, { type: "topics", topics: [state.config.topic] });
    case "topics":
      return receiveTopics(context, from, message.topics);
    case "join":
      return receiveJoin(context, from, message.peer, message.ttl);
    case "forward-join":
      return receiveForwardJoin(context, from, message.peer, message.ttl);
    case "neighbor":
      return receiveNeighbor(context, from, message);
    case "disconnect":
      return receiveDisconnect(context, from, message.reason);
    case "leave":
      return receiveLeave(context, from, message.source, message.ttl);
    case "shuffle":
      return receiveShuffle(context, from, message.origin, message.peers, message.ttl);
    case "shuffle-reply":
      return receiveShuffleReply(context, message.peers);
    case "ping":
      return send(context, from, { type: "pong", nonce: message.nonce });
    case "pong":
      return receivePong(context, from, message.nonce);
    default:
      return receiveBroadcast(context, from, message);
  }
}

/** Broadcast belongs to links; whoever believes in one that we do not have is told. */
function receiveBroadcast(
  context: Context,
  from: string,
  message: Message & { type: "gossip" | "ihave" | "graft" | "prune" },
): void {
  const sender = context.state.active.get(from);
  if (sender === undefined) return send(context, from, { type: "disconnect", reason: "not-neighbor" });
  switch (message.type) {
    case "gossip":
      return receiveGossip(context, sender, message);
    case "ihave":
      return receiveSummaries(context, sender, message.summaries);
    case "graft":
      return receiveGraft(context, sender, message.ids);
    case "prune":
      return receivePrune(context, sender);
  }
}

function receiveShuffle(
  context: Context,
  from: string,
  origin: PeerInfo,
  peers: readonly PeerInfo[],
  ttl: number,
): void {
  const { state } = context;
  if (origin.peer === state.self.peer) return;
  if (ttl > 0 && state.active.size > 1) {
    const onward = { type: "shuffle", origin, peers, ttl: ttl - 1 } as const;
    if (walkOn(context, from, onward, origin.peer)) return;
  }
  if (from === origin.peer || state.active.has(origin.peer)) return answerShuffle(context, origin, peers);
  if (wait(context, origin.peer, { kind: "shuffle", origin, peers })) {
    context.effects.push({ type: "connect", peer: origin });
  }
}

function connectEnded(context: Context, peer: string, reached: boolean): void {
  const { pending } = context.state;
  const waiting = pending.get(peer);
  // A request is answered by the peer itself.
  if (waiting === undefined || waiting.kind === "request" || waiting.kind === "near-check") return;
  pending.delete(peer);
  if (waiting.kind === "join") joinChecked(context, waiting, reached);
  else if (reached && waiting.kind === "shuffle") answerShuffle(context, waiting.origin, waiting.peers);
  else if (reached) contactFound(context, peer);
}

/** A link broke, or could not be made: TCP is the failure detector. The loss is made good at once. */
function disconnected(context: Context, peer: string): void {
  const { state } = context;
  connectEnded(context, peer, false);
  state.pending.delete(peer);
  if (state.contacts.some((contact) => contact.peer === peer)) state.lostContacts.add(peer);
  const wasNeighbor = state.active.has(peer);
  drop(context, peer, "gone", false);
  if (!state.config.directPeers.has(peer)) state.passive.delete(peer);
  else if (wasNeighbor) addPassive(context, { peer, record: new Uint8Array() });
  postpone(context, peer);
  fill(context);
}

function withNeighbor(
  context: Context,
  peer: string,
  act: (neighbor: NonNullable<ReturnType<State["active"]["get"]>>) => void,
): void {
  const neighbor = context.state.active.get(peer);
  if (neighbor !== undefined) act(neighbor);
}

function tick(context: Context): void {
  const { state, env } = context;
  if (!state.subscribed) return;
  for (const timer of TIMERS) {
    if (env.now < state.due[timer]) continue;
    const wasSet = state.due[timer] > 0;
    state.due[timer] = env.now + nextDelay(context, timer);
    // The first time only draws the phase, so that nodes started together do not act together.
    if (wasSet) fire(context, timer);
  }
  expire(context);
}

function nextDelay(context: Context, timer: Timer): number {
  const { parameters } = context.state.config;
  const { random } = context.env;
  switch (timer) {
    case "flush":
      return parameters.ihaveFlushMs;
    case "missing":
      return parameters.missingTickMs;
    case "ping":
      return jittered(random, parameters.pingMs, LIMITS.jitter);
    case "probe":
      return jittered(random, parameters.probeMs, LIMITS.jitter);
    case "stabilise":
      return jittered(random, parameters.stabiliseMs, LIMITS.jitter);
    case "optimise":
      return jittered(random, parameters.optimiseMs, LIMITS.jitter);
    case "shuffle":
      return jittered(random, parameters.shuffleMs, LIMITS.jitter);
    case "rotate":
      return jittered(random, parameters.rotateMs || parameters.optimiseMs, LIMITS.jitter);
  }
}

function fire(context: Context, timer: Timer): void {
  const { parameters } = context.state.config;
  switch (timer) {
    case "flush":
      return flushAnnouncements(context);
    case "missing":
      return parameters.lazyRepair ? missingTick(context) : undefined;
    case "ping":
      return pingNeighbors(context);
    case "probe":
      seekContact(context);
      return probe(context);
    case "stabilise":
      return stabilise(context);
    case "optimise":
      return optimiseLinks(context);
    case "shuffle":
      return parameters.shuffle ? startShuffle(context) : undefined;
    case "rotate":
      return parameters.rotateMs > 0 ? rotate(context) : undefined;
  }
}

/** What was not answered in time counts as refused. */
function expire(context: Context): void {
  const { state, env } = context;
  for (const [peer, pending] of state.pending) {
    if (env.now < pending.deadline) continue;
    state.pending.delete(peer);
    postpone(context, peer);
    if (pending.kind === "near-check") send(context, peer, { type: "disconnect", reason: "full" });
  }
  for (const [nonce, ping] of state.pings) {
    if (env.now < ping.sentAt + LIMITS.pendingMs) break;
    state.pings.delete(nonce);
  }
}
