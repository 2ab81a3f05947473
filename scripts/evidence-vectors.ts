/**
 * Evidence that must be accepted and evidence that must be refused, for every kind and every refusal: one list for
 * TypeScript and for the contract. All of it follows from three keys and numbered leaves.
 */
import { getContractAddress } from "viem";
import { concatBytes, fromHex, toHex, utf8 } from "../src/base/bytes.ts";
import { sha256 } from "../src/base/hash.ts";
import { addressOfPrivateKey } from "../src/base/secp256k1.ts";
import type { AttestedHead } from "../src/log/checkpoint.ts";
import type { Evidence, Inconsistent, LeafProof, LogDomain } from "../src/slashing/evidence.ts";
import { formatEvidence } from "../src/slashing/evidence-file.ts";
import { consistencyNodes } from "../src/slashing/find-evidence.ts";
import { BondedLog, domainOf, fork, honest } from "../test/helpers/bonded-log.ts";

const ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;

const operatorKey = new Uint8Array(32).fill(0x3f);
const deployerKey = new Uint8Array(32).fill(1);
const strangerKey = new Uint8Array(32).fill(0x11);
/** Where a test deploys the contract to. */
const bond = getContractAddress({ from: toHex(addressOfPrivateKey(deployerKey)), nonce: 0n });
const log = new BondedLog(domainOf("evidence vectors", 31337, fromHex(bond)), operatorKey);
const junk = sha256(utf8("junk"));

interface Case {
  readonly name: string;
  readonly evidence: Evidence;
  /** The contract's error, absent where the evidence is accepted. */
  readonly rejection?: string;
}

