/**
 * N nodes of the real state machine in one process, over a simulated network and clock. Deterministic: the seed is the
 * run. Nothing of the protocol is repeated here; this file only carries out effects.
 */
import type { Parameters } from "../../src/replication/episub/limits.ts";
import type { Gossip, Message, MessageId, PeerInfo } from "../../src/replication/episub/messages.ts";
import type { Random } from "../../src/replication/episub/random.ts";
import {
  createState,
  type Effect,
  type Env,
  type Event,
  type State,
  type Verdict,
} from "../../src/replication/episub/state.ts";
import { step } from "../../src/replication/episub/step.ts";
import { Agenda } from "./agenda.ts";
import { Network, type NetworkOptions } from "./network.ts";
import { seeded } from "./random.ts";

export interface WorldOptions extends Partial<Omit<NetworkOptions, "seed">> {
  readonly seed: number;
  readonly parameters?: Partial<Parameters>;
  /** Parameters of node 0, the source. */
  readonly sourceParameters?: Partial<Parameters>;
  /** Until a broken connection is noticed, at most. */
  readonly detectMs?: number;
}

/** One payload on its way: who received it when, over how many hops, from whom. */
export interface Trace {
  readonly id: MessageId;
  readonly source: number;
  readonly publishedAt: number;
  readonly deliveries: Map<number, { readonly time: number; readonly hops: number; readonly from: number }>;
  /** Payload transmissions, counted at the receivers. */
  transmissions: number;
  crossings: number;
}

/** What awaits a node, and in which of its lives: nothing outlives a restart. */
type Occurrence = { readonly node: number; readonly life: number } & (
  | { readonly type: "event"; readonly event: Event }
  | { readonly type: "tick" }
  | { readonly type: "message"; readonly from: number; readonly message: Message }
);

const TICK_MS = 50;

export class World {
  readonly states: State[] = [];
  readonly alive: boolean[] = [];
  readonly #lives: number[] = [];
  readonly network: Network;
  readonly random: Random;
  readonly traces = new Map<string, Trace>();
  readonly effects: { readonly node: number; readonly time: number; readonly effect: Effect }[] = [];
  readonly messages: Partial<Record<Message["type"], number>> = {};
  now = 0;
  verdict: (node: number, id: MessageId) => Verdict = () => "accept";
  /** Sees every message that arrives. */
  watch: ((node: number, from: number, message: Message) => void) | undefined;
  readonly #agenda = new Agenda<Occurrence>();
  readonly #options: WorldOptions;
  #published = 0;

  constructor(options: WorldOptions) {
    this.#options = options;
    this.random = seeded(options.seed);
    const { seed, regions, jitter = 0.1, loss = 0 } = options;
    this.network = new Network({ seed, jitter, loss, ...(regions && { regions }) }, this.random);
  }

  /** Starts one more node that knows `contacts`. */
  start(contacts: readonly number[]): number {
    const node = this.states.length;
    this.restart(node, contacts);
    return node;
  }

