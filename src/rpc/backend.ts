/**
 * What the HTTP side asks of a node, primary or replica: the log, who may append, and a way to append.
 */
import type { Log } from "../log/log.ts";
import type { Permissions } from "../permission/policy.ts";
import type { Outcome } from "../sequencing/outcome.ts";
import type { FastAppends } from "./fast-appends.ts";
import type { Source } from "./json-rpc.ts";

export interface Backend {
  readonly mode: "primary" | "replica";
  readonly version: string;
  readonly log: Log;
  /** Roles under the signed head. */
  readonly permissions: Permissions;
  /** One outcome a payload, in their order. */
  append(payloads: readonly Uint8Array[], source: Source): Promise<Outcome[]>;
  /** Where the node reads and verifies whole requests of appends in its workers. */
  readonly fastAppends?: FastAppends;
  /** The sequence number of an id, where the index still holds it. */
  sequenceOf(id: Uint8Array): number | undefined;
  /** Peer ids of connected peers. */
  peers(): string[];
  multiaddrs(): string[];
  /** State of the operator's bond, as JSON, where the node knows the chain. */
  bondStatus?(): unknown;
  /** Why the node should not be sent traffic; undefined if it should. */
  notReady(): string | undefined;
}
