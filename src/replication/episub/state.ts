/**
 * What one node knows about one topic, what can happen to it, and what it may want done. Nothing here touches a
 * socket, a timer or a clock: time, randomness and what the application already holds come in with every step.
 */
import { MessageCache } from "./cache.ts";
import { DEFAULTS, LIMITS, type Parameters } from "./limits.ts";
import type { DisconnectReason, Message, MessageId, PeerInfo } from "./messages.ts";
import type { Random } from "./random.ts";

/** A neighbour: a peer in the active view. */
export interface ActivePeer {
  info: PeerInfo;
  near: boolean;
  /** A tree edge: payloads are pushed. Otherwise they are announced. */
  eager: boolean;
  /** Its queue is full: nothing is pushed until it has drained. It catches up by range. */
  behind: boolean;
  rttMs: number | undefined;
  /** Its links and neighbours as it last told, and when. */
  randomLinks: number;
  nearLinks: number;
  peers: readonly string[];
  heardAt: number;
  /** GRAFTs it left unanswered since it last delivered. */
  undelivered: number;
  /** When the last of them was counted. */
  silentAt: number;
  /** Ids it announced that are still missing. */
  pendingIds: number;
  /** When it was pruned, and for how long after that it is not grafted for a shorter path. */
  prunedAt: number;
  backoffMs: number;
  /** Hop count of its latest announcement: a smaller one than ours means it is no descendant. */
  announcedHops: number | undefined;
}

/** A peer in the passive view. */
interface PassivePeer {
  info: PeerInfo;
  rttMs: number | undefined;
  /** Not asked for a link before this time. */
  notBefore: number;
}

/** Who announced a payload, the hops it would have taken from there, and when we were told. */
export interface Announcer {
  readonly peer: string;
  readonly hops: number;
  readonly at: number;
}

export interface MissingMessage {
  readonly id: MessageId;
  readonly announcers: Announcer[];
  /** Set by the first tick that sees it; the second one grafts. */
  marked: boolean;
  ticks: number;
  /** Announcer asked last, and when to ask the next one. */
  asked: string | undefined;
  next: number;
  retryAt: number;
}

interface Validating {
  readonly id: MessageId;
  readonly payload: Uint8Array;
  readonly flood: boolean;
  readonly receivedAt: number;
  /** The copy that is being validated. */
  readonly copy: { readonly from: string; readonly hops: number };
  /** The tree edge it is counted to, and the hops over that: a better one may bring it meanwhile. */
  from: string;
  hops: number;
  /** Who sent the same id meanwhile: asked again if this copy is rejected. */
  readonly others: string[];
}

/** What waits for an answer. */
export type Pending =
  | {
      readonly kind: "request";
      readonly near: boolean;
      readonly replaces: string | undefined;
      /** We had fewer than C_rand links when asking; the other side reads it from the counts in the request. */
      readonly isNeedy: boolean;
    }
  | { readonly kind: "join"; readonly peer: PeerInfo; readonly ttl: number; readonly from: string }
  | { readonly kind: "shuffle"; readonly origin: PeerInfo; readonly peers: readonly PeerInfo[] }
  | { readonly kind: "near-check"; readonly asker: PeerInfo }
  | { readonly kind: "rejoin" };

export type CutReason = Extract<DisconnectReason, "undelivered" | "rejected">;

export interface Counters {
  payloadsSent: number;
  payloadsReceived: number;
  payloadBytesSent: number;
  payloadBytesReceived: number;
  duplicates: number;
  delivered: number;
  rejected: number;
  ignored: number;
  /** Payloads that came while too many bytes were being validated; they are fetched again. */
  deferred: number;
  graftsSent: number;
  graftsReceived: number;
  /** Ids that a GRAFT asked for and we no longer had. */
  graftsUnserved: number;
  prunesSent: number;
  prunesReceived: number;
  lost: number;
  /** Announced ids refused: too far ahead, or too many pending. */
  announcementsRefused: number;
}

export interface Config {
  readonly topic: string;
  readonly self: PeerInfo;
  readonly parameters: Parameters;
  /** Peers named by the operator: never evicted, always wanted. */
  readonly directPeers: ReadonlySet<string>;
}

export interface State {
  readonly config: Config;
  self: PeerInfo;
  subscribed: boolean;
  readonly active: Map<string, ActivePeer>;
  readonly passive: Map<string, PassivePeer>;
  /** Who to start from again when every neighbour is gone. */
  contacts: readonly PeerInfo[];
  /** Contacts that could not be reached: one that comes back may be the way to the other side of a partition. */
  readonly lostContacts: Set<string>;
  readonly pending: Map<string, Pending & { readonly deadline: number }>;
  /** NEIGHBOR answers to our JOINs are welcome until then; a missing view is asked for until it came. */
  joiningUntil: number;
  viewWanted: boolean;
  shuffle: { readonly sent: readonly string[]; readonly deadline: number } | undefined;
  shuffleTtl: number;
  readonly pings: Map<number, { readonly peer: string; readonly sentAt: number }>;
  nextNonce: number;
  queriedAt: number;
  readonly cache: MessageCache;
  readonly validating: Map<string, Validating>;
  validatingBytes: number;
  readonly missing: Map<string, MissingMessage>;
  announcements: { readonly id: MessageId; readonly hops: number; readonly from: string | undefined }[];
  largestOrder: number | undefined;
  /** Who delivers the payloads, and since when. */
  parent: string | undefined;
  parentSince: number;
  /** When a payload was last accepted or published, or the topic joined; and whether the silence since was broken. */
  payloadAt: number;
  silenceTold: boolean;
  readonly due: Record<Timer, number>;
  readonly counters: Counters;
}

