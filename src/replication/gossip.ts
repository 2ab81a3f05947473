/**
 * The primary's side of gossip: messages for the blocks it publishes, and the watch for heads signed by its own key
 * that are not in its tree, which must stop it (SPEC section 3).
 */
import { concatBytes, utf8 } from "../base/bytes.ts";
import { encodeBlock } from "../log/block.ts";
import type { SignedHead } from "../log/checkpoint.ts";
import type { Log, SealedBlock } from "../log/log.ts";
import { isEvidence, openBlock } from "./block-messages.ts";
import type { Verdict } from "./episub/state.ts";

/**
 * The message that brings published blocks to the replicas, as one block.
 * @param head signed, of the last block's size
 * @param blocks consecutive, together within the bounds of one
 */
export function blockMessage(head: SignedHead, blocks: readonly SealedBlock[]): Uint8Array {
  const { first, frontierBefore: frontier } = blocks[0]!.growth;
  const packed = blocks.map(({ entries }) => entries);
  const entries = packed.length === 1 ? packed[0]! : concatBytes(...packed);
  return encodeBlock({ first, count: head.size - first, frontier, entries, note: head.note });
}

/** What a primary makes of a message that comes back to it. */
export function judgeEcho(
  log: Log,
  payload: Uint8Array,
  onForeignHead: (head: SignedHead) => void,
  onEvidence: (payload: Uint8Array) => Verdict,
): Verdict {
  if (isEvidence(payload)) return onEvidence(payload);
  const verified = openBlock(payload, log.checkpoints);
  if (verified === undefined) return "reject";
  if (log.holds(verified.head)) return "accept";
  onForeignHead(verified.head);
  return "ignore";
}

/** Evidence as it is flooded: its file's text. */
export function evidenceMessage(text: string): Uint8Array {
  return utf8(text);
}
