/**
 * The node's place in the peer-to-peer network: who is connected, EpiSub for blocks, and the two request protocols.
 */
import type { Connection, Stream } from "@libp2p/interface";
import { peerIdFromString } from "@libp2p/peer-id";
import { type Multiaddr, multiaddr } from "@multiformats/multiaddr";
import { SequencerError } from "../base/errors.ts";
import { APPEND_STREAMS_MAX, FORWARD_MS, SYNC_RANGES_PER_PEER, SYNC_STREAMS_MAX } from "../base/limits.ts";
import { APPEND_ANSWER_BYTES_MAX, APPEND_PROTOCOL, APPEND_REQUEST_BYTES_MAX } from "./append-messages.ts";
import { Bans } from "./bans.ts";
import { type ChannelProtocol, serveStream } from "./channel.ts";
import { Channels } from "./channels.ts";
import type { Episub } from "./episub/service.ts";
import { createNode, type Libp2pOptions, parsePeer, peerOf, type SequencerLibp2p } from "./libp2p-node.ts";
import type { SyncPeer } from "./panel.ts";
import { PrimaryLine } from "./primary-line.ts";
import {
  decodeAnswer,
  encodeRequest,
  SYNC_ANSWER_BYTES_MAX,
  SYNC_PROTOCOL,
  SYNC_REQUEST_BYTES_MAX,
} from "./sync-messages.ts";

const SYNC: ChannelProtocol = {
  name: SYNC_PROTOCOL,
  requestBytesMax: SYNC_REQUEST_BYTES_MAX,
  answerBytesMax: SYNC_ANSWER_BYTES_MAX,
  channelsMax: SYNC_RANGES_PER_PEER + 1,
  streamsMax: SYNC_STREAMS_MAX,
};
const APPEND: ChannelProtocol = {
  name: APPEND_PROTOCOL,
  requestBytesMax: APPEND_REQUEST_BYTES_MAX,
  answerBytesMax: APPEND_ANSWER_BYTES_MAX,
  channelsMax: APPEND_STREAMS_MAX,
  streamsMax: APPEND_STREAMS_MAX,
};

/** Answers a request frame of a peer; undefined cuts the peer's stream off. */
export type AnswerFrame = (
  frame: Uint8Array,
  peer: string,
) => Uint8Array | undefined | Promise<Uint8Array | undefined>;

export interface NetworkOptions extends Libp2pOptions {
  /** Multiaddrs, /p2p/ id included, of peers that are always wanted. */
  readonly peers: readonly string[];
  readonly answerSync: AnswerFrame;
  /** Only a primary answers appends. */
  readonly answerAppend?: AnswerFrame;
  /** Takes what `validate` accepted. */
  readonly deliver: (payload: Uint8Array) => void;
  /** Something was announced and never came, or a peer that pushed to us fell behind. */
  readonly onMissing: () => void;
}

export class Network {
  readonly #node: SequencerLibp2p;
  readonly #direct: readonly Multiaddr[];
  /** Connected peers by the request protocol that they answer. */
  readonly #answering = { [SYNC.name]: new Set<string>(), [APPEND.name]: new Set<string>() };
  readonly #channels: Channels;
  readonly #bans: Bans;
  readonly #primary: PrimaryLine;

  private constructor(node: SequencerLibp2p, direct: readonly Multiaddr[], bans: Bans) {
    this.#node = node;
    this.#direct = direct;
    this.#bans = bans;
    this.#primary = new PrimaryLine(this.named, () => performance.now());
    this.#channels = new Channels((peer, protocol, signal) =>
      node.dialProtocol(peerIdFromString(peer), protocol, { signal }),
    );
  }

  /** Peer ids from the command line, in the order given. */
  get named(): readonly string[] {
    return this.#direct.map((address) => peerOf(address)!);
  }

  /** @throws SequencerError `configuration` if the port or an address cannot be used */
  static async start(options: NetworkOptions): Promise<Network> {
    const direct = options.peers.map(parsePeer);
    try {
      const bans = new Bans(() => performance.now());
      const node = await createNode(options, direct, bans);
      const network = new Network(node, direct, bans);
      await network.#serve(options);
      node.services.episub.addEventListener("message", ({ detail }) => options.deliver(detail.payload));
      node.services.episub.addEventListener("lost", options.onMissing);
      node.services.episub.addEventListener("banned", ({ detail }) => bans.add(detail.peer));
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
        const answer = decodeAnswer(await this.#channels.take(id, SYNC).request(encodeRequest(request)));
        if (answer === undefined) {
          this.#hangUp(id, "its answer is not readable");
          throw new SequencerError("network", "a peer's answer is not readable");
        }
        return answer;
      },
      reject: (reason) => this.#hangUp(id, reason),
    }));
  }

  /** What a peer says of where the primary is. */
  hintPrimary(peer: string, multiaddrs: readonly string[]): void {
    this.#primary.hint(peer, multiaddrs);
  }

  /** Where the primary is, as most peers say. */
  primaryHints(): string[] {
    return this.#primary.addresses();
  }

  /**
   * Sends a frame to the primary, called at the addresses that peers tell if nobody who answers appends is connected.
   * @param accept undefined for an answer that the primary would not give
   * @throws SequencerError `unavailable` if it certainly did not arrive, `network` if nobody knows
   */
  async askPrimary<T>(frame: Uint8Array, accept: (answer: Uint8Array) => T | undefined): Promise<T> {
    const [connected] = this.#primary.order(this.#answering[APPEND.name]!);
    const peer = connected ?? (await this.#dialAny(this.#primary.addresses()));
    if (peer === undefined) {
      throw new SequencerError("unavailable", "the primary cannot be reached", {
        data: { reason: "no-primary" },
      });
    }
    try {
      const accepted = accept(await this.#channels.take(peer, APPEND).request(frame, FORWARD_MS));
      if (accepted === undefined) throw new SequencerError("network", "the answer is not the primary's");
      this.#primary.proved(peer);
      return accepted;
    } catch (error) {
      this.#primary.failed(peer);
      throw error;
    }
  }

  async close(): Promise<void> {
    this.#channels.close();
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
        await this.#node.handle(protocol.name, serve, { maxInboundStreams: protocol.streamsMax });
      }
      await this.#node.register(protocol.name, {
        onConnect: (peer) => void this.#answering[protocol.name]!.add(peer.toString()),
        onDisconnect: (peer) => this.#forget(protocol, peer.toString()),
      });
    }
  }

  #forget(protocol: ChannelProtocol, peer: string): void {
    this.#answering[protocol.name]!.delete(peer);
    this.#channels.forget(peer, protocol);
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
    const signal = AbortSignal.timeout(FORWARD_MS);
    for (const address of addresses) {
      try {
        const { remotePeer } = await this.#node.dial(multiaddr(address), { signal });
        return remotePeer.toString();
      } catch {
        // The next address may be better.
      }
    }
    return undefined;
  }

  #hangUp(peer: string, reason: string): void {
    this.#bans.add(peer);
    for (const connection of this.#node.getConnections(peerIdFromString(peer)))
      connection.abort(new Error(reason));
  }
}
