/**
 * Plumtree's repair: one persistent tick walks the missing list. The first touch marks, the second grafts the first
 * announcer with everything it announced, later ones the next announcer; after enough ticks a payload is lost.
 */

import { graft } from "./edges.ts";
import { LIMITS } from "./limits.ts";
import type { Summary } from "./messages.ts";
import type { ActivePeer, Context, MissingMessage } from "./state.ts";

export function missingTick(context: Context): void {
  const { state, env } = context;
  const due: MissingMessage[] = [];
  const silent = new Set<string>();
  for (const [key, missing] of state.missing) {
    if (state.cache.seen(key)) {
      // It is being validated, or came and was ignored.
      if (!state.validating.has(key)) removeMissing(context, key);
    } else if (env.known?.(missing.id) === true) {
      removeMissing(context, key);
    } else if (!missing.marked) {
      missing.marked = true;
    } else if (++missing.ticks > state.config.parameters.lostTicks) {
      removeMissing(context, key);
      state.counters.lost++;
      context.effects.push({ type: "lost", id: missing.id });
    } else if (env.now >= missing.retryAt) {
      if (missing.asked !== undefined) silent.add(missing.asked);
      due.push(missing);
    }
  }
  for (const peer of silent) countSilence(context, peer);
  graftAll(context, due);
}

function countSilence(context: Context, peer: string): void {
  const neighbor = context.state.active.get(peer);
  if (neighbor === undefined || neighbor.behind) return;
  if (context.env.now < neighbor.silentAt + LIMITS.undeliveredMs) return;
  neighbor.silentAt = context.env.now;
  neighbor.undelivered++;
  if (neighbor.undelivered >= LIMITS.undeliveredMax) context.cuts.push({ peer, reason: "undelivered" });
}

/** One GRAFT per announcer, with every due id that it announced: as few new edges as possible. */
function graftAll(context: Context, due: MissingMessage[]): void {
  const { state, env } = context;
  const { missingTickMs } = state.config.parameters;
  let rest = due;
  while (rest.length > 0) {
    const peer = nextAnnouncer(context, rest[0]!);
    if (peer === undefined) {
      rest = rest.slice(1);
      continue;
    }
    const neighbor = state.active.get(peer)!;
    const asked: MissingMessage[] = [];
    const later: MissingMessage[] = [];
    for (const missing of rest) {
      const announced = missing.announcers.some((announcer) => announcer.peer === peer);
      (announced && asked.length < LIMITS.idsPerMessageMax ? asked : later).push(missing);
    }
    for (const missing of asked) {
      missing.asked = peer;
      missing.next = missing.announcers.findIndex((announcer) => announcer.peer === peer) + 1;
      missing.retryAt = env.now + Math.max(missingTickMs, 2 * (neighbor.rttMs ?? 0)) - 1;
    }
    graft(
      context,
      neighbor,
      asked.map(({ id }) => id),
    );
    rest = later;
  }
}

/** The next announcer in order of arrival that is still a neighbour; one that left GRAFTs unanswered only if alone. */
function nextAnnouncer(context: Context, { announcers, next }: MissingMessage): string | undefined {
  let fallback: string | undefined;
  for (let i = 0; i < announcers.length; i++) {
    const { peer } = announcers[(next + i) % announcers.length]!;
    const neighbor = context.state.active.get(peer);
    if (neighbor === undefined) continue;
    if (neighbor.undelivered === 0) return peer;
    fallback ??= peer;
  }
  return fallback;
}

export function addMissing(context: Context, announcer: ActivePeer, { id, hops }: Summary): void {
  const { state } = context;
  const { aheadMax } = state.config.parameters;
  const tooFar = state.largestOrder !== undefined && id.order > state.largestOrder + aheadMax;
  if (tooFar || announcer.pendingIds >= LIMITS.pendingPerPeerMax) {
    state.counters.announcementsRefused++;
    return;
  }
  let missing = state.missing.get(id.key);
  if (missing === undefined) {
    // A link that is slow now, or a machine that is, delays the push as well: what is on its way is not asked for.
    const retryAt = context.env.now + 2 * (announcer.rttMs ?? 0);
    missing = { id, announcers: [], marked: false, ticks: 0, asked: undefined, next: 0, retryAt };
    state.missing.set(id.key, missing);
  }
  const { peer } = announcer.info;
  if (missing.announcers.length >= LIMITS.announcersMax) return;
  if (missing.announcers.some((known) => known.peer === peer)) return;
  missing.announcers.push({ peer, hops, at: context.env.now });
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
