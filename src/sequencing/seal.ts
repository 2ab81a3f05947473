/**
 * Seals a block: what was ordered becomes packed entries, their hashes, and the tree that they make.
 */
import { assert } from "../base/assert.ts";
import { HASH_BYTES } from "../base/hash.ts";
import type { TreeEdge } from "../log/growth.ts";
import type { SealedBlock } from "../log/log.ts";
import type { StoredRole } from "../log/store.ts";
import { ROLES } from "../permission/policy.ts";
import type { Grow } from "./block-hasher.ts";
import type { OrderedRun } from "./ordering.ts";

/** @param before the tree that the block extends, committed or not yet */
export async function sealBlock(
  before: TreeEdge,
  runs: readonly OrderedRun[],
  grow: Grow,
): Promise<SealedBlock> {
  const roles: StoredRole[] = [];
  const count = runs.reduce((sum, { from, to }) => sum + to - from, 0);
  const length = runs.reduce(
    (sum, { submissions, from, to }) => sum + submissions.batch.packedLength(from, to),
    0,
  );
  const entries = new Uint8Array(length);
  const ids = new Uint8Array(count * HASH_BYTES);
  let offset = 0;
  let place = 0;
  for (const {
    submissions: { batch },
    from,
    to,
    timestamp,
    change,
  } of runs) {
    batch.packInto(entries, offset, from, to, timestamp);
    ids.set(batch.ids.subarray(from * HASH_BYTES, to * HASH_BYTES), place * HASH_BYTES);
    if (change !== undefined) roles.push({ account: change.account, role: ROLES[change.role] });
    offset += batch.packedLength(from, to);
    place += to - from;
  }
  const growth = await grow(before, entries, count);
  const last = runs.at(-1)!;
  assert(growth.size === last.sequence + last.to - last.from, "the order has no gaps");
  return { growth, entries, ids, roles, lastTimestamp: last.timestamp };
}