export const TIMERS = [
  "flush",
  "missing",
  "ping",
  "probe",
  "stabilise",
  "optimise",
  "shuffle",
  "rotate",
] as const;
export type Timer = (typeof TIMERS)[number];

export type Verdict = "accept" | "reject" | "ignore";

export type Event =
  | { readonly type: "tick" }
  | { readonly type: "subscribe"; readonly contacts: readonly PeerInfo[] }
  | { readonly type: "unsubscribe" }
  /** A peer that speaks the protocol was found: by a connection, or by the operator. */
  | { readonly type: "contact"; readonly peer: PeerInfo }
  | {
      readonly type: "publish";
      readonly id: MessageId;
      readonly payload: Uint8Array;
      readonly flood: boolean;
    }
  | { readonly type: "receive"; readonly from: string; readonly message: Message }
  | { readonly type: "validated"; readonly key: string; readonly verdict: Verdict }
  /** Answers to a `connect`, and the news that a peer can no longer be reached. */
  | { readonly type: "connected"; readonly peer: string }
  | { readonly type: "disconnected"; readonly peer: string }
  | { readonly type: "congested"; readonly peer: string }
  | { readonly type: "drained"; readonly peer: string }
  /** The application verified the log up to here by other means. */
  | { readonly type: "head"; readonly order: number }
  | { readonly type: "self"; readonly self: PeerInfo };

export type Effect =
  | { readonly type: "send"; readonly to: string; readonly message: Message }
  /** Try to reach a peer; answered by `connected` or `disconnected`. */
  | { readonly type: "connect"; readonly peer: PeerInfo }
  | { readonly type: "validate"; readonly from: string; readonly id: MessageId; readonly payload: Uint8Array }
  | {
      readonly type: "deliver";
      readonly from: string;
      readonly id: MessageId;
      readonly payload: Uint8Array;
      readonly hops: number;
    }
  | { readonly type: "neighbor-up"; readonly peer: string; readonly near: boolean }
  | { readonly type: "neighbor-down"; readonly peer: string; readonly reason: DisconnectReason | "gone" }
  /** Payloads are no longer pushed to this peer: it has to catch up by range. */
  | { readonly type: "behind"; readonly peer: string }
  /** Announced, asked for, never received: we have to catch up by range. */
  | { readonly type: "lost"; readonly id: MessageId }
  /** Cut every link to the peer and refuse it for a while. */
  | { readonly type: "ban"; readonly peer: string; readonly reason: CutReason; readonly forMs: number };

/** What a step may ask of the world. */
export interface Env {
  readonly now: number;
  readonly random: Random;
  /** True for an id whose content the application holds already, from catching up. */
  readonly known?: (id: MessageId) => boolean;
  /** The network (/24 or /48) a peer is dialled in, undefined where diversity does not matter. */
  readonly groupOf?: (peer: string) => string | undefined;
}

/** One step in progress. */
export interface Context {
  readonly state: State;
  readonly env: Env;
  readonly effects: Effect[];
  /** Neighbours found to be cheating; let go at the end of the step. */
  readonly cuts: { readonly peer: string; readonly reason: CutReason }[];
}

export function createState(
  config: Omit<Config, "parameters"> & { parameters?: Partial<Parameters> },
): State {
  const parameters = { ...DEFAULTS, ...config.parameters };
  return {
    config: { ...config, parameters },
    self: config.self,
    subscribed: false,
    active: new Map(),
    passive: new Map(),
    contacts: [],
    lostContacts: new Set(),
    pending: new Map(),
    joiningUntil: 0,
    viewWanted: false,
    shuffle: undefined,
    shuffleTtl: parameters.shuffleTtl,
    pings: new Map(),
    nextNonce: 1,
    queriedAt: Number.NEGATIVE_INFINITY,
    cache: new MessageCache(parameters.cacheBytes, LIMITS.cacheEntriesMax, LIMITS.seenMax),
    validating: new Map(),
    validatingBytes: 0,
    missing: new Map(),
    announcements: [],
    largestOrder: undefined,
    parent: undefined,
    parentSince: 0,
    payloadAt: 0,
    silenceTold: true,
    due: { flush: 0, missing: 0, ping: 0, probe: 0, stabilise: 0, optimise: 0, shuffle: 0, rotate: 0 },
    counters: {
      payloadsSent: 0,
      payloadsReceived: 0,
      payloadBytesSent: 0,
      payloadBytesReceived: 0,
      duplicates: 0,
      delivered: 0,
      rejected: 0,
      ignored: 0,
      deferred: 0,
      graftsSent: 0,
      graftsReceived: 0,
      graftsUnserved: 0,
      prunesSent: 0,
      prunesReceived: 0,
      lost: 0,
      announcementsRefused: 0,
    },
  };
}

/** True while something waits for a tick that comes soon: announcements to send, payloads to ask for. */
export function isWaiting({ announcements, missing }: State): boolean {
  return announcements.length > 0 || missing.size > 0;
}

/** The size that the active view is kept at: the draft's A. */
export function activeSize(parameters: Parameters): number {
  return parameters.randomLinks + parameters.nearLinks;
}

export function send(context: Context, to: string, message: Message): void {
  context.effects.push({ type: "send", to, message });
}
