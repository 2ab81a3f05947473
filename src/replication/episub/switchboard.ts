/**
 * All links of a node, over all topics: opens them on demand, dials no faster than allowed, keeps bans. Knows libp2p
 * and bytes, but no protocol: service.ts tells it what to send, and is told what came.
 */
import type { Connection, Libp2pEvents, Logger, PeerId, Stream, TypedEventTarget } from "@libp2p/interface";
import type { ConnectionManager } from "@libp2p/interface-internal";
import { peerIdFromString } from "@libp2p/peer-id";
import type { Multiaddr } from "@multiformats/multiaddr";
import { Inbound } from "./inbound.ts";
import { LINK_LIMITS } from "./limits.ts";
import { Link } from "./link.ts";

export const PROTOCOL = "/episub/1.0.0";

export interface SwitchboardEvents {
  frame(peer: string, bytes: Uint8Array): Promise<void> | undefined;
  connected(peer: string): void;
  disconnected(peer: string): void;
  drained(peer: string): void;
  malformed(peer: string, error: unknown): void;
  /** Links to peers that no topic needs are closed when idle. */
  isNeeded(peer: string): boolean;
}

export interface SwitchboardComponents {
  readonly connectionManager: ConnectionManager;
  readonly events: TypedEventTarget<Libp2pEvents>;
}

export class Switchboard {
  readonly #components: SwitchboardComponents;
  readonly #events: SwitchboardEvents;
  readonly #addressesOf: (peer: string) => readonly Multiaddr[];
  readonly #log: Logger;
  readonly #links = new Map<string, Link>();
  readonly #inbound = new Map<string, Inbound>();
  readonly #bans = new Map<string, number>();
  readonly #dialQueue: string[] = [];
  readonly #stopping = new AbortController();
  #tokens: number = LINK_LIMITS.dialBurst;
  #tokensAt = 0;

  constructor(
    components: SwitchboardComponents,
    events: SwitchboardEvents,
    addressesOf: (peer: string) => readonly Multiaddr[],
    log: Logger,
  ) {
    this.#components = components;
    this.#events = events;
    this.#addressesOf = addressesOf;
    this.#log = log;
  }

  /** True while dials wait for their turn. */
  get isDialing(): boolean {
    return this.#dialQueue.length > 0;
  }

  queueBytes(peer: string): number {
    return this.#links.get(peer)?.queueBytes ?? 0;
  }

