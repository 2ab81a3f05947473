/**
 * The rules of SPEC section 1 that decide about an operation at its place in the log: expiry and role. The primary
 * applies them when it orders, everybody else when they check what it ordered.
 */
import { rejected, type SequencerError } from "../base/errors.ts";
import type { Permissions } from "../permission/policy.ts";
import type { OrderableOperation } from "./transaction.ts";

/**
 * Why the operation may not stand in the log.
 * @param timestamp of its entry, Unix milliseconds
 * @param permissions after all entries before it
 */
export function refusalAt(
  timestamp: number,
  operation: OrderableOperation,
  lifetimeMs: number,
  permissions: Permissions,
): SequencerError | undefined {
  const refusal = expiryRefusal(timestamp, operation.expires, lifetimeMs);
  if (refusal !== undefined) return refusal;
  if (operation.type === "transaction") return writerRefusal(permissions, operation.from);
  if (!permissions.mayAdminister(operation.from)) {
    return rejected("not-permitted", "only an admin may change permissions");
  }
  if (!permissions.removesLastAdmin(operation)) return undefined;
  return rejected("last-admin", "the log would be left without an admin");
}

/** Why an operation may not stand in the log at that time. */
export function expiryRefusal(
  timestamp: number,
  expires: number,
  lifetimeMs: number,
): SequencerError | undefined {
  const maxExpires = timestamp + lifetimeMs;
  if (expires >= timestamp && expires <= maxExpires) return undefined;
  const times = { serverTime: timestamp, maxExpires };
  if (expires > maxExpires) {
    return rejected("expires-too-late", `a transaction may expire at most ${lifetimeMs} ms ahead`, times);
  }
  return rejected("expired", "the transaction expired before it could be ordered", times);
}

/**
 * Why nothing may be written by the account.
 * @param at where it begins in `accounts`
 */
export function writerRefusal(
  permissions: Permissions,
  accounts: Uint8Array,
  at = 0,
): SequencerError | undefined {
  if (permissions.mayWrite(accounts, at)) return undefined;
  return rejected("not-permitted", "the account may not append: an admin has to grant it the role of writer");
}
