/**
 * Seals a block: what was ordered becomes packed entries, their hashes, and the tree that they make.
 */
import { assert } from "../base/assert.ts";
import { HASH_BYTES } from "../base/hash.ts";
import type { TreeEdge } from "../log/growth.ts";
import type { SealedBlock } from "../log/log.ts";
import { packedLength, packInto } from "../log/packed-entries.ts";
import type { StoredRole } from "../log/store.ts";
import { layOutBlock } from "../log/stored-block.ts";
import { ROLES } from "../permission/policy.ts";
import type { Grow } from "./block-hasher.ts";
import type { OrderedEntry } from "./ordering.ts";

/** @param before the tree that the block extends, committed or not yet */
export async function sealBlock(
  before: TreeEdge,
  ordered: readonly OrderedEntry[],
  grow: Grow,
): Promise<SealedBlock> {
  const { value, entries, ids } = layOutBlock(ordered.length, packedLength(ordered));
  const roles: StoredRole[] = [];
  packInto(entries, ordered);
  ordered.forEach(({ submission: { id, operation } }, i) => {
    ids.set(id, i * HASH_BYTES);
    if (operation.type === "permission") {
      roles.push({ account: operation.account, role: ROLES[operation.role] });
    }
  });
  const growth = await grow(before, entries, ordered.length);
  const last = ordered.at(-1)!;
  assert(growth.size === last.sequence + 1, "the order has no gaps");
  return { growth, entries, ids, value, roles, lastTimestamp: last.timestamp };
}
