/**
 * The node's place in the peer-to-peer network: libp2p over TCP with Noise and Yamux, EpiSub for blocks, and the two
 * request protocols. The only file that makes a libp2p node.
 */
import { noise } from "@chainsafe/libp2p-noise";
import { yamux } from "@chainsafe/libp2p-yamux";
import { identify } from "@libp2p/identify";
import type { Connection, PrivateKey, Stream } from "@libp2p/interface";
import { peerIdFromString } from "@libp2p/peer-id";
import { tcp } from "@libp2p/tcp";
import { type Multiaddr, multiaddr } from "@multiformats/multiaddr";
import { createLibp2p, type Libp2p } from "libp2p";
import { SequencerError } from "../base/errors.ts";
import {
  CONNECTIONS_PER_HOST_PER_SECOND,
  FORWARD_MS,
  SYNC_RANGES_PER_PEER,
  SYNC_STREAMS_MAX,
} from "../base/limits.ts";
import { APPEND_FRAME_BYTES_MAX, APPEND_PROTOCOL } from "./append-messages.ts";
import { messageIdOf } from "./block-messages.ts";
import { Channel, type ChannelProtocol, serveStream } from "./channel.ts";
import { episub } from "./episub/episub.ts";
import type { Parameters } from "./episub/limits.ts";
import type { MessageId } from "./episub/messages.ts";
import type { Episub } from "./episub/service.ts";
import type { Verdict } from "./episub/state.ts";
import type { SyncPeer } from "./panel.ts";
import { decodeAnswer, encodeRequest, SYNC_FRAME_BYTES_MAX, SYNC_PROTOCOL } from "./sync-messages.ts";

const SYNC: ChannelProtocol = { name: SYNC_PROTOCOL, frameBytesMax: SYNC_FRAME_BYTES_MAX };
const APPEND: ChannelProtocol = { name: APPEND_PROTOCOL, frameBytesMax: APPEND_FRAME_BYTES_MAX };

/** Answers a request frame of a peer; undefined cuts the peer's stream off. */
export type AnswerFrame = (
  frame: Uint8Array,
  peer: string,
) => Uint8Array | undefined | Promise<Uint8Array | undefined>;

export interface NetworkOptions {
  readonly identity: PrivateKey;
  /** TCP port on all interfaces; 0 takes any. */
  readonly port: number;
  /** Multiaddrs to tell others instead of those of the interfaces. */
  readonly announce: readonly string[];
  /** Multiaddrs, /p2p/ id included, of peers that are always wanted. */
  readonly peers: readonly string[];
  readonly answerSync: AnswerFrame;
  /** Only a primary answers appends. */
  readonly answerAppend?: AnswerFrame;
  /** Judges a block or evidence before it is delivered or passed on. */
  readonly validate: (payload: Uint8Array, peer: string) => Verdict | Promise<Verdict>;
  /** True for blocks that are stored already. */
  readonly isKnown: (id: MessageId) => boolean;
  /** Takes what `validate` accepted. */
  readonly deliver: (payload: Uint8Array) => void;
  /** Something was announced and never came, or a peer that pushed to us fell behind. */
  readonly onMissing: () => void;
  readonly parameters?: Partial<Parameters>;
}

export class Network {
  readonly #node: Libp2p<{ episub: Episub }>;
  readonly #direct: readonly Multiaddr[];
  /** Connected peers by the request protocol that they answer. */
  readonly #answering = { [SYNC.name]: new Set<string>(), [APPEND.name]: new Set<string>() };
  readonly #channels = new Map<string, Channel[]>();

  private constructor(node: Libp2p<{ episub: Episub }>, direct: readonly Multiaddr[]) {
    this.#node = node;
    this.#direct = direct;
  }

  /** @throws SequencerError `configuration` if the port or an address cannot be used */
  static async start(options: NetworkOptions): Promise<Network> {
    const direct = options.peers.map(parsePeer);
    try {
      const node = await createNode(options, direct);
      const network = new Network(node, direct);
      await network.#serve(options);
      node.services.episub.addEventListener("message", ({ detail }) => options.deliver(detail.payload));
      node.services.episub.addEventListener("lost", options.onMissing);
      await node.start();
      network.#dialDirect();
      return network;
    } catch (cause) {
      throw new SequencerError(
        "configuration",
        `cannot listen for peers on port ${options.port}${String(cause).includes("EADDRINUSE") ? ": it is in use" : ""}`,
        {
          cause,
          hint: "Choose another -p2pport, or stop what listens there",
        },
      );
    }
  }

  get peerId(): string {
    return this.#node.peerId.toString();
  }

  /** Where this node can be reached, /p2p/ id included. */
  multiaddrs(): string[] {
    return this.#node.getMultiaddrs().map(String);
  }

  /** Peer ids of connected peers. */
  peers(): string[] {
    return [...new Set(this.#node.getConnections().map(({ remotePeer }) => remotePeer.toString()))];
  }

  /** Addresses of connected peers, to find them again after a restart. */
  peerMultiaddrs(): string[] {
    const addresses = this.#node.getConnections().filter(({ direction }) => direction === "outbound");
    return addresses.map(({ remoteAddr }) => remoteAddr.toString());
  }

  /** Takes part in the gossip of a log. */
  join(topic: string): void {
    this.#node.services.episub.subscribe(topic);
  }

  publish(topic: string, payload: Uint8Array, options: { readonly flood?: boolean } = {}): void {
    this.#node.services.episub.publish(topic, payload, options);
  }

  /** Says how far the log is stored: announcements are believed that much further. */
  setHead(topic: string, size: number): void {
    this.#node.services.episub.setHead(topic, size);
  }

  stats(topic: string): ReturnType<Episub["stats"]> {
    return this.#node.services.episub.stats(topic);
  }

  /** Connected peers that serve their log. */
  syncPeers(): SyncPeer[] {
    return [...this.#answering[SYNC.name]!].map((id) => ({
      id,
      ask: async (request) => {
        const answer = decodeAnswer(
          await this.#channel(id, SYNC, SYNC_RANGES_PER_PEER + 1).request(encodeRequest(request)),
        );
        if (answer === undefined) throw new SequencerError("network", "a peer's answer is not readable");
        return answer;
      },
      reject: (reason) => void this.#hangUp(id, reason),
    }));
  }