  isBanned(peer: string, now: number): boolean {
    return now < (this.#bans.get(peer) ?? 0);
  }

  /** False if a payload does not fit in the peer's queue. */
  send(
    peer: string,
    frame: { parts: readonly Uint8Array[]; length: number },
    isPayload: boolean,
    now: number,
  ): boolean {
    return this.#linkTo(peer, now).send(frame, isPayload, now);
  }

  /** Answered by `connected` or `disconnected`, never before this returns. */
  connect(peer: string, now: number): void {
    const link = this.#linkTo(peer, now);
    if (link.isOpen) queueMicrotask(() => this.#events.connected(peer));
  }

  #linkTo(peer: string, now: number): Link {
    const existing = this.#links.get(peer);
    if (existing !== undefined) return existing;
    const link: Link = new Link(now, {
      drained: () => this.#events.drained(peer),
      closed: () => {
        if (this.#links.get(peer) !== link) return;
        this.#links.delete(peer);
        queueMicrotask(() => this.#events.disconnected(peer));
      },
    });
    this.#links.set(peer, link);
    if (this.isBanned(peer, now)) link.abort(new Error("the peer is banned"));
    else if (this.#connectionTo(peer) !== undefined) this.#open(peer, link);
    else if (this.#dialQueue.length < LINK_LIMITS.dialQueueMax) this.#dialQueue.push(peer);
    else link.abort(new Error("too many dials are waiting"));
    return link;
  }

  #connectionTo(peer: string): Connection | undefined {
    const connections = this.#components.connectionManager.getConnections(peerIdFromString(peer));
    return connections.find(({ status }) => status === "open");
  }

  remoteAddress(peer: string): Multiaddr | undefined {
    return this.#connectionTo(peer)?.remoteAddr;
  }

  /** Opens a stream, over a new connection if there is none. */
  #open(peer: string, link: Link): void {
    const signal = AbortSignal.any([AbortSignal.timeout(LINK_LIMITS.dialMs), this.#stopping.signal]);
    this.#newStream(peer, signal).then(
      (stream) => {
        link.attach(stream);
        if (link.isOpen) this.#events.connected(peer);
      },
      (error: unknown) => {
        this.#log("cannot reach %s - %e", peer, error);
        link.abort(new Error("the peer cannot be reached", { cause: error }));
      },
    );
  }

  async #newStream(peer: string, signal: AbortSignal): Promise<Stream> {
    const addresses = this.#addressesOf(peer);
    const peerId = peerIdFromString(peer);
    const known = addresses.map((address) =>
      address.toString().includes("/p2p/") ? address : address.encapsulate(`/p2p/${peer}`),
    );
    const connection =
      this.#connectionTo(peer) ??
      (await this.#components.connectionManager.openConnection(known.length > 0 ? known : peerId, {
        signal,
      }));
    return connection.newStream(PROTOCOL, { signal });
  }

  /** Takes the stream a peer opened to us; the newest one counts. */
  accept(stream: Stream, connection: Connection, now: number): void {
    const peer = connection.remotePeer.toString();
    if (this.isBanned(peer, now)) {
      stream.abort(new Error("the peer is banned"));
      return;
    }
    const previous = this.#inbound.get(peer);
    const inbound: Inbound = new Inbound(stream, {
      frame: (bytes) => this.#events.frame(peer, bytes),
      failed: (error) => {
        inbound.abort(new Error("what the peer sent cannot be read", { cause: error }));
        this.#events.malformed(peer, error);
      },
      closed: () => {
        if (this.#inbound.get(peer) !== inbound) return;
        this.#inbound.delete(peer);
        // A neighbour that closes its side is gone, even if ours is still open.
        if (this.#events.isNeeded(peer))
          this.#links.get(peer)?.abort(new Error("the peer closed its stream"));
      },
    });
    this.#inbound.set(peer, inbound);
    previous?.abort(new Error("a newer stream replaces this one"));
  }

  /** Cuts every link and connection to the peer, and refuses it until then. */
  ban(peer: string, until: number): void {
    this.#bans.delete(peer);
    this.#bans.set(peer, until);
    if (this.#bans.size > LINK_LIMITS.bansMax) this.#bans.delete(this.#bans.keys().next().value!);
    const reason = new Error("the peer is banned");
    this.#inbound.get(peer)?.abort(reason);
    this.#links.get(peer)?.abort(reason);
    for (const connection of this.#components.connectionManager.getConnections(peerIdFromString(peer))) {
      connection.abort(reason);
    }
  }

  peerGone(peerId: PeerId): void {
    const reason = new Error("the connection closed");
    this.#links.get(peerId.toString())?.abort(reason);
    this.#inbound.get(peerId.toString())?.abort(reason);
  }

  /** Lets waiting dials go, cuts off who stopped reading, closes what nobody needs. */
  tick(now: number): void {
    const { dialBurst, dialsPerSecond, idleMs } = LINK_LIMITS;
    this.#tokens = Math.min(dialBurst, this.#tokens + ((now - this.#tokensAt) / 1_000) * dialsPerSecond);
    this.#tokensAt = now;
    while (this.#tokens >= 1 && this.#dialQueue.length > 0) {
      const peer = this.#dialQueue.shift()!;
      const link = this.#links.get(peer);
      if (link === undefined) continue;
      this.#tokens--;
      this.#open(peer, link);
    }
    for (const [peer, link] of this.#links) {
      if (link.isStalled(now)) link.abort(new Error("the peer does not read"));
      else if (link.isOpen && now - link.usedAt > idleMs && !this.#events.isNeeded(peer)) {
        this.#links.delete(peer);
        this.#closeQuietly(link);
      }
    }
  }

  #closeQuietly(link: Link): void {
    link.close(AbortSignal.timeout(LINK_LIMITS.closeMs)).catch((error: unknown) => {
      this.#log("closing a link failed - %e", error);
    });
  }

  /** Sends what is queued, then ends every link. */
  async stop(): Promise<void> {
    const signal = AbortSignal.timeout(LINK_LIMITS.closeMs);
    await Promise.all([...this.#links.values()].map((link) => link.close(signal)));
    this.#stopping.abort();
    for (const inbound of this.#inbound.values()) inbound.abort(new Error("the service stopped"));
  }
}
