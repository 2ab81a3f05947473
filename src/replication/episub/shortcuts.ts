/**
 * Making the tree faster: which of two edges stays where both brought a payload, and which lazy link is tried because
 * it would have brought it sooner. Plumtree counts hops; a hop counts as a time here, so that hops and round trips
 * can be weighed against each other.
 */
import { graft, isResting } from "./edges.ts";
import type { Gossip } from "./messages.ts";
import type { ActivePeer, Announcer, Context } from "./state.ts";

/** How a payload came: over which edge, over how many hops, and when. Changed where a better edge turns up. */
interface Path {
  from: string | undefined;
  hops: number;
  readonly receivedAt: number;
}

export function setParent({ state, env }: Context, peer: string): void {
  if (state.parent === peer) return;
  state.parent = peer;
  state.parentSince = env.now;
}

/**
 * The edge to prune where a payload came twice: the later one, unless it is worth waiting for. It may be later by what
 * its shorter path costs less, and by a quarter of what its round trip saves. The order of hop counts and names keeps
 * two nodes from choosing each other.
 */
export function slowerEdge(context: Context, sender: ActivePeer, { id, hops }: Gossip): ActivePeer {
  const { state, env } = context;
  const held = state.validating.get(id.key) ?? state.cache.get(id.key);
  const first = held?.from === undefined ? undefined : state.active.get(held.from);
  if (held === undefined || first === undefined || first === sender) return sender;
  if (!sender.eager || !first.eager) return sender;
  const senderHops = hops - 1;
  if (senderHops > held.hops || (senderHops === held.hops && sender.info.peer > state.self.peer))
    return sender;
  const worthMs = (held.hops - hops) * state.config.parameters.hopMs + nearness(context, first, sender) / 4;
  if (env.now - held.receivedAt >= worthMs) return sender;
  held.from = sender.info.peer;
  held.hops = hops;
  setParent(context, sender.info.peer);
  return first;
}

/** What the nearer link saves of a round trip, if it is closer by alpha and proximity is wanted at all. */
function nearness(context: Context, first: ActivePeer, sender: ActivePeer): number {
  const { nearLinks, alpha } = context.state.config.parameters;
  if (nearLinks === 0 || sender.rttMs === undefined || first.rttMs === undefined) return 0;
  return sender.rttMs <= alpha * first.rttMs ? first.rttMs - sender.rttMs : 0;
}

/**
 * Makes the most promising of the announcers eager. The old edge is not cut: the next payload comes over both, and the
 * duplicate prunes the slower one. So a candidate that refuses, or is slower, costs nobody a gap.
 */
export function tryShortcut(context: Context, path: Path, announcers: readonly Announcer[]): void {
  let best: { candidate: ActivePeer; hops: number; excess: number } | undefined;
  for (const { peer, hops, at } of announcers) {
    const candidate = context.state.active.get(peer);
    if (candidate === undefined || !mayBeTried(context, candidate, path)) continue;
    const shorter = (path.hops - hops) * context.state.config.parameters.hopMs;
    const excess = Math.max(path.receivedAt - at, shorter) - price(context, candidate);
    if (excess > (best?.excess ?? 0)) best = { candidate, hops, excess };
  }
  if (best === undefined) return;
  path.from = best.candidate.info.peer;
  path.hops = best.hops;
  graft(context, best.candidate, []);
}

function mayBeTried(context: Context, candidate: ActivePeer, path: Path): boolean {
  const { state } = context;
  if (candidate.eager || candidate.behind || isResting(context, candidate)) return false;
  return path.from !== undefined && path.from !== candidate.info.peer && state.active.has(path.from);
}

/**
 * What a shortcut has to save, in ms: more than its own way takes, and the more the longer the present parent has
 * served. So a tree comes to rest, though the overlay under it keeps improving, and grows fast again where it broke.
 */
function price({ state, env }: Context, { rttMs }: ActivePeer): number {
  if (rttMs === undefined) return Number.POSITIVE_INFINITY;
  return (rttMs / 2) * (1 + (env.now - state.parentSince) / 60_000);
}
