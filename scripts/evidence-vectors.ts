/**
 * Evidence that must be accepted and evidence that must be refused, for every kind and every refusal: one list for
 * TypeScript and for the contract. All of it follows from three keys and numbered leaves.
 */
import { fromHex, toHex, utf8 } from "../src/base/bytes.ts";
import { checkpointDigest, domainSeparator } from "../src/base/eip712.ts";
import { sha256 } from "../src/base/hash.ts";
import { addressOfPrivateKey, signDigest } from "../src/base/secp256k1.ts";
import { inclusionProof, leafHash } from "../src/log/merkle.ts";
import { rootFromInclusion } from "../src/log/proof.ts";
import type {
  Evidence,
  Inconsistent,
  LeafConflict,
  LogDomain,
  SlashableHead,
} from "../src/slashing/evidence.ts";
import { formatEvidence } from "../src/slashing/evidence-file.ts";
import { consistencyNodes } from "../src/slashing/find-evidence.ts";
import { LeafTree } from "../test/helpers/leaf-tree.ts";

const ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;
const LEAVES = 40;
const SHARED = 5;

const operatorKey = new Uint8Array(32).fill(0x3f);
const strangerKey = new Uint8Array(32).fill(0x11);
const log: LogDomain = {
  chainId: 31337,
  // Where the first account of a development chain deploys its first contract.
  bond: fromHex("0x5fbdb2315678afecb367f032d93f642f64180aa3"),
  logId: sha256(utf8("evidence vectors")),
};

const honest = new LeafTree(Array.from({ length: LEAVES }, (_, i) => leafHash(utf8(`${i}`))));
const fork = new LeafTree(honest.leaves.map((leaf, i) => (i < SHARED ? leaf : leafHash(utf8(`fork ${i}`)))));
const junk = sha256(utf8("junk"));

interface Case {
  readonly name: string;
  readonly evidence: Evidence;
  /** The contract's error, absent where the evidence is accepted. */
  readonly rejection?: string;
}

/** The text of test/vectors/evidence-vectors.json. */
export function evidenceVectors(): string {
  const vectors = {
    note: "operator signs under the log; what its evidence must do in the contract and in TypeScript",
    operatorKey: toHex(operatorKey),
    operator: toHex(addressOfPrivateKey(operatorKey)),
    cases: [...accepted(), ...refusedHeads(), ...refusedLeaves(), ...refusedConsistency()].map(
      ({ name, evidence, rejection }) => ({
        name,
        rejection: rejection ?? null,
        evidence: JSON.parse(formatEvidence(evidence)),
      }),
    ),
  };
  return `${JSON.stringify(vectors, undefined, 1)}\n`;
}

function accepted(): Case[] {
  const sizes = [
    [6, 7],
    [7, 12],
    [8, 12],
    [8, 40],
    [16, 17],
    [31, 32],
    [32, 40],
    [39, 40],
  ] as const;
  const older = head(6, fork.root(6));
  return [
    { name: "two roots of one size", evidence: same(head(9, honest.root(9)), head(9, fork.root(9))) },
    { name: "two roots of size one", evidence: same(head(1, honest.root(1)), head(1, junk)) },
    { name: "two leaves at one index, sizes differ", evidence: leaves(7, 9, 40) },
    { name: "two leaves at one index, sizes equal", evidence: leaves(5, 17, 17) },
    { name: "two leaves at the last index", evidence: leaves(39, 40, 40) },
    { name: "two leaves under paths of 32 hashes", evidence: deepLeaves() },
    ...sizes.map(([from, to]) => ({
      name: `a tree of ${to} that does not extend ${from}`,
      evidence: inconsistent(from, to),
    })),
    {
      name: "the first leaf replaced",
      evidence: { ...inconsistent(6, 9), heads: [head(1, junk), head(9, honest.root(9))], ...nodes(1, 9) },
    },
    {
      name: "two heads to ask about",
      evidence: { kind: "unanswered-challenge", log, heads: [older, head(12, honest.root(12))] },
    },
  ];
}

