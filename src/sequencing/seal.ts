/**
 * Seals a block: what was ordered becomes packed entries, their hashes, and the tree that they make.
 */
import { assert } from "../base/assert.ts";
import { HASH_BYTES } from "../base/hash.ts";
import type { Log, SealedBlock } from "../log/log.ts";
import { packedLength, packInto } from "../log/packed-entries.ts";
import type { StoredRole } from "../log/store.ts";
import { layOutBlock } from "../log/stored-block.ts";
import { ROLES } from "../permission/policy.ts";
import type { OrderedEntry } from "./ordering.ts";

/** The leaf hashes of `count` packed entries, packed. */
export type HashLeaves = (packed: Uint8Array, count: number) => Uint8Array | Promise<Uint8Array>;

export async function sealBlock(
  log: Log,
  ordered: readonly OrderedEntry[],
  hashLeaves: HashLeaves,
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
  const growth = log.grow(await hashLeaves(entries, ordered.length));
  const last = ordered.at(-1)!;
  assert(growth.size === last.sequence + 1, "the order has no gaps");
  return { growth, entries, ids, value, roles, lastTimestamp: last.timestamp };
}
