/**
 * Slashing with complete evidence while others try the same: commit, wait, reveal, and never send what cannot
 * succeed. It holds nothing between calls: what was done is read from the chain, so a restart goes on where it was.
 */
import { setTimeout as delay } from "node:timers/promises";
import { type Hex, toHex } from "../base/bytes.ts";
import { deriveKey } from "../base/hash.ts";
import { CHAIN_COMMIT_WAIT_MS, CHAIN_POLL_MS } from "../base/limits.ts";
import { type CompleteEvidence, commitmentOf, type Reveal } from "./bond-calls.ts";
import type { BondChain } from "./bond-chain.ts";
import { contractErrorOf, isUnreachable } from "./chain-error.ts";
import { signerOf } from "./evidence.ts";

export interface SlashResult {
  /** "already-slashed" is as good: the stake is gone, and only once. */
  readonly outcome: "slashed" | "already-slashed";
  readonly transaction?: Hex;
}

export interface SlashOptions {
  /** 32 bytes that make the commitment's salt: commits, waits and is owed the reward. Without it: at once, unpaid. */
  readonly rewardSecret?: Uint8Array;
  readonly pollMs?: number;
  readonly signal?: AbortSignal;
}

/** @throws SequencerError `chain` if the contract refuses the evidence or the chain cannot be reached */
export async function slashWithEvidence(
  chain: BondChain,
  evidence: CompleteEvidence,
  { rewardSecret, pollMs = CHAIN_POLL_MS, signal }: SlashOptions,
): Promise<SlashResult> {
  try {
    await chain.trySlash(evidence);
    if (rewardSecret === undefined) return slashed(await chain.slash(evidence));
    const reveal = { reporter: chain.address, salt: saltFor(evidence, rewardSecret) };
    await commitOnce(chain, commitmentOf(evidence, reveal));
    const deadline = performance.now() + CHAIN_COMMIT_WAIT_MS;
    while (!(await isMature(chain, evidence, reveal)) && performance.now() < deadline) {
      await delay(pollMs, undefined, { signal });
    }
    return slashed(await chain.slash(evidence, reveal));
  } catch (error) {
    // Whatever went wrong on the way, what counts is whether the bond is slashed.
    if (isUnreachable(error) || signal?.aborted === true) throw error;
    const { status } = await chain.state(evidence.log.logId, signerOf(evidence));
    if (status === "slashed") return { outcome: "already-slashed" };
    throw error;
  }
}

function slashed({ transactionHash }: { readonly transactionHash: Hex }): SlashResult {
  return { outcome: "slashed", transaction: transactionHash };
}

async function commitOnce(chain: BondChain, commitment: Uint8Array): Promise<void> {
  if ((await chain.committedAtSeconds(commitment)) !== 0) return;
  try {
    await chain.commit(commitment);
  } catch (error) {
    // Somebody may have copied it from the mempool and been faster: it names us all the same.
    if ((await chain.committedAtSeconds(commitment)) === 0) throw error;
  }
}

/** True once the contract would pay; an outage of the node is waited through. */
async function isMature(chain: BondChain, evidence: CompleteEvidence, reveal: Reveal): Promise<boolean> {
  try {
    await chain.trySlash(evidence, reveal);
    return true;
  } catch (error) {
    if (contractErrorOf(error) === "TooEarly" || isUnreachable(error)) return false;
    throw error;
  }
}

/** What the salts of an account's commitments are made with: the same after every start. */
export function rewardSecretOf(privateKey: Uint8Array): Uint8Array {
  return deriveKey(privateKey, "sequencer reward secret v1");
}

/** The same after a restart, unknown to others before the reveal, and no key once it is revealed. */
export function saltFor({ log, heads }: CompleteEvidence, secret: Uint8Array): Uint8Array {
  const statements = heads.map(({ size, root }) => `${size}:${toHex(root)}`).sort();
  return deriveKey(
    secret,
    `sequencer slash salt ${toHex(log.bond)} ${toHex(log.logId)} ${statements.join(" ")}`,
  );
}
