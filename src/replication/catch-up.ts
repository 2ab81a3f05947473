/**
 * Catching up by range: from the log as it is stored to a signed head, from several peers in parallel. Hash tiles are
 * verified top-down against the head, then entries in any order, each bundle by itself, so that who lies is known at
 * once; one writer stores in order. A peer that lies is asked no more, one that stalls or fails is asked less.
 */
import { concatBytes, equalBytes } from "../base/bytes.ts";
import { SequencerError } from "../base/errors.ts";
import { HASH_BYTES } from "../base/hash.ts";
import { BLOCK_BYTES_MAX, SYNC_RANGE_ENTRIES, SYNC_RANGES_MAX } from "../base/limits.ts";
import type { SignedHead } from "../log/checkpoint.ts";
import { TreeGrowth } from "../log/growth.ts";
import type { Log } from "../log/log.ts";
import { consistencyProof, frontierOf, hashPackedLeaves, type NodeReader, rootOf } from "../log/merkle.ts";
import { type EntryRun, entryBytes, type HashedRun, skipPacked } from "../log/packed-entries.ts";
import { TILE_HEIGHT, TILE_WIDTH } from "../log/tiles.ts";
import type { Follower } from "./follower.ts";
import { Panel, type SyncPeer } from "./panel.ts";
import { VerifiedTiles } from "./verified-tiles.ts";

export interface CatchUpOptions {
  readonly log: Log;
  readonly follower: Follower;
  readonly head: SignedHead;
  /** Peers that may be asked now; read anew whenever one is needed. */
  readonly peers: () => readonly SyncPeer[];
  /** Told how far the stored log reaches. */
  readonly onProgress?: (size: number) => void;
  /** Given the nodes of the head's tree that prove that it does not extend the newest head of the log. */
  readonly onFork?: (node: NodeReader) => void;
  /** Gives up; what is stored stays. */
  readonly signal?: AbortSignal;
}

/**
 * Stores everything up to the head and publishes it.
 * @throws SequencerError `network` if no peer can serve it, `equivocation` if the head is of another history
 */
export async function catchUp(options: CatchUpOptions): Promise<void> {
  const { log, head, follower, onProgress, signal } = options;
  const panel = new Panel(options.peers);
  const stop = (): void => panel.close();
  signal?.addEventListener("abort", stop, { once: true });
  try {
    if (signal?.aborted) stop();
    const tiles = await openTiles(panel, head);
    await requirePrefix(log, tiles, options);
    const rootAt = async (size: number): Promise<Uint8Array> => rootOf(await tiles.frontierAt(size));
    let first = log.committed.size - (log.committed.size % TILE_WIDTH);
    for await (const run of inOrder(panel, tiles, first, head.size)) {
      first += run.count;
      await follower.extend({ ...run, rootAt, ...(first === head.size && { head }) });
      onProgress?.(first);
    }
    if (log.signed === undefined || log.signed.size < head.size) await follower.publish(head);
  } finally {
    signal?.removeEventListener("abort", stop);
    panel.close();
  }
}

async function openTiles(panel: Panel, head: SignedHead): Promise<VerifiedTiles> {
  return await VerifiedTiles.open(
    head,
    (level, index, width, accept) => panel.tile({ kind: "tile", level, index, width }, accept),
    (wanted, accept) =>
      panel.edges(
        wanted.map((one) => ({ kind: "tile", ...one })),
        accept,
      ),
  );
}

/** What is stored must be the beginning of the head's tree. */
async function requirePrefix(
  log: Log,
  tiles: VerifiedTiles,
  { head, onFork }: CatchUpOptions,
): Promise<void> {
  const { size, root } = log.committed;
  if (size > head.size || equalBytes(rootOf(await tiles.frontierAt(size)), root)) return;
  if (log.signed !== undefined) onFork?.(await nodesBetween(tiles, log.signed.size, head.size));
  throw new SequencerError(
    "equivocation",
    `the signed head of size ${head.size} does not extend the log as stored at ${size}`,
    {
      data: { size },
      hint: "The evidence is kept; do not trust this log any further",
    },
  );
}