/** The text of test/vectors/evidence-vectors.json. */
export function evidenceVectors(): string {
  const cases = [...accepted(), ...refusedHeads(), ...refusedLeaves(), ...refusedConsistency()];
  const vectors = {
    note: "operator signs under the log; what its evidence must do in the contract and in TypeScript",
    operatorKey: toHex(operatorKey),
    deployerKey: toHex(deployerKey),
    operator: toHex(log.operator),
    cases: cases.map(({ name, evidence, rejection }) => ({
      name,
      rejection: rejection ?? null,
      evidence: JSON.parse(formatEvidence(evidence)),
    })),
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
  return [
    { name: "two roots of one size", evidence: log.sameSize(9) },
    { name: "two roots of size one", evidence: sameSize(log.head(honest, 1), log.sign(1, junk)) },
    { name: "two leaves at one index, sizes differ", evidence: log.leafConflict(7, 9, 40) },
    { name: "two leaves at one index, sizes equal", evidence: log.leafConflict(5, 17, 17) },
    { name: "two leaves at the last index", evidence: log.leafConflict(39, 40, 40) },
    { name: "two leaves under paths of 32 hashes", evidence: log.deepLeafConflict() },
    ...sizes.map(([from, to]) => ({
      name: `a tree of ${to} that does not extend ${from}`,
      evidence: log.inconsistent(from, to),
    })),
    {
      name: "the first leaf replaced",
      evidence: { ...log.inconsistent(1, 9), heads: [log.sign(1, junk), log.head(honest, 9)] },
    },
    { name: "two heads to ask about", evidence: log.question(log.head(fork, 6), log.head(honest, 12)) },
  ];
}

function refusedHeads(): Case[] {
  const evidence = log.sameSize(9);
  const [a, b] = evidence.heads;
  const [r, s, v] = [b.signature.slice(0, 32), b.signature.slice(32, 64), b.signature[64]!];
  const highS = fromHex(`0x${(ORDER - BigInt(toHex(s))).toString(16).padStart(64, "0")}`);
  const zero = new Uint8Array(32);
  const withSecond = (name: string, rejection: string, second: AttestedHead): Case => ({
    name,
    rejection,
    evidence: sameSize(a, second),
  });
  const signature = (name: string, rejection: string, ...parts: Uint8Array[]): Case =>
    withSecond(name, rejection, { ...b, signature: concatBytes(...parts) });
  const elsewhere = (name: string, domain: Partial<LogDomain>): Case => {
    const other = new BondedLog({ ...log.domain, ...domain }, operatorKey);
    return withSecond(name, "NotRegistered", other.head(fork, 9));
  };
  const wrong = "ECDSAInvalidSignature";
  return [
    withSecond("two sizes", "SizesDiffer", log.head(fork, 10)),
    withSecond("one head twice", "RootsEqual", a),
    {
      name: "empty trees",
      rejection: "EmptyCheckpoint",
      evidence: sameSize(log.sign(0, zero), log.sign(0, junk)),
    },
    withSecond("a stranger's head", "NotRegistered", log.sign(9, junk, strangerKey)),
    withSecond("a root changed after signing", "NotRegistered", { ...b, root: junk }),
    elsewhere("another log's head", { logId: junk }),
    elsewhere("another chain's head", { chainId: 1 }),
    elsewhere("another contract's head", { bond: new Uint8Array(20) }),
    signature("v of 0 or 1", wrong, r, s, Uint8Array.of(v - 27)),
    signature("v of 29", wrong, r, s, Uint8Array.of(29)),
    signature("high s", `${wrong}S`, r, highS, Uint8Array.of(55 - v)),
    signature("r of zero", wrong, zero, s, Uint8Array.of(v)),
    signature("s of zero", wrong, r, zero, Uint8Array.of(v)),
    signature("64 bytes", `${wrong}Length`, r, s),
    signature("66 bytes", `${wrong}Length`, r, s, Uint8Array.of(v, v)),
    signature("no signature", `${wrong}Length`),
  ];
}

function refusedLeaves(): Case[] {
  const good = log.leafConflict(7, 9, 40);
  const [first, second] = good.leaves;
  const { path } = second;
  const leaf = (name: string, rejection: string, change: Partial<LeafProof>): Case => ({
    name,
    rejection,
    evidence: { ...good, leaves: [first, { ...second, ...change }] },
  });
  const [a, b] = good.heads;
  return [
    leaf("one leaf twice", "LeavesEqual", first),
    leaf("a hash missing", "PathDoesNotFit", { path: path.slice(1) }),
    leaf("a hash too many", "PathDoesNotFit", { path: [...path, junk] }),
    leaf("an inner node for a leaf", "PathDoesNotFit", { leafHash: fork.node(1, 3), path: path.slice(1) }),
    leaf("a leaf path of 65 hashes", "PathTooLong", { path: Array<Uint8Array>(65).fill(junk) }),
    leaf("another sibling of the leaf", "RootMismatch", { path: [junk, ...path.slice(1)] }),
    leaf("a leaf not in the tree", "RootMismatch", { leafHash: junk }),
    { name: "another index", rejection: "RootMismatch", evidence: { ...good, index: 6 } },
    { name: "an index outside the tree", rejection: "IndexOutsideTree", evidence: { ...good, index: 9 } },
    { name: "leaves of swapped heads", rejection: "PathDoesNotFit", evidence: { ...good, heads: [b, a] } },
  ];
}

function refusedConsistency(): Case[] {
  const good = log.inconsistent(7, 12);
  const [older, newer] = good.heads;
  const changed = (name: string, rejection: string, change: Partial<Inconsistent>): Case => ({
    name,
    rejection,
    evidence: { ...good, ...change },
  });
  const extended = (name: string, from: number, to: number, tree = honest): Case =>
    changed(name, "Consistent", {
      heads: [log.head(honest, from), log.head(tree, to)],
      ...consistencyNodes(from, to, tree.node),
    });
  return [
    extended("an honest tree of 2 after 1", 1, 2),
    extended("an honest tree of 12 after 7", 7, 12),
    extended("an honest tree of 12 after 8", 8, 12),
    extended("an honest tree of 40 after 32", 32, 40),
    extended("a fork right after the smaller head", 5, 12, fork),
    changed("the heads swapped", "SizesNotAscending", { heads: [newer, older] }),
    changed("one size twice", "SizesNotAscending", { heads: [newer, newer] }),
    changed("an empty older head", "SizesNotAscending", { heads: [log.sign(0, junk), newer] }),
    changed("a hash of the path missing", "PathDoesNotFit", { path: good.path.slice(1) }),
    changed("a hash of the path too many", "PathDoesNotFit", { path: [...good.path, junk] }),
    changed("a path of 65 hashes", "PathTooLong", { path: Array<Uint8Array>(65).fill(junk) }),
    changed("another seed", "RootMismatch", { seed: junk }),
    changed("another sibling on the path", "RootMismatch", { path: [junk, ...good.path.slice(1)] }),
    changed("nodes of the smaller head's tree", "RootMismatch", consistencyNodes(7, 12, fork.node)),
    {
      name: "a question about descending sizes",
      rejection: "SizesNotAscending",
      evidence: log.question(newer, older),
    },
  ];
}

function sameSize(a: AttestedHead, b: AttestedHead): Evidence {
  return { kind: "same-size", log: log.domain, heads: [a, b] };
}
