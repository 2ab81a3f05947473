/**
 * Catching up by range: from the log as it is stored to a signed head, from several peers in parallel. Hash tiles are
 * verified top-down against the head, then entries in any order, each bundle by itself, so that who lies is known at
 * once; one writer stores in order. A peer that lies is asked no more, one that stalls or fails is asked less.
 */
import { equalBytes } from "../base/bytes.ts";
import { SequencerError } from "../base/errors.ts";
import { HASH_BYTES } from "../base/hash.ts";
import { SYNC_RANGE_ENTRIES, SYNC_RANGES_MAX } from "../base/limits.ts";
import type { SignedHead } from "../log/checkpoint.ts";
import { TreeGrowth } from "../log/growth.ts";
import type { Log } from "../log/log.ts";
import { leafHashes, rootOf } from "../log/merkle.ts";
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
}

/**
 * Stores everything up to the head and publishes it.
 * @throws SequencerError `network` if no peer can serve it, `equivocation` if the head is of another history
 */
export async function catchUp(options: CatchUpOptions): Promise<void> {
  const { log, head, follower, onProgress } = options;
  const panel = new Panel(options.peers);
  const tiles = await VerifiedTiles.open(
    head,
    (level, index, width, accept) => panel.tile({ kind: "tile", level, index, width }, accept),
    (wanted, accept) =>
      panel.edges(
        wanted.map((one) => ({ kind: "tile", ...one })),
        accept,
      ),
  );
  await requirePrefix(log, tiles, head);

  const waiting: Promise<Uint8Array[]>[] = [];
  let next = log.committed.size - (log.committed.size % TILE_WIDTH);
  let asked = next;
  while (next < head.size) {
    while (asked < head.size && waiting.length < SYNC_RANGES_MAX) {
      const first = asked;
      asked = Math.min(head.size, first + SYNC_RANGE_ENTRIES);
      const range = fetchRange(panel, tiles, first, asked);
      range.catch(() => undefined); // Awaited below, in order.
      waiting.push(range);
    }
    const entries = await waiting.shift()!;
    const end = next + entries.length;
    await follower.extend({ first: next, entries, ...(end === head.size && { head }) });
    next = end;
    onProgress?.(next);
  }
  if (log.signed === undefined || log.signed.size < head.size) await follower.publish(head);
}

/** What is stored must be the beginning of the head's tree. */
async function requirePrefix(log: Log, tiles: VerifiedTiles, head: SignedHead): Promise<void> {
  const { size, root } = log.committed;
  if (size > head.size || equalBytes(rootOf(await tiles.frontierAt(size)), root)) return;
  throw new SequencerError(
    "equivocation",
    `the signed head of size ${head.size} does not extend the log as stored at ${size}`,
    {
      data: { size },
      hint: "The evidence is kept; do not trust this log any further",
    },
  );
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
