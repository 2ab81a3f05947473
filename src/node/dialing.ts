/**
 * Keeps calling the peers that the operator named while nobody is connected, with back-off, and says so when that
 * goes on for long.
 */
import { setTimeout } from "node:timers/promises";
import type { Logger } from "pino";
import { NO_PEER_MS, REDIAL_MS_MAX, REDIAL_MS_MIN } from "../base/limits.ts";
import type { Network } from "../replication/network.ts";

/** @param signal ends it */
export async function keepDialing(
  network: Pick<Network, "peers" | "redial">,
  named: readonly string[],
  logger: Logger,
  signal: AbortSignal,
): Promise<void> {
  let aloneSince = performance.now();
  let isTold = false;
  let nextDial = aloneSince + REDIAL_MS_MIN;
  let waitMs = REDIAL_MS_MIN;
  while (!signal.aborted) {
    await setTimeout(REDIAL_MS_MIN / 2, undefined, { signal, ref: false }).catch(() => undefined);
    const now = performance.now();
    if (network.peers().length > 0) {
      if (isTold) logger.info("a peer is connected");
      isTold = false;
      aloneSince = now;
      waitMs = REDIAL_MS_MIN;
      nextDial = now + waitMs;
      continue;
    }
    if (!isTold && now - aloneSince >= NO_PEER_MS) {
      isTold = true;
      warnAlone(logger, named);
    }
    if (now < nextDial || signal.aborted) continue;
    network.redial();
    waitMs = Math.min(REDIAL_MS_MAX, 2 * waitMs);
    nextDial = now + waitMs;
  }
}

function warnAlone(logger: Logger, peers: readonly string[]): void {
  if (peers.length === 0) logger.error("no peers: pass -peers with the multiaddr of a node of the log");
  else
    logger.error(
      { peers },
      "no peer answers: check that they run and that the addresses are right; still trying",
    );
}
