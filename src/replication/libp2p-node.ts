/**
 * The libp2p node of this project: TCP with Noise and Yamux, identify, and EpiSub. The only file that makes one.
 */
import { identify } from "@libp2p/identify";
import type { PrivateKey } from "@libp2p/interface";
import { tcp } from "@libp2p/tcp";
import { type Multiaddr, multiaddr } from "@multiformats/multiaddr";
import { createLibp2p, type Libp2p } from "libp2p";
import { SequencerError } from "../base/errors.ts";
import {
  CONNECTIONS_PER_HOST_PER_SECOND,
  GOSSIP_AHEAD_ENTRIES_MAX,
  GOSSIP_CACHE_BYTES,
} from "../base/limits.ts";
import type { Bans } from "./bans.ts";
import { messageIdOf } from "./block-messages.ts";
import { encrypter } from "./encrypter.ts";
import { episub } from "./episub/episub.ts";
import type { Parameters } from "./episub/limits.ts";
import type { MessageId } from "./episub/messages.ts";
import type { Episub } from "./episub/service.ts";
import type { Verdict } from "./episub/state.ts";
import { muxer } from "./muxer.ts";

export interface Libp2pOptions {
  readonly identity: PrivateKey;
  /** TCP port on all interfaces; 0 takes any. */
  readonly port: number;
  /** Multiaddrs to tell others instead of those of the interfaces. */
  readonly announce: readonly string[];
  /** Judges a block or evidence before it is delivered or passed on. */
  readonly validate: (payload: Uint8Array, peer: string) => Verdict | Promise<Verdict>;
  /** True for blocks that are stored already. */
  readonly isKnown: (id: MessageId) => boolean;
  readonly parameters?: Partial<Parameters>;
}

export type SequencerLibp2p = Libp2p<{ episub: Episub }>;

/** Not started yet. @param direct peers that are always wanted */
export async function createNode(
  options: Libp2pOptions,
  direct: readonly Multiaddr[],
  bans: Bans,
): Promise<SequencerLibp2p> {
  const { identity, port, announce, validate, isKnown, parameters } = options;
  return await createLibp2p({
    start: false,
    privateKey: identity,
    addresses: { listen: [`/ip4/0.0.0.0/tcp/${port}`], announce: [...announce] },
    transports: [tcp()],
    connectionEncrypters: [encrypter()],
    streamMuxers: [muxer()],
    connectionManager: { inboundConnectionThreshold: CONNECTIONS_PER_HOST_PER_SECOND },
    connectionGater: {
      denyDialPeer: (peer) => bans.has(peer.toString()),
      denyInboundEncryptedConnection: (peer) => bans.has(peer.toString()),
    },
    services: {
      identify: identify(),
      episub: episub({
        messageId: messageIdOf,
        validate: ({ payload, from }) => validate(payload, from),
        known: (_topic, id) => isKnown(id),
        directPeers: direct,
        parameters: {
          cacheBytes: GOSSIP_CACHE_BYTES,
          aheadMax: GOSSIP_AHEAD_ENTRIES_MAX,
          ...parameters,
        },
      }),
    },
  });
}

/** The peer id in a multiaddr. */
export function peerOf(address: Multiaddr): string | undefined {
  return address.getComponents().findLast(({ name }) => name === "p2p")?.value;
}

/** @throws SequencerError `usage` if it is not the multiaddr of a peer */
export function parsePeer(text: string): Multiaddr {
  try {
    const address = multiaddr(text);
    if (peerOf(address) !== undefined) return address;
  } catch {
    // Said below.
  }
  throw new SequencerError(
    "usage",
    `"${text}" is not the multiaddr of a peer, like /ip4/192.0.2.1/tcp/24445/p2p/12D3Koo…`,
  );
}
