/** The lazy push: ids instead of payloads, gathered and sent on a timer to neighbours that are no tree edges. */
import type { CachedMessage } from "./cache.ts";
import { LIMITS } from "./limits.ts";
import type { Summary } from "./messages.ts";
import { type ActivePeer, type Context, send } from "./state.ts";

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

export function announcePending(context: Context, neighbor: ActivePeer): void {
  const { peer } = neighbor.info;
  announce(
    context,
    peer,
    context.state.announcements.filter(({ from }) => from !== peer),
  );
}

/**
 * Nothing came for a while: tell every neighbour the newest id, once. Who lacks it asks, and who is no neighbour of
 * ours any more, which a restart can leave behind, says so.
 */
export function breakSilence(context: Context): void {
  const { state, env } = context;
  if (state.silenceTold || env.now < state.payloadAt + LIMITS.silenceMs) return;
  state.silenceTold = true;
  const summaries = state.cache.recent(Number.NEGATIVE_INFINITY, 1).map(summaryOf);
  for (const { info, behind } of state.active.values())
    if (!behind) send(context, info.peer, { type: "ihave", summaries });
}

/** A payload, or a new beginning: silence is waited for again. */
export function noteSound({ state, env }: Context): void {
  state.payloadAt = env.now;
  state.silenceTold = false;
}

function announce(context: Context, to: string, summaries: readonly Summary[]): void {
  if (!context.state.config.parameters.lazyRepair) return;
  for (let i = 0; i < summaries.length; i += LIMITS.idsPerMessageMax) {
    const part = summaries.slice(i, i + LIMITS.idsPerMessageMax).map(({ id, hops }) => ({ id, hops }));
    send(context, to, { type: "ihave", summaries: part });
  }
}

/** Announces payloads that are held: to a new neighbour, or to one whose queue has drained. */
export function announceMessages(
  context: Context,
  neighbor: ActivePeer,
  messages: readonly CachedMessage[],
): void {
  announce(context, neighbor.info.peer, messages.map(summaryOf));
}

function summaryOf({ id, hops }: CachedMessage): Summary {
  return { id, hops: Math.min(hops + 1, LIMITS.hopsMax) };
}
