/**
 * What a primary asks of its peers before it signs anything (SPEC section 3): the heads of its own that they hold.
 */

import { setTimeout } from "node:timers/promises";
import { equalBytes } from "../base/bytes.ts";
import { HEAD_WAIT_MS, PEER_CHECK_MS } from "../base/limits.ts";
import type { SignedHead } from "../log/checkpoint.ts";
import type { Log } from "../log/log.ts";
import { leafHash } from "../log/merkle.ts";
import type { Store } from "../log/store.ts";
import { catchUp } from "../replication/catch-up.ts";
import { Follower } from "../replication/follower.ts";
import type { Network } from "../replication/network.ts";
import { StoredIds } from "../replication/stored-ids.ts";
import type { PeerCheck } from "../sequencing/start-up.ts";
import type { Verifier } from "../sequencing/verifier.ts";
import { provenLog } from "./find-log.ts";
import { fullChecker } from "./parts.ts";

/**
 * Asks over this network; without any peer to call there is nothing to wait for.
 * @param named multiaddrs of the peers that the operator named
 */
export function peerCheck(
  network: Network,
  named: readonly string[],
  store: Store,
  verifier: Verifier,
): PeerCheck {
  return {
    logsOf: async (operator) => {
      const deadline = performance.now() + PEER_CHECK_MS;
      const answers = new Map<string, Uint8Array | undefined>();
      for (;;) {
        await askForLogs(network, operator, answers);
        const logs = [...answers.values()].filter((logId) => logId !== undefined);
        const silent = named.filter((_, i) => !answers.has(network.named[i]!));
        if (logs.length > 0 || silent.length === 0 || performance.now() >= deadline) return { logs, silent };
        await setTimeout(100);
      }
    },
    newestHeads: async (log, known) => {
      network.dial(known);
      let deadline = performance.now() + (named.length > 0 || known.length > 0 ? PEER_CHECK_MS : 0);
      const heads = new Map<string, SignedHead>();
      for (;;) {
        await askAll(network, log, heads);
        // The first answer may be an old one: the others get a moment to tell a newer one.
        if (heads.size > 0) deadline = Math.min(deadline, performance.now() + HEAD_WAIT_MS);
        const isComplete = heads.size >= new Set([...network.named, ...known]).size;
        if ((heads.size > 0 && isComplete) || performance.now() >= deadline) return [...heads.values()];
        await setTimeout(100);
      }
    },
    catchUp: async (log, head) => {
      const ids = new StoredIds(log);
      const checker = fullChecker(log, store, ids, verifier);
      const follower = new Follower(log, checker, (block) => ids.stored(block));
      await catchUp({ log, follower, head, peers: () => network.syncPeers() });
    },
  };
}

/**
 * Adds the log of this operator that each connected peer proves to serve, if it does, within a moment. Anybody can
 * write a genesis that names the operator: only a head with its signature counts.
 */
async function askForLogs(
  network: Network,
  operator: Uint8Array,
  answers: Map<string, Uint8Array | undefined>,
): Promise<void> {
  const all = network.syncPeers().map(async (peer) => {
    const answer = await peer.ask({ kind: "head" }).catch(() => undefined);
    if (answer === undefined) return;
    const log = answer.kind === "head" ? provenLog(answer) : undefined;
    const isOwn = typeof log === "object" && equalBytes(log.genesis.operator, operator);
    answers.set(peer.id, isOwn ? Uint8Array.from(log.logId) : undefined);
  });
  await Promise.race([Promise.all(all), setTimeout(HEAD_WAIT_MS, undefined, { ref: false })]);
}

/** Adds what connected peers answer within a moment; a head of another log is none. */
async function askAll(network: Network, log: Log, heads: Map<string, SignedHead>): Promise<void> {
  const all = network.syncPeers().map(async (peer) => {
    const answer = await peer.ask({ kind: "head" }).catch(() => undefined);
    if (answer?.kind !== "head" || !equalBytes(leafHash(answer.genesisEntry), log.logId)) return;
    const head = log.checkpoints.open(answer.note);
    if (head !== undefined) heads.set(peer.id, head);
  });
  await Promise.race([Promise.all(all), setTimeout(HEAD_WAIT_MS, undefined, { ref: false })]);
}
