/**
 * What a primary asks of its peers before it signs anything (SPEC section 3): the heads of its own that they hold.
 */

import { setTimeout } from "node:timers/promises";
import { equalBytes } from "../base/bytes.ts";
import { PEER_CHECK_MS } from "../base/limits.ts";
import type { SignedHead } from "../log/checkpoint.ts";
import type { Log } from "../log/log.ts";
import { leafHash } from "../log/merkle.ts";
import type { Store } from "../log/store.ts";
import { Permissions } from "../permission/policy.ts";
import { catchUp } from "../replication/catch-up.ts";
import { FullChecker } from "../replication/entry-checker.ts";
import { Follower } from "../replication/follower.ts";
import type { Network } from "../replication/network.ts";
import { StoredIds } from "../replication/stored-ids.ts";
import type { PeerCheck } from "../sequencing/start-up.ts";
import { LogValidator } from "../sequencing/validator.ts";
import type { Verifier } from "../sequencing/verifier.ts";

/** Asks over this network; without any peer to call there is nothing to wait for. */
export function peerCheck(network: Network, hasPeers: boolean, store: Store, verifier: Verifier): PeerCheck {
  return {
    newestHeads: async (log, known) => {
      network.dial(known);
      const deadline = performance.now() + (hasPeers || known.length > 0 ? PEER_CHECK_MS : 0);
      for (;;) {
        const heads = await headsOf(network, log);
        if (heads.length > 0 || performance.now() >= deadline) return heads;
        await setTimeout(100);
      }
    },
    catchUp: async (log, head) => {
      const ids = new StoredIds(log);
      const permissions = Permissions.fromRoles(store.roles());
      const { size: next, lastTimestamp } = log.committed;
      const { context, genesis } = log;
      const validator = new LogValidator({ context, genesis, permissions, ids, next, lastTimestamp });
      const follower = new Follower(log, new FullChecker(validator, verifier), (block) => ids.stored(block));
      await catchUp({ log, follower, head, peers: () => network.syncPeers() });
    },
  };
}

async function headsOf(network: Network, log: Log): Promise<SignedHead[]> {
  const answers = await Promise.allSettled(network.syncPeers().map((peer) => peer.ask({ kind: "head" })));
  return answers.flatMap((answer) => {
    if (answer.status === "rejected" || answer.value.kind !== "head") return [];
    const { genesisEntry, note } = answer.value;
    const head = equalBytes(leafHash(genesisEntry), log.logId) ? log.checkpoints.open(note) : undefined;
    return head === undefined ? [] : [head];
  });
}
