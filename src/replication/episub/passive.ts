/**
 * The passive view: peers that could become neighbours. Shuffling mixes it, probing weeds it. Nothing enters it that
 * the service has not checked: records are signed by the peer they describe.
 */
import { LIMITS } from "./limits.ts";
import type { PeerInfo } from "./messages.ts";
import { pick, sample } from "./random.ts";
import { type Context, send } from "./state.ts";

/** Adds a peer; a full view loses `expendable` ones first, then random ones, never those named by the operator. */
export function addPassive(context: Context, info: PeerInfo, expendable: string[] = []): void {
  const { state, env } = context;
  const { peer } = info;
  if (peer === state.self.peer || state.active.has(peer)) return;
  const known = state.passive.get(peer);
  if (known !== undefined) {
    if (info.record.length > 0) known.info = info;
    return;
  }
  if (state.passive.size >= state.config.parameters.passivePeers) {
    let victim = expendable.pop();
    while (victim !== undefined && !state.passive.has(victim)) victim = expendable.pop();
    const evictable = [...state.passive.keys()].filter((known) => !state.config.directPeers.has(known));
    victim ??= pick(env.random, evictable);
    if (victim === undefined) return;
    state.passive.delete(victim);
  }
  state.passive.set(peer, { info, rttMs: undefined, notBefore: 0 });
}

export function addPassiveAll(context: Context, peers: readonly PeerInfo[], expendable: string[] = []): void {
  for (const peer of peers) addPassive(context, peer, expendable);
}

/** A fresh view for somebody who joins: passive peers first, then our neighbours. */
export function receiveGetNodes(context: Context, from: string): void {
  const { state, env } = context;
  const passive = shareable(state.passive, from);
  const active = shareable(state.active, from);
  const peers = [...sample(env.random, passive, LIMITS.peersPerMessageMax - active.length), ...active];
  const ttl = state.config.parameters.joinTtl;
  send(context, from, { type: "nodes", peers: peers.slice(0, LIMITS.peersPerMessageMax), ttl });
}

function shareable(view: ReadonlyMap<string, { info: PeerInfo }>, except: string): PeerInfo[] {
  const infos: PeerInfo[] = [];
  for (const { info } of view.values()) if (info.record.length > 0 && info.peer !== except) infos.push(info);
  return infos;
}

/** Starts a shuffle. One that was not answered is tried again with half the TTL: behind a NAT only a neighbour can answer. */
export function startShuffle(context: Context): void {
  const { state, env } = context;
  const { shuffleActive, shufflePassive, shuffleTtl } = state.config.parameters;
  state.shuffleTtl = state.shuffle === undefined ? shuffleTtl : Math.floor(state.shuffleTtl / 2);
  const to = pick(env.random, [...state.active.keys()]);
  if (to === undefined) return;
  const active = sample(env.random, shareable(state.active, to), shuffleActive);
  const passive = sample(env.random, shareable(state.passive, to), shufflePassive);
  const peers = [...active, ...passive];
  state.shuffle = { sent: passive.map(({ peer }) => peer), deadline: env.now + LIMITS.pendingMs };
  send(context, to, { type: "shuffle", origin: state.self, peers, ttl: state.shuffleTtl });
}

/** The walk of a shuffle ends here: answer its origin if it can be reached, and take what it brought. */
export function answerShuffle(context: Context, origin: PeerInfo, peers: readonly PeerInfo[]): void {
  const { state, env } = context;
  const ours = sample(env.random, shareable(state.passive, origin.peer), peers.length + 1);
  send(context, origin.peer, { type: "shuffle-reply", peers: ours });
  addPassiveAll(
    context,
    [origin, ...peers],
    ours.map(({ peer }) => peer),
  );
}

export function receiveShuffleReply(context: Context, peers: readonly PeerInfo[]): void {
  const { state } = context;
  if (state.shuffle === undefined) return;
  addPassiveAll(context, peers, [...state.shuffle.sent]);
  state.shuffle = undefined;
}
