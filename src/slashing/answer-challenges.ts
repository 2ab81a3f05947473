/**
 * Answers the open challenges of a bond from its log: what keeps an honest operator from losing its stake to silence.
 * Anybody who has the log can run it, and is paid for it.
 */
import { equalBytes } from "../base/bytes.ts";
import { frontierOf, type NodeReader, rootOf } from "../log/merkle.ts";
import type { Question } from "./bond-calls.ts";
import type { BondChain } from "./bond-chain.ts";
import { contractErrorOf } from "./chain-error.ts";
import { consistencyNodes } from "./find-evidence.ts";

export interface ChallengeAnswers {
  readonly answered: readonly Question[];
  /** Open still: about heads larger than this log, or not of it. Nobody with this log alone can answer them. */
  readonly unanswerable: readonly Question[];
}

/**
 * @param tree size of the log at hand, and perfect subtrees of it
 * @throws SequencerError `chain`; it is safe to run again
 */
export async function answerChallenges(
  chain: BondChain,
  logId: Uint8Array,
  operator: Uint8Array,
  tree: { readonly size: number; readonly node: NodeReader },
): Promise<ChallengeAnswers> {
  const answered: Question[] = [];
  const unanswerable: Question[] = [];
  for (const question of await chain.openQuestions(logId, operator)) {
    const { oldSize, oldRoot, newSize, newRoot } = question;
    const hasHead = (size: number, root: Uint8Array) =>
      size <= tree.size && equalBytes(rootOf(frontierOf(size, tree.node)), root);
    if (!hasHead(oldSize, oldRoot) || !hasHead(newSize, newRoot)) {
      unanswerable.push(question);
      continue;
    }
    try {
      await chain.answer(question, consistencyNodes(oldSize, newSize, tree.node));
    } catch (error) {
      // Somebody else was faster: the question is answered all the same.
      if (contractErrorOf(error) !== "NoOpenChallenge") throw error;
    }
    answered.push(question);
  }
  return { answered, unanswerable };
}
