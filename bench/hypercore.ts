/**
 * hypercore's batched append, what the ordering core is compared with: another log with a Merkle tree and a signature
 * over each batch, on disk. It does not wait for the disk.
 */
import Hypercore from "hypercore";

/** As much of it as is measured. */
export interface AppendLog {
  append(blocks: readonly Uint8Array[]): Promise<unknown>;
  close(): Promise<void>;
}

export async function openHypercore(directory: string): Promise<AppendLog> {
  const log = new Hypercore(directory);
  await log.ready();
  return log;
}

/** Seconds to append `count` blocks in batches, taken in turns from those given. */
export async function appendBatches(
  log: AppendLog,
  blocks: readonly Uint8Array[],
  batch: number,
  count: number,
): Promise<number> {
  const start = performance.now();
  for (let done = 0; done < count; done += batch) {
    const first = done % (blocks.length - batch + 1);
    await log.append(blocks.slice(first, first + Math.min(batch, count - done)));
  }
  return (performance.now() - start) / 1_000;
}
