/**
 * The machine: one event in, effects out. It decides, the caller acts. The state is changed in place and belongs to
 * one topic of one node; the same step runs under libp2p (service.ts) and in the simulator.
 */
import { congested, drained } from "./edges.ts";
import { LIMITS } from "./limits.ts";
import { drop, queryNeighbors, wait } from "./links.ts";
import {
  contact,
  contactFound,
  joinChecked,
  postpone,
  receiveDisconnect,
  receiveForwardJoin,
  receiveJoin,
  receiveLeave,
  receiveNeighbor,
  receiveNodes,
  subscribe,
  unsubscribe,
  walkOn,
} from "./membership.ts";
import type { Message, PeerInfo } from "./messages.ts";
import { addPassive, answerShuffle, receiveGetNodes, receiveShuffleReply } from "./passive.ts";
import {
  noteOrder,
  publish,
  receiveGossip,
  receiveGraft,
  receivePrune,
  receiveSummaries,
  validated,
} from "./plumtree.ts";
import { receivePong, receiveTopics } from "./proximity.ts";
import {
  type ActivePeer,
  type Context,
  type CutReason,
  type Effect,
  type Env,
  type Event,
  type State,
  send,
} from "./state.ts";
import { tick } from "./timers.ts";
import { fill } from "./view-size.ts";

export function step(state: State, event: Event, env: Env): Effect[] {
  const context: Context = { state, env, effects: [], cuts: [] };
  handle(context, event);
  for (const { peer, reason } of context.cuts) cutOff(context, peer, reason);
  return context.effects;
}

/** What a payload shows is proof, and bans; that GRAFTs stay unanswered may be a busy machine's doing, and ends the link. */
function cutOff(context: Context, peer: string, reason: CutReason): void {
  const info = context.state.active.get(peer)?.info;
  drop(context, peer, reason, true);
  if (reason === "rejected") {
    context.state.passive.delete(peer);
    context.effects.push({ type: "ban", peer, reason, forMs: LIMITS.rejectedBanMs });
  } else if (info !== undefined) {
    addPassive(context, info);
    postpone(context, peer);
    fill(context);
  }
}

function handle(context: Context, event: Event): void {
  const { state } = context;
  switch (event.type) {
    case "tick":
      tick(context);
      return;
    case "receive":
      receive(context, event.from, event.message);
      return;
    case "validated":
      validated(context, event.key, event.verdict);
      return;
    case "publish":
      publish(context, event.id, event.payload, event.flood);
      return;
    case "subscribe":
      subscribe(context, event.contacts);
      return;
    case "unsubscribe":
      unsubscribe(context);
      return;
    case "contact":
      contact(context, event.peer);
      return;
    case "connected":
      connectEnded(context, event.peer, true);
      return;
    case "disconnected":
      disconnected(context, event.peer);
      return;
    case "congested":
      withNeighbor(context, event.peer, (neighbor) => congested(context, neighbor));
      return;
    case "drained":
      withNeighbor(context, event.peer, (neighbor) => drained(context, neighbor));
      return;
    case "head":
      noteOrder(context, event.order);
      return;
    case "self":
      state.self = event.self;
      queryNeighbors(context);
      return;
  }
}

function receive(context: Context, from: string, message: Message): void {
  const { state } = context;
  if (!state.subscribed) return;
  switch (message.type) {
    case "get-nodes":
      receiveGetNodes(context, from);
      return;
    case "nodes":
      receiveNodes(context, message.peers, message.ttl);
      return;
    case "get-topics":
      send(context, from, { type: "topics", topics: [state.config.topic] });
      return;
    case "topics":
      receiveTopics(context, from, message.topics);
      return;
    case "join":
      receiveJoin(context, from, message.peer, message.ttl);
      return;
    case "forward-join":
      receiveForwardJoin(context, from, message.peer, message.ttl);
      return;
    case "neighbor":
      receiveNeighbor(context, from, message);
      return;
    case "disconnect":
      receiveDisconnect(context, from, message.reason);
      return;
    case "leave":
      receiveLeave(context, from, message.source, message.ttl);
      return;
    case "shuffle":
      receiveShuffle(context, from, message.origin, message.peers, message.ttl);
      return;
    case "shuffle-reply":
      receiveShuffleReply(context, message.peers);
      return;
    case "ping":
      send(context, from, { type: "pong", nonce: message.nonce });
      return;
    case "pong":
      receivePong(context, from, message.nonce);
      return;
    default:
      receiveBroadcast(context, from, message);
      return;
  }
}

/** Broadcast belongs to links; whoever believes in one that we do not have is told. */
function receiveBroadcast(
  context: Context,
  from: string,
  message: Message & { type: "gossip" | "ihave" | "graft" | "prune" },
): void {
  const sender = context.state.active.get(from);
  if (sender === undefined) {
    send(context, from, { type: "disconnect", reason: "not-neighbor" });
    return;
  }
  switch (message.type) {
    case "gossip":
      receiveGossip(context, sender, message);
      return;
    case "ihave":
      receiveSummaries(context, sender, message.summaries);
      return;
    case "graft":
      receiveGraft(context, sender, message.ids);
      return;
    case "prune":
      receivePrune(context, sender);
      return;
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
  if (from === origin.peer || state.active.has(origin.peer)) {
    answerShuffle(context, origin, peers);
    return;
  }
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

function withNeighbor(context: Context, peer: string, act: (neighbor: ActivePeer) => void): void {
  const neighbor = context.state.active.get(peer);
  if (neighbor !== undefined) act(neighbor);
}
