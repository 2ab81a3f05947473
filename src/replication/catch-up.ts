/**
 * Catching up by range: from the log as it is stored to a signed head, from several peers in parallel. Hash tiles are
 * verified top-down against the head, then entries in any order, each bundle by itself, so that who lies is known at
 * once; one writer stores in order. A peer that lies is asked no more, one that stalls or fails is asked less.
 */
import { equalBytes } from "../base/bytes.ts";
import { SequencerError } from "../base/errors.ts";
import { HASH_BYTES } from "../base/hash.ts";
import { BLOCK_BYTES_MAX, SYNC_RANGE_ENTRIES, SYNC_RANGES_MAX } from "../base/limits.ts";
import type { SignedHead } from "../log/checkpoint.ts";
import { TreeGrowth } from "../log/growth.ts";
import type { Log } from "../log/log.ts";
import { consistencyProof, frontierOf, leafHashes, type NodeReader, rootOf } from "../log/merkle.ts";
import { packEntries } from "../log/packed-entries.ts";
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
    for await (const entries of inOrder(panel, tiles, first, head.size)) {
      const end = first + entries.length;
      const run = { first, count: entries.length, entries: packEntries(entries) };
      await follower.extend({ ...run, rootAt, ...(end === head.size && { head }) });
      first = end;
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
): AsyncGenerator<Uint8Array[], void> {
  const waiting: Promise<Uint8Array[]>[] = [];
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
    const entries = await waiting.shift()!;
    rangeEntries = entriesPerRange(entries);
    yield entries;
  }
}

/** Where entries are large, fewer of them are asked for: what waits in order has to stay small. */
function entriesPerRange(latest: readonly Uint8Array[]): number {
  const bytes = latest.reduce((sum, entry) => sum + entry.length, 0);
  const bundles = Math.floor((BLOCK_BYTES_MAX * latest.length) / (bytes * TILE_WIDTH));
  return Math.min(SYNC_RANGE_ENTRIES, Math.max(1, bundles) * TILE_WIDTH);
}

/** Entries [first, end), verified; `first` is a bundle's first. */
async function fetchRange(
  panel: Panel,
  tiles: VerifiedTiles,
  first: number,
  end: number,
): Promise<Uint8Array[]> {
  const all: Uint8Array[] = [];
  while (first + all.length < end) {
    const from = first + all.length;
    all.push(
      ...(await panel.entries(
        from,
        end - from,
        async (entries) => await verifyBundles(tiles, from, entries, end),
      )),
    );
  }
  return all;
}

/** How many of the entries, in whole bundles from `first` on, are those of the tree; undefined if one is not. */
async function verifyBundles(
  tiles: VerifiedTiles,
  first: number,
  entries: readonly Uint8Array[],
  end: number,
): Promise<number | undefined> {
  let verified = 0;
  while (first + verified < end) {
    const start = first + verified;
    const width = Math.min(TILE_WIDTH, end - start);
    const bundle = entries.slice(verified, verified + width);
    if (bundle.length < width) break;
    if (!(await isBundle(tiles, start, bundle))) return undefined;
    verified += width;
  }
  return verified;
}

async function isBundle(
  tiles: VerifiedTiles,
  start: number,
  bundle: readonly Uint8Array[],
): Promise<boolean> {
  const hashes = leafHashes(bundle);
  if (bundle.length === TILE_WIDTH) {
    const { root } = new TreeGrowth(0, [], hashes);
    return equalBytes(root, await tiles.node(TILE_HEIGHT, start / TILE_WIDTH));
  }
  for (let i = 0; i < bundle.length; i++) {
    if (!equalBytes(hashes.subarray(i * HASH_BYTES, (i + 1) * HASH_BYTES), await tiles.node(0, start + i)))
      return false;
  }
  return true;
}
