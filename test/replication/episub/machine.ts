/** One machine under a hand-made clock: says what happens to it, collects what it wants done. */
import type { Parameters } from "../../../src/replication/episub/limits.ts";
import type { Message, MessageId, MessageType, PeerInfo } from "../../../src/replication/episub/messages.ts";
import { createState, type Effect, type Event } from "../../../src/replication/episub/state.ts";
import { step } from "../../../src/replication/episub/step.ts";
import { seeded } from "../../simulation/random.ts";

export function info(peer: string): PeerInfo {
  return { peer, record: Uint8Array.of(1) };
}

export function id(order: number): MessageId {
  return { key: order.toString(16).padStart(4, "0"), order };
}

/** A request for a link, or the answer that grants one. */
export function neighbor(peer: string, overrides: Partial<Message & { type: "neighbor" }> = {}): Message {
  const links = { accept: false, near: false, randomLinks: 4, nearLinks: 3 };
  return { type: "neighbor", ...links, self: info(peer), peers: [], ...overrides };
}

export function gossip(order: number, hops = 1, flood = false): Message & { type: "gossip" } {
  return { type: "gossip", id: id(order), hops, flood, payload: Uint8Array.of(order) };
}

export class Machine {
  now = 1_000;
  readonly state;
  known: ((id: MessageId) => boolean) | undefined;
  groups: Record<string, string> = {};
  readonly #random = seeded(1);

  constructor(parameters: Partial<Parameters> = {}, directPeers: readonly string[] = []) {
    const self = info("me");
    this.state = createState({ topic: "t", self, parameters, directPeers: new Set(directPeers) });
    this.state.subscribed = true;
  }

  step(event: Event): Effect[] {
    return step(this.state, event, {
      now: this.now,
      random: this.#random,
      groupOf: (peer) => this.groups[peer],
      ...(this.known && { known: this.known }),
    });
  }

  receive(from: string, message: Message): Effect[] {
    return this.step({ type: "receive", from, message });
  }

  /** A payload comes, and validation says yes. */
  deliver(from: string, message: Message & { type: "gossip" }): Effect[] {
    return [
      ...this.receive(from, message),
      ...this.step({ type: "validated", key: message.id.key, verdict: "accept" }),
    ];
  }

  /** Makes peers neighbours, by their own request. */
  link(...peers: string[]): void {
    for (const peer of peers) this.receive(peer, neighbor(peer, { randomLinks: 0, nearLinks: 0 }));
  }

  /** Lets time pass in ticks of 50 ms, as the service does. */
  wait(ms: number): Effect[] {
    const effects: Effect[] = [];
    for (const end = this.now + ms; this.now < end; ) {
      this.now += 50;
      effects.push(...this.step({ type: "tick" }));
    }
    return effects;
  }

  get neighbors(): string[] {
    return [...this.state.active.keys()];
  }

  get eager(): string[] {
    return [...this.state.active.values()].filter(({ eager }) => eager).map(({ info }) => info.peer);
  }
}

/** The messages of one type among the effects, with their receivers. */
export function sent<T extends MessageType>(effects: readonly Effect[], type: T) {
  return effects.flatMap((effect) =>
    effect.type === "send" && effect.message.type === type
      ? [{ to: effect.to, message: effect.message as Message & { type: T } }]
      : [],
  );
}

export function receivers(effects: readonly Effect[], type: MessageType): string[] {
  return sent(effects, type).map(({ to }) => to);
}

export function effectsOf<T extends Effect["type"]>(effects: readonly Effect[], type: T) {
  return effects.filter((effect): effect is Effect & { type: T } => effect.type === type);
}
