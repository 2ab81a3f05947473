/** A bond contract on a chain, and logs under it whose operator signs whatever a test wants. */

import { utf8 } from "../../src/base/bytes.ts";
import { checkpointDigest } from "../../src/base/eip712.ts";
import { sha256 } from "../../src/base/hash.ts";
import { addressOfPrivateKey, signDigest } from "../../src/base/secp256k1.ts";
import type { AttestedHead } from "../../src/log/checkpoint.ts";
import { inclusionProof, leafHash } from "../../src/log/merkle.ts";
import { rootFromInclusion, rootsFromConsistency } from "../../src/log/proof.ts";
import { possessionDigest } from "../../src/slashing/bond-calls.ts";
import type { BondChain, BondTerms } from "../../src/slashing/bond-chain.ts";
import {
  contextOf,
  type Inconsistent,
  type LeafConflict,
  type LeafProof,
  type LogDomain,
  type SameSize,
  type UnansweredChallenge,
} from "../../src/slashing/evidence.ts";
import { consistencyNodes } from "../../src/slashing/find-evidence.ts";
import { LeafTree } from "./leaf-tree.ts";

export const DAY_SECONDS = 86_400;
export const ETHER = 10n ** 18n;
export const STAKE_WEI = 10n * ETHER;

export const TERMS: BondTerms = {
  minimumStakeWei: ETHER,
  minimumChallengeBondWei: ETHER / 100n,
  exitDelaySeconds: 21 * DAY_SECONDS,
  evidenceWindowSeconds: 14 * DAY_SECONDS,
  answerWindowSeconds: 7 * DAY_SECONDS,
  forceInclusionSeconds: DAY_SECONDS,
};

/** The honest transcript, and one that parts from it at index 5. */
export const honest = new LeafTree(Array.from({ length: 40 }, (_, i) => leafHash(utf8(`${i}`))));
export const fork = new LeafTree(
  honest.leaves.map((leaf, i) => (i < 5 ? leaf : leafHash(utf8(`fork ${i}`)))),
);

/** A log's identity from a name, so that tests on one contract do not meet. */
export function domainOf(name: string, chainId: number, bond: Uint8Array): LogDomain {
  return { chainId, bond, logId: sha256(utf8(name)) };
}

export class BondedLog {
  readonly domain: LogDomain;
  readonly operatorKey: Uint8Array;
  readonly operator: Uint8Array;

  constructor(domain: LogDomain, operatorKey: Uint8Array) {
    this.domain = domain;
    this.operatorKey = operatorKey;
    this.operator = addressOfPrivateKey(operatorKey);
  }

  get logId(): Uint8Array {
    return this.domain.logId;
  }

  possession(owner: Uint8Array, key = this.operatorKey): Uint8Array {
    return signDigest(possessionDigest(this.domain, addressOfPrivateKey(key), owner), key);
  }

  async register(chain: BondChain, stakeWei = STAKE_WEI): Promise<void> {
    await chain.register(this.logId, this.operator, this.possession(chain.address), stakeWei);
  }

  /** A head with the operator's signature, or that of another key. */
  sign(size: number, root: Uint8Array, key = this.operatorKey): AttestedHead {
    return {
      size,
      root,
      signature: signDigest(checkpointDigest(contextOf(this.domain), { size, root }), key),
    };
  }

  head(tree: LeafTree, size: number, key = this.operatorKey): AttestedHead {
    return this.sign(size, tree.root(size), key);
  }

  sameSize(size: number): SameSize {
    return { kind: "same-size", log: this.domain, heads: [this.head(honest, size), this.head(fork, size)] };
  }

  /** The honest tree under the first head, the fork under the second. */
  leafConflict(index: number, size: number, forkSize: number): LeafConflict {
    const leaf = (tree: LeafTree, length: number) => ({
      leafHash: tree.leaves[index]!,
      path: inclusionProof(index, length, tree.node),
    });
    return {
      kind: "leaf-conflict",
      log: this.domain,
      heads: [this.head(honest, size), this.head(fork, forkSize)],
      index,
      leaves: [leaf(honest, size), leaf(fork, forkSize)],
    };
  }

  /** Trees of 2^32 leaves, known along one path only: what the evidence of a large log takes. */
  deepLeafConflict(): LeafConflict {
    const size = 2 ** 32;
    const index = 0xdeadbeef;
    const path = Array.from({ length: 32 }, (_, i) => sha256(utf8(`sibling ${i}`)));
    const leaves = [
      { leafHash: honest.leaves[1]!, path },
      { leafHash: fork.leaves[7]!, path },
    ] as const;
    const head = ({ leafHash }: LeafProof) =>
      this.sign(size, rootFromInclusion(index, size, leafHash, path)!);
    return {
      kind: "leaf-conflict",
      log: this.domain,
      heads: [head(leaves[0]), head(leaves[1])],
      index,
      leaves,
    };
  }

  /** The honest tree does not extend the fork. */
  inconsistent(from: number, to: number): Inconsistent {
    return {
      kind: "inconsistent",
      log: this.domain,
      heads: [this.head(fork, from), this.head(honest, to)],
      ...consistencyNodes(from, to, honest.node),
    };
  }

  /** Trees so large, and of such sizes, that no consistency path is longer or takes more hashing. */
  longestQuestion(): { readonly heads: UnansweredChallenge } & Pick<Inconsistent, "seed" | "path"> {
    const [from, to] = [2 ** 53 - 3, 2 ** 53 - 1];
    const { seed, path, oldRoot, newRoot } = tallTree(from, to);
    return { heads: this.question(this.sign(from, oldRoot), this.sign(to, newRoot)), seed, path };
  }

  /** What the evidence of a log of four billion entries takes. */
  tallInconsistent(): Inconsistent {
    const [from, to] = [2 ** 32 - 3, 2 ** 32 - 1];
    const { seed, path, newRoot } = tallTree(from, to);
    const heads = [this.sign(from, fork.root(1)), this.sign(to, newRoot)] as const;
    return { kind: "inconsistent", log: this.domain, heads, seed, path };
  }

  /** Two heads that nobody has the data of. */
  question(older: AttestedHead, newer: AttestedHead): UnansweredChallenge {
    return { kind: "unanswered-challenge", log: this.domain, heads: [older, newer] };
  }
}

/** A tree of which only the nodes between two of its sizes are known. */
function tallTree(from: number, to: number) {
  const seed = honest.leaves[0]!;
  const path: Uint8Array[] = [];
  while (true) {
    const roots = rootsFromConsistency(from, to, seed, path);
    if (roots !== undefined) return { seed, path, ...roots };
    path.push(sha256(utf8(`node ${path.length}`)));
  }
}
