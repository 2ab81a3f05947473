/**
 * Every number of EpiSub: the parameters one may tune, with their defaults, and the limits that bound what a peer can
 * make us hold. Units are last in the name. Nothing elsewhere in this folder invents a number.
 */

export interface Parameters {
  /** Random neighbours kept; the draft's C_rand = log(N) for N = 10,000. */
  readonly randomLinks: number;
  /** Near neighbours kept; the draft's C_near. 0 switches proximity off. */
  readonly nearLinks: number;
  /** Known peers that are no neighbours; the draft's P = 6 (log(N) + 1) for N = 10,000. */
  readonly passivePeers: number;
  /** Payload pushes to at most this many neighbours. A source caps it at 3-4: relaying costs 14 ms of CPU per MB with 3 children, 23 ms with 6. */
  readonly eagerMax: number;
  readonly joinTtl: number;
  readonly forwardJoinTtl: number;
  readonly shuffleTtl: number;
  readonly leaveTtl: number;
  /** Active and passive peers in a SHUFFLE besides the sender (k_a, k_p). */
  readonly shuffleActive: number;
  readonly shufflePassive: number;
  readonly shuffleMs: number;
  readonly stabiliseMs: number;
  readonly optimiseMs: number;
  readonly pingMs: number;
  /** How often some passive peers are checked for being there, subscribed, and how near. */
  readonly probeMs: number;
  readonly probeCount: number;
  /** A peer is "closer" below this fraction of another's round trip. */
  readonly alpha: number;
  readonly ihaveFlushMs: number;
  /** 100 ms in a data centre, 250 ms across the world: it must exceed what an eager path lags behind a summary. */
  readonly missingTickMs: number;
  /** Ticks until a missing payload is reported as lost. */
  readonly lostTicks: number;
  /** What one hop costs beside the network: 3 ms for 16 KiB on an idle machine, more where it is busy. */
  readonly hopMs: number;
  /** Where above 0, one random eager edge is replaced this often: a source cannot be eclipsed by its first children. */
  readonly rotateMs: number;
  readonly cacheBytes: number;
  /** Announced ids further than this above the largest accepted `order` are ignored. */
  readonly aheadMax: number;
  readonly validatingBytesMax: number;
  /** Switches for the ablations of check 12; true in any real use. */
  readonly prune: boolean;
  readonly lazyRepair: boolean;
  readonly shuffle: boolean;
  /** Learning peers from the lists in NEIGHBOR, which mixes passive views nearly as well as SHUFFLE does. */
  readonly mixing: boolean;
}

export const DEFAULTS: Parameters = {
  randomLinks: 4,
  nearLinks: 3,
  passivePeers: 42,
  eagerMax: Number.POSITIVE_INFINITY,
  joinTtl: 6,
  forwardJoinTtl: 3,
  shuffleTtl: 6,
  leaveTtl: 3,
  shuffleActive: 3,
  shufflePassive: 4,
  shuffleMs: 45_000,
  stabiliseMs: 5_000,
  optimiseMs: 30_000,
  pingMs: 10_000,
  probeMs: 10_000,
  probeCount: 2,
  alpha: 0.7,
  ihaveFlushMs: 100,
  missingTickMs: 100,
  lostTicks: 20,
  hopMs: 3,
  rotateMs: 0,
  cacheBytes: 64 * 2 ** 20,
  aheadMax: 16_384,
  validatingBytesMax: 16 * 2 ** 20,
  prune: true,
  lazyRepair: true,
  shuffle: true,
  mixing: true,
};

/**
 * For the one source of a log: random neighbours only, for it must reach all regions and serve none; few pushes, for
 * its CPU has a log to write; and one of them changes now and then.
 */
export const SOURCE_PARAMETERS = { randomLinks: 7, nearLinks: 0, eagerMax: 4, rotateMs: 30_000 } as const;