function refusedHeads(): Case[] {
  const a = head(9, honest.root(9));
  const b = head(9, fork.root(9));
  const [r, s, v] = [b.signature.slice(0, 32), b.signature.slice(32, 64), b.signature[64]!];
  const highS = fromHex(`0x${(ORDER - BigInt(toHex(s))).toString(16).padStart(64, "0")}`);
  const zero = new Uint8Array(32);
  const signed = (name: string, rejection: string, ...parts: (Uint8Array | number)[]): Case => ({
    name,
    rejection,
    evidence: same(a, {
      ...b,
      signature: Uint8Array.from(parts.flatMap((part) => (typeof part === "number" ? [part] : [...part]))),
    }),
  });
  const elsewhere = (name: string, domain: Partial<LogDomain>): Case => ({
    name,
    rejection: "NotRegistered",
    evidence: same(a, head(9, fork.root(9), operatorKey, { ...log, ...domain })),
  });
  return [
    { name: "two sizes", rejection: "SizesDiffer", evidence: same(a, head(10, fork.root(10))) },
    { name: "one head twice", rejection: "RootsEqual", evidence: same(a, a) },
    { name: "empty trees", rejection: "EmptyCheckpoint", evidence: same(head(0, zero), head(0, junk)) },
    { name: "a stranger's head", rejection: "NotRegistered", evidence: same(a, head(9, junk, strangerKey)) },
    {
      name: "a root changed after signing",
      rejection: "NotRegistered",
      evidence: same(a, { ...b, root: junk }),
    },
    elsewhere("another log's head", { logId: junk }),
    elsewhere("another chain's head", { chainId: 1 }),
    elsewhere("another contract's head", { bond: new Uint8Array(20) }),
    signed("v of 0 or 1", "ECDSAInvalidSignature", r, s, v - 27),
    signed("v of 29", "ECDSAInvalidSignature", r, s, 29),
    signed("high s", "ECDSAInvalidSignatureS", r, highS, 55 - v),
    signed("r of zero", "ECDSAInvalidSignature", zero, s, v),
    signed("s of zero", "ECDSAInvalidSignature", r, zero, v),
    signed("64 bytes", "ECDSAInvalidSignatureLength", r, s),
    signed("66 bytes", "ECDSAInvalidSignatureLength", r, s, v, v),
    signed("no signature", "ECDSAInvalidSignatureLength"),
  ];
}

function refusedLeaves(): Case[] {
  const good = leaves(7, 9, 40);
  const [first, second] = good.leaves;
  const withSecond = (name: string, rejection: string, change: Partial<LeafConflict["leaves"][1]>): Case => ({
    name,
    rejection,
    evidence: { ...good, leaves: [first, { ...second, ...change }] },
  });
  const longest = Array<Uint8Array>(65).fill(junk);
  return [
    withSecond("one leaf twice", "LeavesEqual", first),
    withSecond("a hash missing", "PathDoesNotFit", { path: second.path.slice(1) }),
    withSecond("a hash too many", "PathDoesNotFit", { path: [...second.path, junk] }),
    withSecond("an inner node for a leaf", "PathDoesNotFit", {
      leafHash: fork.node(1, 3),
      path: second.path.slice(1),
    }),
    withSecond("a path of 65 hashes", "PathTooLong", { path: longest }),
    withSecond("another sibling", "RootMismatch", { path: [junk, ...second.path.slice(1)] }),
    withSecond("a leaf not in the tree", "RootMismatch", { leafHash: junk }),
    { name: "another index", rejection: "RootMismatch", evidence: { ...good, index: 6 } },
    { name: "an index outside the tree", rejection: "IndexOutsideTree", evidence: { ...good, index: 9 } },
    {
      name: "leaves of swapped heads",
      rejection: "PathDoesNotFit",
      evidence: { ...good, heads: [good.heads[1], good.heads[0]] },
    },
  ];
}

