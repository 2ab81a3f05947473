/**
 * Two heads whose data is withheld, brought to the chain step by step: a bonded challenge, and after the answer window
 * the slash. It holds nothing between calls; every call does whatever can be done now.
 */
import { questionOf } from "./bond-calls.ts";
import type { BondChain } from "./bond-chain.ts";
import { contractErrorOf } from "./chain-error.ts";
import { signerOf, type UnansweredChallenge } from "./evidence.ts";

/** "opened" now, "open" still inside the answer window, "answered" and so no evidence, or "slashed" by silence. */
export type ChallengeOutcome = "opened" | "open" | "answered" | "slashed";

/** @throws SequencerError `chain` */
export async function pressChallenge(
  chain: BondChain,
  evidence: UnansweredChallenge,
): Promise<ChallengeOutcome> {
  const { operator } = await chain.state(evidence.log.logId, signerOf(evidence));
  try {
    await chain.timeout(questionOf(evidence, operator));
    return "slashed";
  } catch (error) {
    const refusal = contractErrorOf(error);
    if (refusal === "TooEarly") return "open";
    if (refusal !== "NoOpenChallenge") throw error;
  }
  try {
    await chain.challenge(evidence);
    return "opened";
  } catch (error) {
    if (contractErrorOf(error) === "AlreadyChallenged") return "answered";
    throw error;
  }
}