/** The pure machine's bounds. */
export const LIMITS = {
  /** Oversubscription during joins ends at this multiple of the view size; beyond it joins are refused. */
  activeFactorMax: 3,
  /** Summaries in one IHAVE, ids in one GRAFT: about 4 KiB with 48-byte ids. */
  idsPerMessageMax: 64,
  /** Announced and not received, per peer: 4,096 ids of 96 characters are about 1 MiB. */
  pendingPerPeerMax: 4_096,
  /** Peers that announced one missing id and are remembered, the first ones. */
  announcersMax: 16,
  /** Received and not announced yet: beyond it the lazy push does not wait for its timer. */
  announcementsMax: 1_024,
  /** An edge that was pruned is not tried again for a shorter path so soon: it was the slower one, or is refused. */
  prunedMs: 60_000,
  /** Doubled each time up to this. */
  prunedMaxMs: 3_600_000,
  /** GRAFTs a peer may leave unanswered before it is let go. */
  undeliveredMax: 3,
  /** Unanswered GRAFTs of so long count once: a machine that stands still for a moment answers none of them. */
  undeliveredMs: 500,
  /** After so long without a payload a node tells its neighbours the newest id it has. */
  silenceMs: 1_000,
  /** Ids remembered after their payload left the cache; about 200 bytes each. */
  seenMax: 32_768,
  /** Payloads of no size still cost an entry each. */
  cacheEntriesMax: 16_384,
  /** Peers to start from again when everybody is gone. */
  contactsMax: 16,
  /** Neighbours in one /24 or /48 network. */
  neighborsPerGroupMax: 2,
  /** Peers in one NODES, NEIGHBOR, SHUFFLE or SHUFFLEREPLY: a record is about 250 bytes. */
  peersPerMessageMax: 32,
  /** Any TTL read from the wire is cut to this: no walk is longer than the largest default. */
  ttlMax: 8,
  /** Hop counts beyond this are a lie: 10,000 nodes are reached in about 10. */
  hopsMax: 64,
  /** Half-made decisions (requests, connects, near checks, pings), each a few hundred bytes. */
  pendingMax: 256,
  /** How long one of those is kept: a dial, a handshake and a round trip across the world. */
  pendingMs: 10_000,
  /** A peer that said it is full is not asked again for so long. */
  refusedMs: 10_000,
  /** A peer whose payload was rejected stays out for so long. */
  rejectedBanMs: 600_000,
  /** Timers are drawn from this much around their period, so that nodes do not march in step. */
  jitter: 0.2,
  /** Weight of a new sample in the smoothed round trip (TCP's 1/8 adapts too slowly for a sample every 10 s). */
  rttWeight: 0.25,
} as const;

/** Bounds of the libp2p side: what one peer can make us hold, dial or wait for. */
export const LINK_LIMITS = {
  /** Queued for one peer: four seconds of 2 MB/s. A payload that does not fit turns the peer lazy and marks it behind. */
  queueBytesMax: 8 * 2 ** 20,
  /** Control messages may exceed the queue by this; a peer that reads neither is cut off. */
  controlBytesMax: 512 * 2 ** 10,
  /** A peer that was behind is pushed to again once its queue is this short. */
  drainedBytes: 2 * 2 ** 20,
  /**
   * Written at once. 1 KiB writes reach 28 MB/s in js-libp2p, 64 KiB ones over 100 MB/s. With yamux's header of 12 bytes,
   * and Noise's length and tag of 18, a write stays below 64 KiB: of that much on, a socket of Node asks for a pause.
   */
  batchBytes: 65_505,
  /** A queue that did not move for so long belongs to a peer that no longer reads. */
  stalledMs: 20_000,
  /** A link to a peer that is nobody's neighbour is closed after so long without use. */
  idleMs: 30_000,
  /** Read and not handled yet, per peer, before its stream is paused. */
  readBytesMax: 256 * 2 ** 10,
  /** What a paused stream may still receive: the largest yamux window, 16 MiB. Below it js-libp2p aborts the stream. */
  pausedBytesMax: 17 * 2 ** 20,
  /** Validations running at once, over all topics. */
  validationsMax: 8,
  dialMs: 5_000,
  /** New connections: a burst, then so many per second. Shuffles name strangers; they must not make us a dialler for hire. */
  dialBurst: 16,
  dialsPerSecond: 4,
  dialQueueMax: 64,
  /** Records verified and remembered, for dialling; about 1 KiB each. */
  recordsMax: 2_048,
  /** Peers under a ban; the oldest are forgiven first. */
  bansMax: 4_096,
  /** Peers whose frames could not be read stay out for so long. */
  malformedBanMs: 600_000,
  /** Milliseconds between ticks while something waits for one, and while nothing does. */
  tickMs: 50,
  idleTickMs: 250,
  /** Goodbyes are given this long to leave when the service stops. */
  closeMs: 1_000,
} as const;