  /**
   * Sends a frame to the primary, reached by these addresses if it is not connected yet.
   * @throws SequencerError `unavailable` if it certainly did not arrive, `network` if nobody knows
   */
  async askPrimary(frame: Uint8Array, addresses: readonly string[]): Promise<Uint8Array> {
    const [connected] = this.#answering[APPEND.name]!;
    const peer = connected ?? (await this.#dialAny(addresses));
    if (peer === undefined) {
      throw new SequencerError("unavailable", "the primary cannot be reached", {
        data: { reason: "no-primary" },
      });
    }
    return await this.#channel(peer, APPEND, 2).request(frame, FORWARD_MS);
  }

  async close(): Promise<void> {
    for (const channels of this.#channels.values()) for (const channel of channels) channel.close();
    await this.#node.stop();
  }

  async #serve({ answerSync, answerAppend }: NetworkOptions): Promise<void> {
    for (const [protocol, answer] of [
      [SYNC, answerSync],
      [APPEND, answerAppend],
    ] as const) {
      if (answer !== undefined) {
        const serve = (stream: Stream, connection: Connection): void => {
          void serveStream(stream, connection, protocol, answer);
        };
        await this.#node.handle(protocol.name, serve, { maxInboundStreams: SYNC_STREAMS_MAX });
      }
      await this.#node.register(protocol.name, {
        onConnect: (peer) => void this.#answering[protocol.name]!.add(peer.toString()),
        onDisconnect: (peer) => this.#forget(protocol, peer.toString()),
      });
    }
  }

  #forget(protocol: ChannelProtocol, peer: string): void {
    this.#answering[protocol.name]!.delete(peer);
    const key = `${protocol.name} ${peer}`;
    for (const channel of this.#channels.get(key) ?? []) channel.close();
    this.#channels.delete(key);
  }

  /** The least used of a peer's few channels. */
  #channel(peer: string, protocol: ChannelProtocol, channelsMax: number): Channel {
    const key = `${protocol.name} ${peer}`;
    const channels = this.#channels.get(key) ?? [];
    this.#channels.set(key, channels);
    const idle = channels.find(({ pending }) => pending === 0);
    if (idle !== undefined) return idle;
    if (channels.length === channelsMax) return channels.reduce((a, b) => (b.pending < a.pending ? b : a));
    const channel = new Channel(protocol, () =>
      this.#node.dialProtocol(peerIdFromString(peer), protocol.name),
    );
    channels.push(channel);
    return channel;
  }

  /** Calls these addresses, without waiting for them. */
  dial(addresses: readonly string[]): void {
    for (const address of addresses) this.#node.dial(multiaddr(address)).catch(() => undefined);
  }

  /** EpiSub keeps the direct peers once a log is joined; before that somebody has to call them. */
  #dialDirect(): void {
    for (const address of this.#direct) this.#node.dial(address).catch(() => undefined);
  }

  /** Calls the peers from the command line again, until one answers. */
  redial(): void {
    if (this.peers().length === 0) this.#dialDirect();
  }

  async #dialAny(addresses: readonly string[]): Promise<string | undefined> {
    try {
      const known = addresses.slice(0, 8).map((address) => multiaddr(address));
      if (known.length === 0) return undefined;
      const connection = await this.#node.dial(known, { signal: AbortSignal.timeout(FORWARD_MS) });
      return connection.remotePeer.toString();
    } catch {
      return undefined;
    }
  }

  async #hangUp(peer: string, reason: string): Promise<void> {
    for (const connection of this.#node.getConnections(peerIdFromString(peer)))
      connection.abort(new Error(reason));
  }
}

async function createNode(
  options: NetworkOptions,
  direct: readonly Multiaddr[],
): Promise<Libp2p<{ episub: Episub }>> {
  const { identity, port, announce, validate, isKnown, parameters } = options;
  return await createLibp2p({
    start: false,
    privateKey: identity,
    addresses: { listen: [`/ip4/0.0.0.0/tcp/${port}`], announce: [...announce] },
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux()],
    connectionManager: { inboundConnectionThreshold: CONNECTIONS_PER_HOST_PER_SECOND },
    services: {
      identify: identify(),
      episub: episub({
        messageId: messageIdOf,
        validate: ({ payload, from }) => validate(payload, from),
        known: (_topic, id) => isKnown(id),
        directPeers: direct,
        ...(parameters && { parameters }),
      }),
    },
  });
}

function parsePeer(text: string): Multiaddr {
  try {
    const address = multiaddr(text);
    if (address.getComponents().some(({ name }) => name === "p2p")) return address;
  } catch {
    // Said below.
  }
  throw new SequencerError(
    "usage",
    `"${text}" is not the multiaddr of a peer, like /ip4/192.0.2.1/tcp/24445/p2p/12D3Koo…`,
  );
}
