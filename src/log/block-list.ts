/**
 * Consecutive blocks in memory, the newest at the end: all of a log's, or the last ones as far as a bound goes.
 */
import type { EntryRun } from "./packed-entries.ts";
import type { StoredBlock } from "./store.ts";
import { entriesIn, idsIn } from "./stored-values.ts";

export class BlockList {
  readonly #bytesMax: number;
  readonly #blocks: StoredBlock[] = [];
  #bytes = 0;

  /** @param bytesMax of entries and ids; the oldest blocks make way, and the newest one stays */
  constructor(bytesMax = Number.POSITIVE_INFINITY) {
    this.#bytesMax = bytesMax;
  }

  add(block: StoredBlock): void {
    this.#blocks.push(block);
    this.#bytes += bytesOf(block);
    while (this.#bytes > this.#bytesMax && this.#blocks.length > 1)
      this.#bytes -= bytesOf(this.#blocks.shift()!);
  }

  /** The entries [from, to) as far as the block that holds `from` has them, as a view; undefined if none does. */
  piece(from: number, to: number): EntryRun | undefined {
    const block = this.#blockAt(from);
    return block && entriesIn({ first: block.first, bytes: block.entries }, from, to);
  }

  /** The ids of these entries, 32 bytes each, in the same way. */
  ids(from: number, to: number): Uint8Array | undefined {
    const block = this.#blockAt(from);
    return block && idsIn({ first: block.first, bytes: block.ids }, from, to);
  }

  #blockAt(sequence: number): StoredBlock | undefined {
    let low = 0;
    let high = this.#blocks.length - 1;
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if (this.#blocks[middle]!.first <= sequence) low = middle;
      else high = middle - 1;
    }
    const block = this.#blocks[low];
    const isIn = block !== undefined && sequence >= block.first && sequence < block.first + block.count;
    return isIn ? block : undefined;
  }
}

function bytesOf({ entries, ids }: StoredBlock): number {
  return entries.length + ids.length;
}