/** The nodes that the consistency of two sizes is shown with, fetched beforehand. */
async function nodesBetween(tiles: VerifiedTiles, from: number, to: number): Promise<NodeReader> {
  const wanted = new Map<string, Promise<Uint8Array>>();
  const note: NodeReader = (level, index) => {
    wanted.set(`${level}/${index}`, tiles.node(level, index));
    return new Uint8Array(HASH_BYTES);
  };
  frontierOf(from, note);
  frontierOf(to, note);
  consistencyProof(from, to, note);
  const nodes = new Map<string, Uint8Array>();
  for (const [name, node] of wanted) nodes.set(name, await node);
  return (level, index) => nodes.get(`${level}/${index}`)!;
}

/** Entries [first, size) in stretches, several of them under way; the next one waits until this one is taken. */
async function* inOrder(
  panel: Panel,
  tiles: VerifiedTiles,
  first: number,
  size: number,
): AsyncGenerator<HashedRun, void> {
  const waiting: Promise<HashedRun>[] = [];
  let asked = first;
  let rangeEntries = SYNC_RANGE_ENTRIES;
  while (asked < size || waiting.length > 0) {
    while (asked < size && waiting.length < SYNC_RANGES_MAX) {
      const start = asked;
      asked = Math.min(size, start + rangeEntries);
      const range = fetchRange(panel, tiles, start, asked);
      range.catch(() => undefined); // Awaited below, in order.
      waiting.push(range);
    }
    const run = await waiting.shift()!;
    rangeEntries = entriesPerRange(run);
    yield run;
  }
}

/** Where entries are large, fewer of them are asked for: what waits in order has to stay small. */
function entriesPerRange(latest: EntryRun): number {
  const bundles = Math.floor((BLOCK_BYTES_MAX * latest.count) / (entryBytes(latest) * TILE_WIDTH));
  return Math.min(SYNC_RANGE_ENTRIES, Math.max(1, bundles) * TILE_WIDTH);
}

/** Entries [first, end), verified; `first` is a bundle's first. */
async function fetchRange(
  panel: Panel,
  tiles: VerifiedTiles,
  first: number,
  end: number,
): Promise<HashedRun> {
  const runs: HashedRun[] = [];
  let next = first;
  while (next < end) {
    const count = end - next;
    const bundle = Math.min(TILE_WIDTH, count);
    const run = await panel.entries(next, count, bundle, (some) => verifyBundles(tiles, some, end));
    runs.push(run);
    next += run.count;
  }
  if (runs.length === 1) return runs[0]!;
  return {
    first,
    count: end - first,
    entries: concatBytes(...runs.map(({ entries }) => entries)),
    leaves: concatBytes(...runs.map(({ leaves }) => leaves)),
  };
}

/** Those of the entries that make whole bundles, or end the range: at least one bundle. Undefined if one is not the tree's. */
async function verifyBundles(
  tiles: VerifiedTiles,
  { first, count: available, entries: packed }: EntryRun,
  end: number,
): Promise<HashedRun | undefined> {
  const isWhole = first + available === end;
  const count = isWhole ? available : available - (available % TILE_WIDTH);
  const entries = packed.subarray(0, skipPacked(packed, 0, count));
  const leaves = hashPackedLeaves(entries, count);
  for (let place = 0; place < count; place += TILE_WIDTH) {
    const bundle = leaves.subarray(place * HASH_BYTES, (place + TILE_WIDTH) * HASH_BYTES);
    if (!(await isBundle(tiles, first + place, bundle))) return undefined;
  }
  return { first, count, entries, leaves };
}

/** @param leaves of the bundle that begins at `start`, or of its beginning */
async function isBundle(tiles: VerifiedTiles, start: number, leaves: Uint8Array): Promise<boolean> {
  if (leaves.length === TILE_WIDTH * HASH_BYTES) {
    const { root } = new TreeGrowth(0, [], leaves);
    return equalBytes(root, await tiles.node(TILE_HEIGHT, start / TILE_WIDTH));
  }
  for (let at = 0; at < leaves.length; at += HASH_BYTES) {
    const leaf = await tiles.node(0, start + at / HASH_BYTES);
    if (!equalBytes(leaves.subarray(at, at + HASH_BYTES), leaf)) return false;
  }
  return true;
}
