/**
 * EpiSub as a libp2p service: carries out what the machine (step.ts) decides, for any number of topics. Needs identify,
 * which tells who speaks the protocol. Holds no protocol state of its own.
 */
import { type Logger, type Startable, serviceCapabilities, serviceDependencies } from "@libp2p/interface";
import type { Multiaddr } from "@multiformats/multiaddr";
import { TypedEventEmitter } from "main-event";
import { byPeer, foreignGroup } from "./address.ts";
import { decodeFrame, encodeFrame, type Frame, WIRE } from "./codec.ts";
import type { EpisubComponents, EpisubEvents, EpisubInit, EpisubStats, NeighborView } from "./episub.ts";
import { LINK_LIMITS } from "./limits.ts";
import type { Message, MessageId, PeerInfo } from "./messages.ts";
import { MalformedMessage } from "./protobuf.ts";
import { Pulse } from "./pulse.ts";
import { RecordBook, sealRecord } from "./records.ts";
import { createState, type Effect, type Event, isWaiting, type State, type Verdict } from "./state.ts";
import { step } from "./step.ts";
import { PROTOCOL, Switchboard } from "./switchboard.ts";
import { ValidationQueue, type ValidationRequest } from "./validation.ts";
import { neighborsOf, statsOf } from "./views.ts";

export class Episub extends TypedEventEmitter<EpisubEvents> implements Startable {
  readonly [Symbol.toStringTag] = "@sequencer/episub";
  readonly [serviceCapabilities]: string[] = [PROTOCOL];
  readonly [serviceDependencies]: string[] = ["@libp2p/identify"];

  readonly #components: EpisubComponents;
  readonly #init: EpisubInit;
  readonly #log: Logger;
  readonly #records = new RecordBook();
  readonly #topics = new Map<string, State>();
  readonly #direct: ReadonlyMap<string, readonly Multiaddr[]>;
  readonly #switchboard: Switchboard;
  readonly #validation: ValidationQueue;
  readonly #speakers = new Set<string>();
  readonly #events: { topic: string; state: State; event: Event }[] = [];
  #isDispatching = false;
  #self: PeerInfo;
  readonly #pulse: Pulse;
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
    this.#direct = byPeer(init.directPeers ?? []);
    const validated = this.#validated.bind(this);
    this.#validation = new ValidationQueue(init.validate, LINK_LIMITS.validationsMax, validated);
    const events = {
      frame: (peer: string, bytes: Uint8Array) => this.#receive(peer, bytes),
      connected: (peer: string) => this.#tellAll({ type: "connected", peer }),
      disconnected: (peer: string) => this.#tellAll({ type: "disconnected", peer }),
      drained: (peer: string) => this.#tellAll({ type: "drained", peer }),
      malformed: (peer: string, error: unknown) => this.#malformed(peer, error),
      isNeeded: (peer: string) => [...this.#topics.values()].some(({ active }) => active.has(peer)),
    };
    const addressesOf = (peer: string) => this.#direct.get(peer) ?? this.#records.addressesOf(peer);
    this.#switchboard = new Switchboard(components, events, addressesOf, this.#log);
    const { tickMs, idleTickMs } = LINK_LIMITS;
    this.#pulse = new Pulse(this.#tick.bind(this), this.#isBusy.bind(this), tickMs, idleTickMs);
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
    this.#pulse.start();
  }

  async stop(): Promise<void> {
    const { registrar, events } = this.#components;
    this.#pulse.stop();
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
    const { flood = false } = options;
    const bytesMax = flood ? WIRE.floodBytesMax : WIRE.payloadBytesMax;
    if (payload.length > bytesMax) throw new RangeError(`a payload has at most ${bytesMax} bytes`);
    this.#stateOf(topic);
    const id = this.#init.messageId(payload);
    this.#dispatch(topic, { type: "publish", id, payload, flood });
    return id;
  }

  /** The log is verified up to `order` by other means: announcements are believed that much further. */
  setHead(topic: string, order: number): void {
    this.#stateOf(topic);
    this.#dispatch(topic, { type: "head", order });
  }

  neighbors(topic: string): NeighborView[] {
    return neighborsOf(this.#stateOf(topic), (peer) => this.#switchboard.queueBytes(peer));
  }

  stats(topic: string): EpisubStats {
    return statsOf(this.#stateOf(topic), this.neighbors(topic));
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

  #isBusy(): boolean {
    return this.#switchboard.isDialing || [...this.#topics.values()].some(isWaiting);
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
    const frame = this.#decode(bytes);
    const checked = this.#records.check(from, frame.message);
    if (checked instanceof Promise)
      return checked.then((message) => this.#handle(from, frame.topic, message));
    this.#handle(from, frame.topic, checked);
    return frame.message.type === "gossip" ? this.#validation.roomForMore() : undefined;
  }

  /** A payload that the application cannot name is as malformed as a frame that cannot be read. */
  #decode(bytes: Uint8Array): Frame {
    try {
      return decodeFrame(bytes, this.#init.messageId);
    } catch (error) {
      throw error instanceof MalformedMessage
        ? error
        : new MalformedMessage("not a payload", { cause: error });
    }
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
    this.#log.error("a message of %s was not handled - %e", peer, error);
    // Anything else is a fault of ours: the link is cut, but the peer is not blamed.
    if (!(error instanceof MalformedMessage)) return;
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
    const state = this.#topics.get(topic);
    if (state !== undefined) this.#events.push({ topic, state, event });
    if (this.#isDispatching) return;
    this.#isDispatching = true;
    try {
      for (let next = this.#events.shift(); next !== undefined; next = this.#events.shift()) {
        for (const effect of step(next.state, next.event, this.#env(next.topic)))
          this.#perform(next.topic, effect);
      }
    } finally {
      this.#isDispatching = false;
    }
    this.#pulse.notice();
  }

  #env(topic: string) {
    return {
      now: Date.now(),
      random: Math.random,
      known: (id: MessageId) => this.#init.known?.(topic, id) ?? false,
      groupOf: (peer: string) =>
        foreignGroup(this.#switchboard.remoteAddress(peer), this.#components.addressManager.getAddresses()),
    };
  }

  #perform(topic: string, effect: Effect): void {
    switch (effect.type) {
      case "send":
        this.#send(effect.to, { topic, message: effect.message });
        return;
      case "connect":
        this.#switchboard.connect(effect.peer.peer, Date.now());
        return;
      case "validate":
        this.#validation.add({ topic, from: effect.from, id: effect.id, payload: effect.payload });
        return;
      case "ban":
        this.#switchboard.ban(effect.peer, Date.now() + effect.forMs);
        this.safeDispatchEvent("banned", { detail: { peer: effect.peer, reason: effect.reason } });
        return;
      case "deliver": {
        const { type, ...detail } = effect;
        this.safeDispatchEvent("message", { detail: { topic, ...detail } });
        return;
      }
      default: {
        const { type, ...detail } = effect;
        this.safeDispatchEvent(type, { detail: { topic, ...detail } });
      }
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