  /** Starts a node anew that was killed: the same name, an empty mind. */
  restart(node: number, contacts: readonly number[]): void {
    const parameters = { ...this.#options.parameters, ...(node === 0 && this.#options.sourceParameters) };
    const directPeers: ReadonlySet<string> = new Set();
    const life = (this.#lives[node] ?? 0) + 1;
    this.states[node] = createState({ topic: "simulation", self: infoOf(node), parameters, directPeers });
    this.alive[node] = true;
    this.#lives[node] = life;
    this.dispatch(node, { type: "subscribe", contacts: contacts.map(infoOf) });
    this.#agenda.add(this.now + TICK_MS * this.random(), { type: "tick", node, life });
  }

  /** Starts `count` nodes one after the other, each with one random contact. */
  startAll(count: number, everyMs: number): void {
    while (this.states.length < count) {
      const node = this.states.length;
      this.start(node === 0 ? [] : [Math.floor(this.random() * node)]);
      this.run(everyMs);
    }
  }

  publish(source: number, flood = false, payload: Uint8Array = new Uint8Array(1)): Trace {
    const order = ++this.#published;
    const id = { key: order.toString(16).padStart(8, "0"), order };
    const trace: Trace = {
      id,
      source,
      publishedAt: this.now,
      deliveries: new Map(),
      transmissions: 0,
      crossings: 0,
    };
    this.traces.set(id.key, trace);
    trace.deliveries.set(source, { time: this.now, hops: 0, from: source });
    this.dispatch(source, { type: "publish", id, payload, flood });
    return trace;
  }

  /** Ends nodes without a goodbye; their neighbours notice within `detectMs`. */
  kill(nodes: readonly number[]): void {
    for (const node of nodes) this.alive[node] = false;
    for (const node of nodes) {
      for (const peer of this.states[node]!.active.keys()) this.#breakLink(indexOf(peer), node);
    }
  }

  /** Cuts the network in sides; links across break. */
  partition(sides: (node: number) => number): void {
    this.network.partition(sides);
    for (const [node, state] of this.states.entries()) {
      for (const peer of state.active.keys()) {
        if (!this.network.reaches(node, indexOf(peer))) this.#breakLink(node, indexOf(peer));
      }
    }
  }

  run(forMs: number): void {
    const end = this.now + forMs;
    for (let time = this.#agenda.nextTime; time !== undefined && time <= end; time = this.#agenda.nextTime) {
      this.now = time;
      this.#happen(this.#agenda.take()!);
    }
    this.now = end;
  }

  dispatch(node: number, event: Event): void {
    if (!this.alive[node]) return;
    const env: Env = { now: this.now, random: this.random };
    for (const effect of step(this.states[node]!, event, env)) this.#perform(node, effect);
  }

  #happen(occurrence: Occurrence): void {
    const { node, life } = occurrence;
    if (!this.alive[node] || life !== this.#lives[node]) return;
    if (occurrence.type === "tick") {
      this.#agenda.add(this.now + TICK_MS, occurrence);
      this.dispatch(node, { type: "tick" });
      return;
    }
    if (occurrence.type === "event") {
      this.dispatch(node, occurrence.event);
      return;
    }
    const { from, message } = occurrence;
    this.messages[message.type] = (this.messages[message.type] ?? 0) + 1;
    if (message.type === "gossip") this.#count(from, node, message);
    this.watch?.(node, from, message);
    this.dispatch(node, { type: "receive", from: nameOf(from), message });
  }

  #count(from: number, to: number, message: Gossip): void {
    const trace = this.traces.get(message.id.key);
    if (trace === undefined) return;
    trace.transmissions++;
    if (from % 2 !== to % 2) trace.crossings++;
  }

  #perform(node: number, effect: Effect): void {
    switch (effect.type) {
      case "send":
        this.#send(node, indexOf(effect.to), effect.message);
        return;
      case "connect":
        this.#connect(node, indexOf(effect.peer.peer));
        return;
      case "validate": {
        const verdict = this.verdict(node, effect.id);
        this.dispatch(node, { type: "validated", key: effect.id.key, verdict });
        return;
      }
      case "deliver": {
        const delivery = { time: this.now, hops: effect.hops, from: indexOf(effect.from) };
        this.traces.get(effect.id.key)?.deliveries.set(node, delivery);
        return;
      }
      default:
        this.effects.push({ node, time: this.now, effect });
    }
  }

  #send(from: number, to: number, message: Message): void {
    if (!this.alive[to] || !this.network.reaches(from, to)) {
      this.#breakLink(from, to);
      return;
    }
    const time = this.network.arrival(from, to, this.now);
    if (!this.network.isLost())
      this.#agenda.add(time, { type: "message", node: to, life: this.#lives[to]!, from, message });
  }

  #connect(from: number, to: number): void {
    const reached = this.alive[to] === true && this.network.reaches(from, to);
    const event: Event = { type: reached ? "connected" : "disconnected", peer: nameOf(to) };
    this.#tell(this.now + 2 * this.network.latencyMs(from, to), from, event);
  }

  #breakLink(node: number, peer: number): void {
    const time =
      this.now + this.network.latencyMs(node, peer) + this.random() * (this.#options.detectMs ?? 200);
    this.#tell(time, node, { type: "disconnected", peer: nameOf(peer) });
  }

  #tell(time: number, node: number, event: Event): void {
    this.#agenda.add(time, { type: "event", node, life: this.#lives[node]!, event });
  }
}

export function nameOf(node: number): string {
  return `n${node}`;
}

export function indexOf(peer: string): number {
  return Number(peer.slice(1));
}

// One record per node, however many views it is in.
const infos: PeerInfo[] = [];
const RECORD = Uint8Array.of(1);

export function infoOf(node: number): PeerInfo {
  infos[node] ??= { peer: nameOf(node), record: RECORD };
  return infos[node];
}
