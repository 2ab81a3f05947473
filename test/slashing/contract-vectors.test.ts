/** The shared vectors of evidence against the deployed contract, read from their JSON without this project's codec. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { walletActions } from "viem";
import { privateKeyToAccount } from "viem/accounts";
import { fromHex, type Hex, toHex } from "../../src/base/bytes.ts";
import { signDigest } from "../../src/base/secp256k1.ts";
import { possessionDigest } from "../../src/slashing/bond-calls.ts";
import { contractErrorOf, toChainError } from "../../src/slashing/chain-error.ts";
import {
  sequencerBondAbi as abi,
  sequencerBondBytecode,
} from "../../src/slashing/generated/sequencer-bond.ts";
import { STAKE_WEI, TERMS } from "../helpers/bonded-log.ts";
import { type EvidenceVector, evidenceVectors } from "../helpers/evidence-vectors.ts";
import { type Anvil, startAnvil } from "../helpers/foundry.ts";

const { cases, operator, operatorKey, deployerKey } = evidenceVectors;
const { chainId, bond: address, logId } = cases[0]!.evidence;
const PARAMETERS = {
  minimumStake: TERMS.minimumStakeWei,
  minimumChallengeBond: TERMS.minimumChallengeBondWei,
  exitDelay: BigInt(TERMS.exitDelaySeconds),
  evidenceWindow: BigInt(TERMS.evidenceWindowSeconds),
  answerWindow: BigInt(TERMS.answerWindowSeconds),
  forceInclusion: BigInt(TERMS.forceInclusionSeconds),
};
const UNPAID = { reporter: toHex(new Uint8Array(20)), salt: toHex(new Uint8Array(32)) };

describe("the contract and the shared vectors", () => {
  let anvil: Anvil;

  before(async () => {
    anvil = await startAnvil();
    const account = privateKeyToAccount(deployerKey);
    await anvil.fund(fromHex(deployerKey));
    const sender = { account, chain: null };
    const wallet = anvil.client.extend(walletActions);
    await wallet.deployContract({ ...sender, abi, bytecode: sequencerBondBytecode, args: [PARAMETERS] });
    const log = { chainId, bond: fromHex(address), logId: fromHex(logId) };
    const digest = possessionDigest(log, fromHex(operator), fromHex(account.address));
    const possession = toHex(signDigest(digest, fromHex(operatorKey)));
    const args = [logId, operator, possession] as const;
    await wallet.writeContract({ ...sender, abi, address, functionName: "register", args, value: STAKE_WEI });
  });

  after(() => anvil.stop());

  for (const { name, rejection, evidence } of cases) {
    test(`${name}: ${rejection ?? "accepted"}`, async () => {
      const refusal = await attempt(evidence).then(
        () => null,
        (error) => contractErrorOf(toChainError(error, "slash", anvil.rpcUrl)) ?? `${error}`,
      );
      assert.equal(refusal, rejection);
    });
  }

  async function attempt({ kind, checkpoints, index, leaves, seed, proof }: EvidenceVector["evidence"]) {
    const [a, b] = checkpoints.map((head) => ({ ...head, size: BigInt(head.size) }));
    const contract = { abi, address, account: address } as const;
    switch (kind) {
      case "same-size": {
        const args = [logId, a!, b!, UNPAID] as const;
        return anvil.client.simulateContract({ ...contract, functionName: "slashSameSize", args });
      }
      case "leaf-conflict": {
        const [leafA, leafB] = leaves!.map((leaf) => ({ leafHash: leaf.leafHash, path: hashes(leaf.proof) }));
        const args = [logId, BigInt(index!), a!, leafA!, b!, leafB!, UNPAID] as const;
        return anvil.client.simulateContract({ ...contract, functionName: "slashLeafConflict", args });
      }
      case "inconsistent": {
        const args = [logId, a!, b!, seed!, hashes(proof!), UNPAID] as const;
        return anvil.client.simulateContract({ ...contract, functionName: "slashInconsistent", args });
      }
      case "unanswered-challenge": {
        const args = [logId, a!, b!] as const;
        const value = TERMS.minimumChallengeBondWei;
        return anvil.client.simulateContract({ ...contract, functionName: "challenge", args, value });
      }
      default:
        return assert.fail(`no such kind: ${kind}`);
    }
  }
});

function hashes(packed: Hex): Hex[] {
  return (packed.slice(2).match(/.{64}/g) ?? []).map((digits): Hex => `0x${digits}`);
}
