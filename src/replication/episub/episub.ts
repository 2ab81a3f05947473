/**
 * EpiSub for any js-libp2p program: `services: { identify: identify(), episub: episub({ messageId, validate }) }`, then
 * subscribe, publish, and listen. The draft it follows and every deviation are in docs/episub.md.
 */
import type {
  Libp2pEvents,
  Logger,
  PeerId,
  PeerStore,
  PrivateKey,
  TypedEventTarget,
} from "@libp2p/interface";
import type { AddressManager, ConnectionManager, Registrar } from "@libp2p/interface-internal";
import type { Multiaddr } from "@multiformats/multiaddr";
import type { MessageIdOf } from "./codec.ts";
import type { Parameters } from "./limits.ts";
import type { DisconnectReason, MessageId } from "./messages.ts";
import { Episub } from "./service.ts";
import type { Counters, CutReason } from "./state.ts";
import type { Validate } from "./validation.ts";

export function episub(init: EpisubInit): (components: EpisubComponents) => Episub {
  return (components) => new Episub(components, init);
}

export interface EpisubInit {
  /**
   * Names a payload: at most 64 bytes of hexadecimal that differ where the content differs, and its place in the log
   * where there is one. Runs on every payload that arrives, before validation; throws if it is no payload at all.
   */
  readonly messageId: MessageIdOf;
  /** Nothing is delivered or forwarded before this says "accept". "reject" cuts the sender off for ten minutes. */
  readonly validate: Validate;
  /** True for ids whose content is held already, from catching up: they are not asked for. */
  readonly known?: (topic: string, id: MessageId) => boolean;
  /** Multiaddrs with /p2p/ of peers that are always wanted and never evicted. */
  readonly directPeers?: readonly Multiaddr[];
  readonly parameters?: Partial<Parameters>;
}

export interface EpisubComponents {
  readonly privateKey: PrivateKey;
  readonly peerId: PeerId;
  readonly peerStore: PeerStore;
  readonly registrar: Registrar;
  readonly addressManager: AddressManager;
  readonly connectionManager: ConnectionManager;
  readonly events: TypedEventTarget<Libp2pEvents>;
  readonly logger: { forComponent(name: string): Logger };
}

export interface EpisubEvents {
  /** Accepted by validation. */
  message: CustomEvent<{ topic: string; id: MessageId; payload: Uint8Array; from: string; hops: number }>;
  "neighbor-up": CustomEvent<{ topic: string; peer: string; near: boolean }>;
  "neighbor-down": CustomEvent<{ topic: string; peer: string; reason: DisconnectReason | "gone" }>;
  /** The peer reads too slowly: payloads are no longer pushed to it, it catches up by range. */
  behind: CustomEvent<{ topic: string; peer: string }>;
  /** Announced, asked for, never received: catch up by range. */
  lost: CustomEvent<{ topic: string; id: MessageId }>;
  banned: CustomEvent<{ peer: string; reason: CutReason | "malformed" }>;
}

export interface NeighborView {
  readonly peer: string;
  readonly near: boolean;
  readonly eager: boolean;
  readonly behind: boolean;
  readonly rttMs: number | undefined;
  readonly queueBytes: number;
}

export interface EpisubStats extends Counters {
  readonly neighbors: number;
  readonly eager: number;
  readonly passive: number;
  readonly missing: number;
  readonly cacheBytes: number;
  readonly validatingBytes: number;
  readonly queueBytes: number;
}
