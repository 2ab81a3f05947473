/**
 * What the bond contract is told, as bytes: calls, digests and commitments. Nothing here touches a chain.
 */
import { encodeAbiParameters, encodeFunctionData, hashTypedData, keccak256 } from "viem";
import { compareBytes, fromHex, type Hex, toHex } from "../base/bytes.ts";
import { checkpointDigest } from "../base/eip712.ts";
import type { AttestedHead } from "../log/checkpoint.ts";
import {
  contextOf,
  type Evidence,
  type Inconsistent,
  type LogDomain,
  type UnansweredChallenge,
} from "./evidence.ts";
import { sequencerBondAbi as abi } from "./generated/sequencer-bond.ts";

/** Evidence that slashes in one call. */
export type CompleteEvidence = Exclude<Evidence, UnansweredChallenge>;

/** Who gets the reward, by a commitment made before. */
export interface Reveal {
  /** 20 bytes. */
  readonly reporter: Uint8Array;
  /** 32 bytes that nobody else knows before the reveal. */
  readonly salt: Uint8Array;
}

/** A challenge: that the first `oldSize` leaves of the new tree have the old root. */
export interface Question {
  readonly logId: Uint8Array;
  readonly operator: Uint8Array;
  readonly oldSize: number;
  readonly oldRoot: Uint8Array;
  readonly newSize: number;
  readonly newRoot: Uint8Array;
}

/** What `signer` signs, with signDigest, to stand under a bond that `owner` pays. */
export function possessionDigest(log: LogDomain, signer: Uint8Array, owner: Uint8Array): Uint8Array {
  const hash = hashTypedData({
    domain: { name: "Sequencer", version: "1", chainId: log.chainId, verifyingContract: toHex(log.bond) },
    types: {
      Register: [
        { name: "logId", type: "bytes32" },
        { name: "signer", type: "address" },
        { name: "owner", type: "address" },
      ],
    },
    primaryType: "Register",
    message: { logId: toHex(log.logId), signer: toHex(signer), owner: toHex(owner) },
  });
  return fromHex(hash);
}

/** What to commit before revealing evidence: it binds the pair of heads, in any order, and the reporter. */
export function commitmentOf({ log, heads }: Evidence, { reporter, salt }: Reveal): Uint8Array {
  const context = contextOf(log);
  const digests = heads.map((head) => checkpointDigest(context, head)).sort(compareBytes);
  const words = encodeAbiParameters(
    [{ type: "bytes32" }, { type: "bytes32" }, { type: "address" }, { type: "bytes32" }],
    [toHex(digests[0]!), toHex(digests[1]!), toHex(reporter), toHex(salt)],
  );
  return fromHex(keccak256(words));
}

/** The call that slashes; without a reveal it needs no commitment and pays nobody. */
export function slashCall(evidence: CompleteEvidence, reveal?: Reveal): Hex {
  const { kind, log, heads } = evidence;
  const logId = toHex(log.logId);
  const [a, b] = heads;
  const paid = {
    reporter: toHex(reveal?.reporter ?? new Uint8Array(20)),
    salt: toHex(reveal?.salt ?? new Uint8Array(32)),
  };
  switch (kind) {
    case "same-size":
      return encodeFunctionData({
        abi,
        functionName: "slashSameSize",
        args: [logId, signed(a), signed(b), paid],
      });
    case "leaf-conflict": {
      const [leafA, leafB] = evidence.leaves.map(({ leafHash, path }) => ({
        leafHash: toHex(leafHash),
        path: path.map(toHex),
      }));
      const args = [logId, BigInt(evidence.index), signed(a), leafA!, signed(b), leafB!, paid] as const;
      return encodeFunctionData({ abi, functionName: "slashLeafConflict", args });
    }
    case "inconsistent": {
      const args = [
        logId,
        signed(a),
        signed(b),
        toHex(evidence.seed),
        evidence.path.map(toHex),
        paid,
      ] as const;
      return encodeFunctionData({ abi, functionName: "slashInconsistent", args });
    }
  }
}

export function challengeCall({ log, heads: [older, newer] }: Evidence): Hex {
  const args = [toHex(log.logId), signed(older), signed(newer)] as const;
  return encodeFunctionData({ abi, functionName: "challenge", args });
}

/** The question that a challenge with these heads asks; `operator` is the signer that the bond was registered with. */
export function questionOf({ log, heads: [older, newer] }: Evidence, operator: Uint8Array): Question {
  return {
    logId: log.logId,
    operator,
    oldSize: older.size,
    oldRoot: older.root,
    newSize: newer.size,
    newRoot: newer.root,
  };
}

export function answerCall(question: Question, { seed, path }: Pick<Inconsistent, "seed" | "path">): Hex {
  const args = [questionWords(question), toHex(seed), path.map(toHex)] as const;
  return encodeFunctionData({ abi, functionName: "answer", args });
}

export function timeoutCall(question: Question): Hex {
  return encodeFunctionData({ abi, functionName: "timeout", args: [questionWords(question)] });
}

/** A head as the contract takes it. */
export function signed({ size, root, signature }: AttestedHead) {
  return { size: BigInt(size), root: toHex(root), signature: toHex(signature) };
}

/** A question as the contract states it. */
export function questionFrom(words: ReturnType<typeof questionWords>): Question {
  return {
    logId: fromHex(words.logId),
    operator: fromHex(words.operator),
    oldSize: Number(words.oldSize),
    oldRoot: fromHex(words.oldRoot),
    newSize: Number(words.newSize),
    newRoot: fromHex(words.newRoot),
  };
}

function questionWords({ logId, operator, oldSize, oldRoot, newSize, newRoot }: Question) {
  return {
    logId: toHex(logId),
    operator: toHex(operator),
    oldSize: BigInt(oldSize),
    oldRoot: toHex(oldRoot),
    newSize: BigInt(newSize),
    newRoot: toHex(newRoot),
  };
}
