/** The size of the active view: what is missing is asked for, what is too much is let go where both sides can spare it. */
import { drop, linkCounts, queryNeighbors, request } from "./links.ts";
import { addPassive } from "./passive.ts";
import { sample } from "./random.ts";
import { type ActivePeer, activeSize, type Context } from "./state.ts";

/** Grows the active view to its size: random links first, then the nearest peers known. */
export function fill(context: Context): void {
  const { state, env } = context;
  if (!state.subscribed) return;
  const { parameters, directPeers } = state.config;
  let randomWanted = parameters.randomLinks - linkCounts(context).random;
  let wanted = activeSize(parameters) - state.active.size;
  for (const pending of state.pending.values()) {
    if (pending.kind !== "request") continue;
    wanted--;
    if (!pending.near) randomWanted--;
  }
  const candidates = [...state.passive.values()].filter(
    ({ info, notBefore }) => notBefore <= env.now && !state.pending.has(info.peer),
  );
  for (const { info } of candidates)
    if (directPeers.has(info.peer)) request(context, info.peer, false, undefined);
  const others = sample(env.random, candidates, candidates.length).filter(
    ({ info }) => !directPeers.has(info.peer),
  );
  for (; wanted > 0 && others.length > 0; wanted--) {
    const near = randomWanted <= 0 && parameters.nearLinks > 0;
    if (near) others.sort((a, b) => (b.rttMs ?? Number.MAX_VALUE) - (a.rttMs ?? Number.MAX_VALUE));
    request(context, others.pop()!.info.peer, near, undefined);
    randomWanted--;
  }
}

/**
 * Drops links that both sides can spare: to neighbours with more than C_rand random links, then to those that
 * another neighbour knows. Lazy links go first, so that the tree stays. What is not known is asked for until next time.
 */
export function trim(context: Context, excess: number): void {
  const { state, env } = context;
  const { randomLinks, nearLinks } = state.config.parameters;
  const spare = [...state.active.values()].filter(
    ({ info, heardAt }) => heardAt >= state.queriedAt && !state.config.directPeers.has(info.peer),
  );
  const tooManyNear = linkCounts(context).near > nearLinks;
  const cost = ({ eager, near, rttMs }: ActivePeer) =>
    (eager ? 0 : 2e9) + (near === tooManyNear ? 1e9 : 0) + (rttMs ?? 0);
  spare.sort((a, b) => cost(b) - cost(a));
  const rich = spare.filter((neighbor) => neighbor.randomLinks > randomLinks);
  const linked = spare.filter(({ info }) => spare.some((other) => other.peers.includes(info.peer)));
  for (const { info } of [...new Set([...rich, ...linked])].slice(0, excess)) {
    drop(context, info.peer, "trimmed", true);
    addPassive(context, info);
  }
  if (state.active.size > activeSize(state.config.parameters)) queryNeighbors(context);
  state.queriedAt = env.now;
}
