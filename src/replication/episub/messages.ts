/**
 * The messages of EpiSub: those of the libp2p draft (pubsub/gossipsub/episub.md, r1) and PING/PONG. Plain data;
 * how they look on the wire is codec.ts, what they do is step.ts. docs/episub.md lists every deviation.
 */

/** A peer and the signed record that lets others dial it. An empty record: known, but not to be passed on. */
export interface PeerInfo {
  readonly peer: string;
  readonly record: Uint8Array;
}

/** Names one payload. `order` is 0 where payloads have none, else it grows along the log (the size a block ends at). */
export interface MessageId {
  /** At most 64 bytes, as lower-case hexadecimal. */
  readonly key: string;
  readonly order: number;
}

/** A payload that the sender holds, and the hop count it would arrive with. */
export interface Summary {
  readonly id: MessageId;
  readonly hops: number;
}

/** Why a link ends; the number on the wire is the position in this list. */
export const DISCONNECT_REASONS = [
  "full",
  "trimmed",
  "replaced",
  "not-neighbor",
  "undelivered",
  "rejected",
  "crowded",
  "unsubscribed",
] as const;
export type DisconnectReason = (typeof DISCONNECT_REASONS)[number];

export interface Neighbor {
  readonly type: "neighbor";
  /** False asks for a link (or, over an existing one, for a fresh list); true grants it. */
  readonly accept: boolean;
  /** True for a link kept for its short round trip, false for a random one. */
  readonly near: boolean;
  readonly randomLinks: number;
  readonly nearLinks: number;
  readonly self: PeerInfo;
  readonly peers: readonly PeerInfo[];
}

export interface Gossip {
  readonly type: "gossip";
  /** Computed from the payload by the receiver, never read from the wire: it cannot lie. */
  readonly id: MessageId;
  readonly hops: number;
  /** Goes to every neighbour, eager and lazy, and does not shape the tree. */
  readonly flood: boolean;
  readonly payload: Uint8Array;
}

export type Message =
  | { readonly type: "get-nodes" }
  | { readonly type: "nodes"; readonly peers: readonly PeerInfo[]; readonly ttl: number }
  | { readonly type: "get-topics" }
  | { readonly type: "topics"; readonly topics: readonly string[] }
  | { readonly type: "join"; readonly peer: PeerInfo; readonly ttl: number }
  | { readonly type: "forward-join"; readonly peer: PeerInfo; readonly ttl: number }
  | Neighbor
  | { readonly type: "disconnect"; readonly reason: DisconnectReason }
  | { readonly type: "leave"; readonly source: string; readonly ttl: number }
  | {
      readonly type: "shuffle";
      readonly origin: PeerInfo;
      readonly peers: readonly PeerInfo[];
      readonly ttl: number;
    }
  | { readonly type: "shuffle-reply"; readonly peers: readonly PeerInfo[] }
  | Gossip
  | { readonly type: "ihave"; readonly summaries: readonly Summary[] }
  | { readonly type: "graft"; readonly ids: readonly MessageId[] }
  | { readonly type: "prune" }
  | { readonly type: "ping"; readonly nonce: number }
  | { readonly type: "pong"; readonly nonce: number };

export type MessageType = Message["type"];
