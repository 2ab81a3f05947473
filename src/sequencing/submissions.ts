/**
 * What waits to get into the log: operations that were submitted together, and whoever wants to know what became of
 * them.
 */
import type { Outcome } from "./outcome.ts";
import type { OrderableOperation, OrderablePermissionChange } from "./transaction.ts";
import { packBatch, packedBatchLength, TransactionBatch } from "./transaction-batch.ts";

/** A payload on its way into the log. */
export interface Submission {
  readonly payload: Uint8Array;
  readonly operation: OrderableOperation;
  /** 32 bytes. */
  readonly id: Uint8Array;
  /** Called exactly once. */
  settle(outcome: Outcome): void;
}

/** The payloads of one request on their way into the log. Many wait for their block: it holds nothing for each. */
export interface Submissions {
  readonly batch: TransactionBatch;
  /** Those that are permission changes, by their places. */
  readonly changes?: ReadonlyMap<number, OrderablePermissionChange>;
  /** Called exactly once for each place. */
  settle(i: number, outcome: Outcome): void;
}

/** Makes one of many; their verdicts are not in it. */
export function packSubmissions(all: readonly Submission[]): Submissions {
  const bytes = new Uint8Array(packedBatchLength(all.map(({ payload }) => payload)));
  packBatch(
    all.map(({ id, payload, operation: { from, expires } }) => ({
      id,
      from,
      expires,
      isSigned: false,
      payload,
    })),
    bytes,
  );
  const changes = new Map<number, OrderablePermissionChange>();
  for (const [i, { operation }] of all.entries()) {
    if (operation.type === "permission") changes.set(i, operation);
  }
  return {
    batch: new TransactionBatch(all.length, bytes),
    ...(changes.size > 0 && { changes }),
    settle: (i, outcome) => all[i]!.settle(outcome),
  };
}
