/**
 * What travels over EpiSub: blocks (SPEC section 4), and evidence as JSON text. A block's identity is
 * (first, size, root): a gap is seen at once, and a fork is never mistaken for a duplicate.
 */
import { concatBytes, equalBytes, fromBase64, toHexDigits, u64be } from "../base/bytes.ts";
import { HASH_BYTES, sha256 } from "../base/hash.ts";
import { type Block, decodeBlock, growthUnder } from "../log/block.ts";
import type { CheckpointVerifier, SignedHead } from "../log/checkpoint.ts";
import type { TreeGrowth } from "../log/growth.ts";
import type { Log } from "../log/log.ts";
import type { MessageId } from "./episub/messages.ts";

/** The first byte of a block is that of a number below 2^53, so no block begins like JSON. */
const JSON_FIRST_BYTE = 0x7b;

export function isEvidence(payload: Uint8Array): boolean {
  return payload[0] === JSON_FIRST_BYTE;
}

/** True for the name of a block; evidence has no place in the log's order. */
export function isBlock({ order }: MessageId): boolean {
  return order > 0;
}

/** Names a payload before anything of it is verified. @throws if it is neither a block nor evidence */
export function messageIdOf(payload: Uint8Array): MessageId {
  if (isEvidence(payload)) return { key: toHexDigits(sha256(payload)), order: 0 };
  const block = decodeBlock(payload);
  const [, size, root] = block === undefined ? [] : block.note.split("\n", 3);
  const rootBytes = fromBase64(root ?? "");
  if (block === undefined || Number(size) !== block.first + block.count || rootBytes?.length !== HASH_BYTES) {
    throw new Error("neither a block nor evidence");
  }
  const order = block.first + block.count;
  return { key: toHexDigits(concatBytes(u64be(block.first), u64be(order), rootBytes)), order };
}

export interface VerifiedBlock {
  readonly block: Block;
  readonly head: SignedHead;
  readonly growth: TreeGrowth;
}

/** A block whose head the operator signed, and whose frontier and entries give that head; undefined otherwise. */
export function openBlock(payload: Uint8Array, checkpoints: CheckpointVerifier): VerifiedBlock | undefined {
  const block = decodeBlock(payload);
  if (block === undefined) return undefined;
  const head = checkpoints.open(block.note);
  const growth = head === undefined ? undefined : growthUnder(block, head);
  return head === undefined || growth === undefined ? undefined : { block, head, growth };
}

/** True if the log has stored the block of this name, this very one and not another of its size. */
export function isStored(id: MessageId, log: Log): boolean {
  const { key, order } = id;
  return isBlock(id) && order <= log.committed.size && key.endsWith(toHexDigits(log.rootAt(order)));
}

export function sameHashes(a: readonly Uint8Array[], b: readonly Uint8Array[]): boolean {
  return a.length === b.length && a.every((hash, i) => equalBytes(hash, b[i]!));
}
