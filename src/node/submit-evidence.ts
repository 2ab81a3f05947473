/**
 * Brings held evidence to the chain: whatever is complete slashes at once, the rest becomes a challenge. It holds
 * nothing between calls and is safe to repeat, by any number of watchtowers.
 */
import type { Logger } from "pino";
import { describeError } from "../base/errors.ts";
import type { BondChain } from "../slashing/bond-chain.ts";
import { contractErrorOf } from "../slashing/chain-error.ts";
import { type Evidence, signerOf } from "../slashing/evidence.ts";
import { pressChallenge } from "../slashing/press-challenge.ts";
import { rewardSecretOf, slashWithEvidence } from "../slashing/slasher.ts";
import { isComplete } from "./evidence-keeper.ts";

export interface SubmitOptions {
  readonly privateKey: Uint8Array;
  readonly reward: boolean;
  readonly logger: Logger;
  readonly signal: AbortSignal;
}

/**
 * @param held of one log, complete evidence first
 * @throws SequencerError `chain` if the chain cannot be reached, or the account cannot pay
 */
export async function submitEvidence(
  chain: BondChain,
  held: readonly Evidence[],
  options: SubmitOptions,
): Promise<void> {
  const { logger } = options;
  for (const evidence of held) {
    const { status, stakeWei } = await chain.state(evidence.log.logId, signerOf(evidence));
    if (status === "slashed") return stakeWei > 0n ? await burn(chain, evidence, logger) : undefined;
    if (status !== "active" && status !== "exiting") continue;
    try {
      await submit(chain, evidence, options);
    } catch (error) {
      if (contractErrorOf(error) === undefined) throw error;
      logger.error({ kind: evidence.kind }, `the evidence was not taken: ${describeError(error)}`);
    }
  }
  const [first] = held;
  if (first === undefined) return;
  const { status, stakeWei } = await chain.state(first.log.logId, signerOf(first));
  if (status === "slashed" && stakeWei > 0n) await burn(chain, first, logger);
}

async function submit(
  chain: BondChain,
  evidence: Evidence,
  { privateKey, reward, logger, signal }: SubmitOptions,
): Promise<void> {
  if (!isComplete(evidence)) {
    logger.warn({ challenge: await pressChallenge(chain, evidence) }, "the operator is asked for its data");
    return;
  }
  const rewardSecret = reward ? { rewardSecret: rewardSecretOf(privateKey) } : {};
  const { outcome, transaction } = await slashWithEvidence(chain, evidence, { signal, ...rewardSecret });
  logger.warn({ outcome, kind: evidence.kind, transaction }, "SLASHED: the operator lost its stake");
}

/** Forfeited stake can go nowhere else; whoever is first sends it there. */
async function burn(chain: BondChain, evidence: Evidence, logger: Logger): Promise<void> {
  try {
    const { transactionHash } = await chain.burn(evidence.log.logId, signerOf(evidence));
    logger.warn({ transaction: transactionHash }, "the forfeited stake is burnt");
  } catch (error) {
    if (contractErrorOf(error) !== "NothingOwed") throw error;
  }
}
