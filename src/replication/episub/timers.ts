/** What happens by itself: one tick drives every timer, each with a phase and a jitter of its own. */
import { breakSilence, flushAnnouncements } from "./announcements.ts";
import { rotate } from "./edges.ts";
import { LIMITS } from "./limits.ts";
import { postpone, seekContact, stabilise } from "./membership.ts";
import { startShuffle } from "./passive.ts";
import { optimiseLinks, pingNeighbors, probe } from "./proximity.ts";
import { jittered } from "./random.ts";
import { missingTick } from "./repair.ts";
import { type Context, send, TIMERS, type Timer } from "./state.ts";

export function tick(context: Context): void {
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
      flushAnnouncements(context);
      if (parameters.lazyRepair) breakSilence(context);
      return;
    case "missing":
      parameters.lazyRepair ? missingTick(context) : undefined;
      return;
    case "ping":
      pingNeighbors(context);
      return;
    case "probe":
      seekContact(context);
      probe(context);
      return;
    case "stabilise":
      stabilise(context);
      return;
    case "optimise":
      optimiseLinks(context);
      return;
    case "shuffle":
      parameters.shuffle ? startShuffle(context) : undefined;
      return;
    case "rotate":
      parameters.rotateMs > 0 ? rotate(context) : undefined;
      return;
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
