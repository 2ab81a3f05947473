/**
 * The Merkle tree by itself: appending blocks of entries (leaf hashes and tree growth), and inclusion proofs from the
 * growth that brought an entry and from the tiles of a large tree.
 */
import { randomBytes } from "node:crypto";
import { HASH_BYTES } from "../src/base/hash.ts";
import { TreeGrowth } from "../src/log/growth.ts";
import { inclusionProof, leafHashes } from "../src/log/merkle.ts";
import { TileTree } from "../src/log/tile-tree.ts";
import type { BenchOptions, Report } from "./report.ts";

const ENTRY_BYTES = 300;
const BLOCKS = [1, 64, 1_024, 4_096];
const TREE_BLOCK = 4_096;
const TREE_BLOCKS = 256;

export async function merkle(report: Report, { seconds, repetitions }: BenchOptions): Promise<void> {
  report.conditions({
    time: "processor time of one thread",
    "bytes of an entry": ENTRY_BYTES,
    "leaves of the tree of tiles": TREE_BLOCK * TREE_BLOCKS,
  });
  const entries = Array.from({ length: Math.max(...BLOCKS) }, () => new Uint8Array(randomBytes(ENTRY_BYTES)));
  for (const block of BLOCKS) {
    const part = entries.slice(0, block);
    let size = 0;
    let frontier: readonly Uint8Array[] = [];
    const values = ratesOf(repetitions, seconds, () => {
      const growth = new TreeGrowth(size, frontier, leafHashes(part));
      ({ size, frontier } = growth);
      return block;
    });
    report.row({ what: `append, blocks of ${block}`, unit: "entries/s", values });
  }

  const { tree, size, last } = largeTree();
  const fromGrowth = ratesOf(repetitions, seconds, () => {
    for (let index = last.first; index < last.size; index++) last.inclusionProof(index);
    return last.size - last.first;
  });
  report.row({ what: "inclusion proofs from a block's growth", unit: "proofs/s", values: fromGrowth });
  const fromTiles = ratesOf(repetitions, seconds, () => {
    for (let i = 0; i < 100; i++) {
      inclusionProof(Math.floor(Math.random() * size), size, (level, index) => tree.node(level, index));
    }
    return 100;
  });
  report.row({ what: "inclusion proofs from tiles, random entries", unit: "proofs/s", values: fromTiles });
}

/** Units that `work` gets done in a second of this thread's processor time, once a repetition. */
function ratesOf(repetitions: number, seconds: number, work: () => number): number[] {
  const rates: number[] = [];
  for (let i = 0; i < repetitions; i++) {
    const before = process.threadCpuUsage();
    let done = 0;
    let microseconds = 0;
    while (microseconds < seconds * 1e6) {
      done += work();
      const { user, system } = process.threadCpuUsage(before);
      microseconds = user + system;
    }
    rates.push((done * 1e6) / microseconds);
  }
  return rates;
}

function largeTree(): { tree: TileTree; size: number; last: TreeGrowth } {
  const tiles = new Map<string, Uint8Array>();
  const tree = new TileTree(0, (level, index) => tiles.get(`${level}/${index}`));
  let last = new TreeGrowth(0, [], new Uint8Array(randomBytes(TREE_BLOCK * HASH_BYTES)));
  for (let block = 0; block < TREE_BLOCKS; block++) {
    if (block > 0) {
      last = new TreeGrowth(last.size, last.frontier, new Uint8Array(randomBytes(TREE_BLOCK * HASH_BYTES)));
    }
    const changed = tree.tilesAfter(last);
    for (const { level, index, hashes } of changed) tiles.set(`${level}/${index}`, hashes);
    tree.advance(last, changed);
  }
  return { tree, size: last.size, last };
}
