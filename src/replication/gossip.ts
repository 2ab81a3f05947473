/**
 * The primary's side of gossip: pushes every block it publishes, and watches for heads signed by its own key that are
 * not in its tree, which must stop it (SPEC section 3).
 */
import { utf8 } from "../base/bytes.ts";
import { encodeBlock } from "../log/block.ts";
import type { SignedHead } from "../log/checkpoint.ts";
import type { Log, SealedBlock } from "../log/log.ts";
import { isEvidence, openBlock } from "./block-messages.ts";
import type { Verdict } from "./episub/state.ts";

/** The message that brings a published block to the replicas. */
export function blockMessage(head: SignedHead, { growth, entries }: SealedBlock): Uint8Array {
  const { first, size, frontierBefore } = growth;
  return encodeBlock({ first, count: size - first, frontier: frontierBefore, entries, note: head.note });
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
