/**
 * The genesis of test logs: `operator` is the admin.
 */
import { compareBytes } from "../../src/base/bytes.ts";
import type { PrimaryNodeOptions } from "../../src/node/primary-node.ts";
import { operator } from "./accounts.ts";

/** @param writers addresses */
export function genesisFor(writers: readonly Uint8Array[]): PrimaryNodeOptions["genesis"] {
  return { origin: "example.com/log", admins: [operator.address], writers: [...writers].sort(compareBytes) };
}
