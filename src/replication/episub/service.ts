/**
 * EpiSub as a libp2p service: carries out what the machine (step.ts) decides, for any number of topics. Needs identify,
 * which tells who speaks the protocol. Holds no protocol state of its own.
 */
import {
  type Libp2pEvents,
  type Logger,
  type PeerId,
  type PeerStore,
  type PrivateKey,
  type Startable,
  serviceCapabilities,
  serviceDependencies,
  type TypedEventTarget,
} from "@libp2p/interface";
import type { AddressManager, ConnectionManager, Registrar } from "@libp2p/interface-internal";
import type { Multiaddr } from "@multiformats/multiaddr";
import { TypedEventEmitter } from "main-event";
import { networkGroup } from "./address.ts";
import { decodeFrame, encodeFrame, type Frame, type MessageIdOf } from "./codec.ts";
import { LINK_LIMITS, type Parameters } from "./limits.ts";
import type { DisconnectReason, Message, MessageId, PeerInfo } from "./messages.ts";
import { RecordBook, sealRecord } from "./records.ts";
import {
  type Counters,
  type CutReason,
  createState,
  type Effect,
  type Event,
  type State,
  type Verdict,
} from "./state.ts";
import { step } from "./step.ts";
import { PROTOCOL, Switchboard } from "./switchboard.ts";
import { type Validate, ValidationQueue, type ValidationRequest } from "./validation.ts";

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

export function episub(init: EpisubInit): (components: EpisubComponents) => Episub {
  return (components) => new Episub(components, init);
}

export class Episub extends TypedEventEmitter<EpisubEvents> implements Startable {
  readonly [Symbol.toStringTag] = "@sequencer/episub";
  readonly [serviceCapabilities]: string[] = [PROTOCOL];
  readonly [serviceDependencies]: string[] = ["@libp2p/identify"];

