/**
 * The clock that timestamps come from: wall time, distrusted as soon as it parts from the monotonic clock
 * (SPEC section 3). A jump ahead would be written into the log for ever.
 */
import { CLOCK_JUMP_MS } from "../base/limits.ts";

export interface TimeSource {
  /** Unix milliseconds. */
  wall(): number;
  /** Milliseconds that never go back, from any origin. */
  monotonic(): number;
}

/**
 * The system's clocks, read together and once for all that is done in one go: a batch of transactions that is ordered
 * needs no reading each, which would cost as much as looking up its id.
 */
class SystemTime implements TimeSource {
  #wall = 0;
  #monotonic = 0;
  #isFresh = false;

  wall(): number {
    this.#read();
    return this.#wall;
  }

  monotonic(): number {
    this.#read();
    return this.#monotonic;
  }

  #read(): void {
    if (this.#isFresh) return;
    this.#wall = Date.now();
    this.#monotonic = performance.now();
    this.#isFresh = true;
    queueMicrotask(() => {
      this.#isFresh = false;
    });
  }
}

export const SYSTEM_TIME: TimeSource = new SystemTime();

export class Clock {
  readonly #source: TimeSource;
  readonly #offset: number;

  constructor(source: TimeSource = SYSTEM_TIME) {
    this.#source = source;
    this.#offset = source.wall() - source.monotonic();
  }

  /** Unix milliseconds, or undefined while wall and monotonic time differ by more than CLOCK_JUMP_MS. */
  now(): number | undefined {
    const wall = this.#source.wall();
    const parted = wall - this.#source.monotonic() - this.#offset;
    return Math.abs(parted) > CLOCK_JUMP_MS ? undefined : wall;
  }
}
