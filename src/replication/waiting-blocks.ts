/**
 * Verified blocks that wait for those before them: bounded in number and bytes, the first ones in the log are kept.
 */
import { LIVE_BLOCKS_BYTES_MAX, LIVE_BLOCKS_MAX } from "../base/limits.ts";
import type { VerifiedBlock } from "./block-messages.ts";

export class WaitingBlocks {
  /** In the log's order; blocks of different histories may begin at the same place. */
  #blocks: VerifiedBlock[] = [];
  #bytes = 0;

  get size(): number {
    return this.#blocks.length;
  }

  /** Keeps the block; false if there is no room for it. */
  add(verified: VerifiedBlock): boolean {
    const bytes = verified.block.entries.length;
    if (this.size >= LIVE_BLOCKS_MAX || this.#bytes + bytes > LIVE_BLOCKS_BYTES_MAX) return false;
    // Blocks come nearly in order: the place is near the end.
    let place = this.size;
    while (place > 0 && this.#blocks[place - 1]!.block.first > verified.block.first) place--;
    this.#blocks.splice(place, 0, verified);
    this.#bytes += bytes;
    return true;
  }

  /** Takes the first block out if it begins at `size` or before. */
  takeUpTo(size: number): VerifiedBlock | undefined {
    const [first] = this.#blocks;
    if (first === undefined || first.block.first > size) return undefined;
    this.#blocks.shift();
    this.#bytes -= first.block.entries.length;
    return first;
  }

  clear(): void {
    this.#blocks = [];
    this.#bytes = 0;
  }
}
