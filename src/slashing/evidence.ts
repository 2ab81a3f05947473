/**
 * Evidence that an operator signed two checkpoints which cannot both be true, and its verification: the same rules in
 * the same order as contracts/BondSlashing.sol, with the contract's error names, and no network. Whether a bond
 * stands behind the signers only the chain knows.
 */
import { equalBytes } from "../base/bytes.ts";
import { checkpointDigest, type DigestContext, domainSeparator, type SigningDomain } from "../base/eip712.ts";
import { SequencerError } from "../base/errors.ts";
import { PROOF_HASHES_MAX } from "../base/limits.ts";
import { recoverSigner } from "../base/secp256k1.ts";
import type { AttestedHead } from "../log/checkpoint.ts";
import { rootFromInclusion, rootsFromConsistency } from "../log/proof.ts";

/** What the signatures of a log are bound to. */
export interface LogDomain extends SigningDomain {
  readonly logId: Uint8Array;
}

/** A leaf hash under a head, with its inclusion proof, nearest sibling first. */
export interface LeafProof {
  readonly leafHash: Uint8Array;
  readonly path: readonly Uint8Array[];
}

interface Statements {
  readonly log: LogDomain;
  /** In ascending size where the sizes have to differ. */
  readonly heads: readonly [AttestedHead, AttestedHead];
}

/** Two heads of one size with different roots. */
export interface SameSize extends Statements {
  readonly kind: "same-size";
}

/** Two leaf hashes at one index, each under one of the heads, in their order. */
export interface LeafConflict extends Statements {
  readonly kind: "leaf-conflict";
  readonly index: number;
  readonly leaves: readonly [LeafProof, LeafProof];
}

/** Nodes of the larger tree alone give its root, and another root than the one signed for the smaller. */
export interface Inconsistent extends Statements {
  readonly kind: "inconsistent";
  /** The largest perfect subtree that ends at the smaller size, always explicit. */
  readonly seed: Uint8Array;
  readonly path: readonly Uint8Array[];
}

/** Two heads whose data is withheld. It proves nothing yet: an honest operator answers it on the chain. */
export interface UnansweredChallenge extends Statements {
  readonly kind: "unanswered-challenge";
}

export type Evidence = SameSize | LeafConflict | Inconsistent | UnansweredChallenge;

/** Why the contract refuses evidence, by its own error names; its three ECDSA errors are one here. */
export type EvidenceRejection =
  | "SizesDiffer"
  | "RootsEqual"
  | "LeavesEqual"
  | "PathTooLong"
  | "IndexOutsideTree"
  | "SizesNotAscending"
  | "PathDoesNotFit"
  | "RootMismatch"
  | "Consistent"
  | "EmptyCheckpoint"
  | "InvalidSignature"
  | "NotRegistered";

/** @throws SequencerError `verification`, with the rejection in `data.rejection`. */
export function refuseEvidence(rejection: EvidenceRejection, message: string): never {
  throw new SequencerError("verification", `not evidence: ${message}`, { data: { rejection } });
}

/**
 * Checks evidence completely, offline.
 * @param signers addresses that stand under the operator's bond: genesis' operator, and keys rotated in since
 * @throws SequencerError `verification`, with `data.rejection`
 */
export function verifyEvidence(evidence: Evidence, signers: readonly Uint8Array[]): void {
  const [a, b] = evidence.heads;
  switch (evidence.kind) {
    case "same-size":
      if (a.size !== b.size) refuseEvidence("SizesDiffer", "the sizes differ");
      if (equalBytes(a.root, b.root)) refuseEvidence("RootsEqual", "the roots are equal");
      break;
    case "leaf-conflict":
      verifyLeaves(evidence);
      break;
    case "inconsistent":
      verifyInconsistent(evidence);
      break;
    case "unanswered-challenge":
      if (a.size >= b.size) refuseEvidence("SizesNotAscending", "the sizes do not ascend");
      break;
  }
  const context = contextOf(evidence.log);
  for (const head of evidence.heads) verifySigner(head, context, signers);
}

/** Who signed the first head: a key that the bond can be found by. */
export function signerOf({ log, heads: [head] }: Evidence): Uint8Array {
  const signer = recoverSigner(checkpointDigest(contextOf(log), head), head.signature);
  return signer ?? refuseEvidence("InvalidSignature", "a signature is nobody's");
}

/** What the digests of a log are made with. */
export function contextOf(log: LogDomain): DigestContext {
  return { separator: domainSeparator(log), logId: log.logId };
}

function verifyLeaves({ heads, index, leaves }: LeafConflict): void {
  if (equalBytes(leaves[0].leafHash, leaves[1].leafHash)) {
    refuseEvidence("LeavesEqual", "the leaf hashes are equal");
  }
  for (const i of [0, 1] as const) {
    const { leafHash, path } = leaves[i];
    requireBounded(path);
    if (index >= heads[i].size) refuseEvidence("IndexOutsideTree", `no leaf ${index} in ${heads[i].size}`);
    requireRoot(heads[i].root, rootFromInclusion(index, heads[i].size, leafHash, path));
  }
}

function verifyInconsistent({ heads: [older, newer], seed, path }: Inconsistent): void {
  requireBounded(path);
  if (older.size === 0 || older.size >= newer.size) {
    refuseEvidence("SizesNotAscending", "the sizes do not ascend from one");
  }
  const roots = rootsFromConsistency(older.size, newer.size, seed, path);
  requireRoot(newer.root, roots?.newRoot);
  if (roots !== undefined && equalBytes(roots.oldRoot, older.root)) {
    refuseEvidence("Consistent", "the larger tree extends the smaller");
  }
}

function requireBounded(path: readonly Uint8Array[]): void {
  if (path.length > PROOF_HASHES_MAX) refuseEvidence("PathTooLong", `a path of ${path.length} hashes`);
}

function requireRoot(signed: Uint8Array, computed: Uint8Array | undefined): void {
  if (computed === undefined) refuseEvidence("PathDoesNotFit", "the path has another length than the tree");
  if (!equalBytes(signed, computed)) refuseEvidence("RootMismatch", "the path leads to a root nobody signed");
}

function verifySigner(head: AttestedHead, context: DigestContext, signers: readonly Uint8Array[]): void {
  if (head.size === 0) refuseEvidence("EmptyCheckpoint", "a checkpoint of an empty tree says nothing");
  const signer = recoverSigner(checkpointDigest(context, head), head.signature);
  if (signer === undefined) refuseEvidence("InvalidSignature", "a signature is nobody's");
  if (!signers.some((known) => equalBytes(known, signer))) {
    refuseEvidence("NotRegistered", "a checkpoint is not signed by this log's operator");
  }
}