  readonly #components: EpisubComponents;
  readonly #init: EpisubInit;
  readonly #log: Logger;
  readonly #records = new RecordBook();
  readonly #topics = new Map<string, State>();
  readonly #direct = new Map<string, Multiaddr[]>();
  readonly #switchboard: Switchboard;
  readonly #validation: ValidationQueue;
  readonly #speakers = new Set<string>();
  readonly #events: { topic: string; event: Event }[] = [];
  #isDispatching = false;
  #self: PeerInfo;
  #timer: NodeJS.Timeout | undefined;
  #topology: string | undefined;
  #addresses = "";
  readonly #onAddresses = () => {
    this.#refreshSelf().catch((error: unknown) => this.#log.error("signing our record failed - %e", error));
  };

  constructor(components: EpisubComponents, init: EpisubInit) {
    super();
    this.#components = components;
    this.#init = init;
    this.#log = components.logger.forComponent("sequencer:episub");
    this.#self = { peer: components.peerId.toString(), record: new Uint8Array() };
    for (const address of init.directPeers ?? []) {
      const peer = address.getComponents().findLast(({ name }) => name === "p2p")?.value;
      if (peer === undefined) throw new Error(`the address of a direct peer ends in /p2p/…: ${address}`);
      this.#direct.set(peer, [...(this.#direct.get(peer) ?? []), address]);
    }
    this.#validation = new ValidationQueue(
      init.validate,
      LINK_LIMITS.validationsMax,
      (request, verdict, error) => this.#validated(request, verdict, error),
    );
    const events = {
      frame: (peer: string, bytes: Uint8Array) => this.#receive(peer, bytes),
      connected: (peer: string) => this.#tellAll({ type: "connected", peer }),
      disconnected: (peer: string) => this.#tellAll({ type: "disconnected", peer }),
      drained: (peer: string) => this.#tellAll({ type: "drained", peer }),
      malformed: (peer: string, error: unknown) => this.#malformed(peer, error),
      isNeeded: (peer: string) => [...this.#topics.values()].some(({ active }) => active.has(peer)),
    };
    const addressesOf = (peer: string) => [
      ...(this.#direct.get(peer) ?? []),
      ...this.#records.addressesOf(peer),
    ];
    this.#switchboard = new Switchboard(components, events, addressesOf, this.#log);
  }

  async start(): Promise<void> {
    const { registrar, events } = this.#components;
    await registrar.handle(PROTOCOL, (stream, connection) => {
      this.#switchboard.accept(stream, connection, Date.now());
    });
    this.#topology = await registrar.register(PROTOCOL, {
      onConnect: (peerId) => this.#found(peerId.toString()),
      onDisconnect: (peerId) => {
        this.#speakers.delete(peerId.toString());
        this.#switchboard.peerGone(peerId);
      },
    });
    for (const change of ADDRESS_EVENTS) events.addEventListener(change, this.#onAddresses);
    this.#timer = setInterval(() => this.#tick(), LINK_LIMITS.tickMs);
  }

  async stop(): Promise<void> {
    const { registrar, events } = this.#components;
    clearInterval(this.#timer);
    for (const change of ADDRESS_EVENTS) events.removeEventListener(change, this.#onAddresses);
    if (this.#topology !== undefined) registrar.unregister(this.#topology);
    for (const topic of [...this.#topics.keys()]) this.unsubscribe(topic);
    await this.#switchboard.stop();
    await registrar.unhandle(PROTOCOL);
  }

  subscribe(topic: string): void {
    if (this.#topics.has(topic)) return;
    const directPeers = new Set(this.#direct.keys());
    const { parameters } = this.#init;
    const state = createState({ topic, self: this.#self, directPeers, ...(parameters && { parameters }) });
    this.#topics.set(topic, state);
    const contacts = [...new Set([...directPeers, ...this.#speakers])].map(unsigned);
    this.#dispatch(topic, { type: "subscribe", contacts });
  }

  unsubscribe(topic: string): void {
    this.#dispatch(topic, { type: "unsubscribe" });
    this.#topics.delete(topic);
  }

  topics(): string[] {
    return [...this.#topics.keys()];
  }

  /**
   * Pushes a payload to the eager neighbours, or with `flood` to all of them. Returns at once: a neighbour whose queue
   * is full is marked behind, it does not hold up the others.
   */
  publish(topic: string, payload: Uint8Array, options: { readonly flood?: boolean } = {}): MessageId {
    const id = this.#init.messageId(payload);
    this.#stateOf(topic);
    this.#dispatch(topic, { type: "publish", id, payload, flood: options.flood ?? false });
    return id;
  }

  /** The log is verified up to `order` by other means: announcements are believed that much further. */
  setHead(topic: string, order: number): void {
    this.#stateOf(topic);
    this.#dispatch(topic, { type: "head", order });
  }

  neighbors(topic: string): NeighborView[] {
    return [...this.#stateOf(topic).active.values()].map(({ info, near, eager, behind, rttMs }) => {
      return {
        peer: info.peer,
        near,
        eager,
        behind,
        rttMs,
        queueBytes: this.#switchboard.queueBytes(info.peer),
      };
    });
  }

  stats(topic: string): EpisubStats {
    const state = this.#stateOf(topic);
    const neighbors = this.neighbors(topic);
    return {
      ...state.counters,
      neighbors: neighbors.length,
      eager: neighbors.filter(({ eager }) => eager).length,
      passive: state.passive.size,
      missing: state.missing.size,
      cacheBytes: state.cache.bytes,
      validatingBytes: state.validatingBytes,
      queueBytes: neighbors.reduce((sum, { queueBytes }) => sum + queueBytes, 0),
    };
  }

  #stateOf(topic: string): State {
    const state = this.#topics.get(topic);
    if (state === undefined) throw new Error(`not subscribed to ${topic}`);
    return state;
  }

  #tick(): void {
    this.#switchboard.tick(Date.now());
    for (const topic of this.#topics.keys()) this.#dispatch(topic, { type: "tick" });
  }

  #found(peer: string): void {
    this.#speakers.add(peer);
    this.#tellAll({ type: "contact", peer: unsigned(peer) });
  }

  async #refreshSelf(): Promise<void> {
    const addresses = this.#components.addressManager.getAddresses();
    const names = addresses.join();
    if (names === this.#addresses) return;
    this.#addresses = names;
    this.#self = await sealRecord(this.#components.privateKey, addresses);
    this.#tellAll({ type: "self", self: this.#self });
  }

  /** A promise holds back the peer's next frame: until records are verified, or there is room for validation. */
  #receive(from: string, bytes: Uint8Array): Promise<void> | undefined {
    const frame = decodeFrame(bytes, this.#init.messageId);
    const checked = this.#records.check(from, frame.message);
    if (checked instanceof Promise)
      return checked.then((message) => this.#handle(from, frame.topic, message));
    this.#handle(from, frame.topic, checked);
    return frame.message.type === "gossip" ? this.#validation.roomForMore() : undefined;
  }

  #handle(from: string, topic: string, message: Message | undefined): void {
    if (message === undefined) return;
    if (this.#topics.has(topic)) this.#dispatch(topic, { type: "receive", from, message });
    else this.#answerStranger(from, topic, message);
  }

  /** A topic we are not in: say so to whoever believes otherwise. */
  #answerStranger(from: string, topic: string, { type }: Message): void {
    if (type === "get-topics") this.#send(from, { topic, message: { type: "topics", topics: [] } });
    if (type === "neighbor" || type === "gossip" || type === "ihave" || type === "join") {
      this.#send(from, { topic, message: { type: "disconnect", reason: "unsubscribed" } });
    }
  }

  #malformed(peer: string, error: unknown): void {
    this.#log.error("%s sent what cannot be read - %e", peer, error);
    this.#switchboard.ban(peer, Date.now() + LINK_LIMITS.malformedBanMs);
    this.safeDispatchEvent("banned", { detail: { peer, reason: "malformed" } });
  }

  #validated({ topic, id }: ValidationRequest, verdict: Verdict, error: unknown): void {
    if (error !== undefined) this.#log.error("validation threw - %e", error);
    this.#dispatch(topic, { type: "validated", key: id.key, verdict });
  }

  #tellAll(event: Event): void {
    for (const topic of this.#topics.keys()) this.#dispatch(topic, event);
  }

  /** One step at a time: what an effect brings about waits until all effects of its step are done. */
  #dispatch(topic: string, event: Event): void {
    this.#events.push({ topic, event });
    if (this.#isDispatching) return;
    this.#isDispatching = true;
    try {
      for (let next = this.#events.shift(); next !== undefined; next = this.#events.shift()) {
        const state = this.#topics.get(next.topic);
        if (state === undefined) continue;
        for (const effect of step(state, next.event, this.#env(next.topic)))
          this.#perform(next.topic, effect);
      }
    } finally {
      this.#isDispatching = false;
    }
  }

  #env(topic: string) {
    return {
      now: Date.now(),
      random: Math.random,
      known: (id: MessageId) => this.#init.known?.(topic, id) ?? false,
      groupOf: (peer: string) => networkGroup(this.#switchboard.remoteAddress(peer)),
    };
  }

  #perform(topic: string, effect: Effect): void {
    switch (effect.type) {
      case "send":
        return this.#send(effect.to, { topic, message: effect.message });
      case "connect":
        return this.#switchboard.connect(effect.peer.peer, Date.now());
      case "validate":
        return this.#validation.add({ topic, from: effect.from, id: effect.id, payload: effect.payload });
      case "ban":
        this.#switchboard.ban(effect.peer, Date.now() + effect.forMs);
        this.safeDispatchEvent("banned", { detail: { peer: effect.peer, reason: effect.reason } });
        return;
      case "deliver": {
        const { id, payload, from, hops } = effect;
        this.safeDispatchEvent("message", { detail: { topic, id, payload, from, hops } });
        return;
      }
      case "neighbor-up":
        this.safeDispatchEvent("neighbor-up", { detail: { topic, peer: effect.peer, near: effect.near } });
        return;
      case "neighbor-down":
        this.safeDispatchEvent("neighbor-down", {
          detail: { topic, peer: effect.peer, reason: effect.reason },
        });
        return;
      case "behind":
        this.safeDispatchEvent("behind", { detail: { topic, peer: effect.peer } });
        return;
      case "lost":
        this.safeDispatchEvent("lost", { detail: { topic, id: effect.id } });
    }
  }

  #send(to: string, frame: Frame): void {
    const isPayload = frame.message.type === "gossip";
    const fits = this.#switchboard.send(to, encodeFrame(frame), isPayload, Date.now());
    if (!fits) this.#tellAll({ type: "congested", peer: to });
  }
}

/** js-libp2p listens after services have started, and tells of it at once by the first, a second later by the other. */
const ADDRESS_EVENTS = ["transport:listening", "self:peer:update"] as const;

function unsigned(peer: string): PeerInfo {
  return { peer, record: new Uint8Array() };
}