function refusedConsistency(): Case[] {
  const good = inconsistent(7, 12);
  const [older, newer] = good.heads;
  const changed = (name: string, rejection: string, change: Partial<Inconsistent>): Case => ({
    name,
    rejection,
    evidence: { ...good, ...change },
  });
  const honestPair = (from: number, to: number): Case => ({
    name: `an honest tree of ${to} after ${from}`,
    rejection: "Consistent",
    evidence: {
      ...good,
      heads: [head(from, honest.root(from)), head(to, honest.root(to))],
      ...nodes(from, to),
    },
  });
  return [
    honestPair(1, 2),
    honestPair(7, 12),
    honestPair(8, 12),
    honestPair(32, 40),
    {
      name: "a fork after the smaller head",
      rejection: "Consistent",
      evidence: {
        ...good,
        heads: [head(SHARED, honest.root(SHARED)), head(12, fork.root(12))],
        ...consistencyNodes(SHARED, 12, fork.node),
      },
    },
    changed("the heads swapped", "SizesNotAscending", { heads: [newer, older] }),
    changed("one size twice", "SizesNotAscending", { heads: [newer, newer] }),
    changed("an empty older head", "SizesNotAscending", { heads: [head(0, junk), newer] }),
    changed("a hash missing", "PathDoesNotFit", { path: good.path.slice(1) }),
    changed("a hash too many", "PathDoesNotFit", { path: [...good.path, junk] }),
    changed("a path of 65 hashes", "PathTooLong", { path: Array<Uint8Array>(65).fill(junk) }),
    changed("another seed", "RootMismatch", { seed: junk }),
    changed("another sibling", "RootMismatch", { path: [junk, ...good.path.slice(1)] }),
    changed("nodes of the smaller head's tree", "RootMismatch", consistencyNodes(7, 12, fork.node)),
    {
      name: "a question about descending sizes",
      rejection: "SizesNotAscending",
      evidence: { kind: "unanswered-challenge", log, heads: [newer, older] },
    },
  ];
}

function head(size: number, root: Uint8Array, key = operatorKey, domain = log): SlashableHead {
  const context = { separator: domainSeparator(domain), logId: domain.logId };
  return { size, root, signature: signDigest(checkpointDigest(context, { size, root }), key) };
}

function same(a: SlashableHead, b: SlashableHead): Evidence {
  return { kind: "same-size", log, heads: [a, b] };
}

/** The honest tree under the first head, the fork under the second. */
function leaves(index: number, sizeA: number, sizeB: number): LeafConflict {
  return {
    kind: "leaf-conflict",
    log,
    heads: [head(sizeA, honest.root(sizeA)), head(sizeB, fork.root(sizeB))],
    index,
    leaves: [leaf(honest, index, sizeA), leaf(fork, index, sizeB)],
  };
}

function leaf(tree: LeafTree, index: number, size: number): LeafConflict["leaves"][0] {
  return { leafHash: tree.leaves[index]!, path: inclusionProof(index, size, tree.node) };
}

/** Trees of 2^32 leaves, known along one path only: what a large log's evidence costs. */
function deepLeaves(): LeafConflict {
  const size = 2 ** 32;
  const index = 0xdeadbeef;
  const path = Array.from({ length: 32 }, (_, i) => sha256(utf8(`sibling ${i}`)));
  const proofs = [honest.leaves[1]!, fork.leaves[7]!].map((leafHash) => ({ leafHash, path }));
  const heads = proofs.map(({ leafHash }) => head(size, rootFromInclusion(index, size, leafHash, path)!));
  return {
    kind: "leaf-conflict",
    log,
    heads: [heads[0]!, heads[1]!],
    index,
    leaves: [proofs[0]!, proofs[1]!],
  };
}

function inconsistent(from: number, to: number): Inconsistent {
  return {
    kind: "inconsistent",
    log,
    heads: [head(from, fork.root(from)), head(to, honest.root(to))],
    ...nodes(from, to),
  };
}

function nodes(from: number, to: number): Pick<Inconsistent, "seed" | "path"> {
  return consistencyNodes(from, to, honest.node);
}
