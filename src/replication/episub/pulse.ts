/**
 * When the service ticks: often while something waits for it, seldom while nothing does. A tick that finds nothing to do
 * still wakes a processor, which costs more than the tick, and many nodes may share one.
 */
export class Pulse {
  readonly #tick: () => void;
  readonly #isBusy: () => boolean;
  readonly #busyMs: number;
  readonly #idleMs: number;
  #timer: NodeJS.Timeout | undefined;
  #isIdle = true;

  constructor(tick: () => void, isBusy: () => boolean, busyMs: number, idleMs: number) {
    this.#tick = tick;
    this.#isBusy = isBusy;
    this.#busyMs = busyMs;
    this.#idleMs = idleMs;
  }

  start(): void {
    this.#isIdle = !this.#isBusy();
    this.#timer = setTimeout(
      () => {
        this.#isIdle = false; // What the tick itself brings about is looked at below.
        this.#tick();
        if (this.#timer !== undefined) this.start();
      },
      this.#isIdle ? this.#idleMs : this.#busyMs,
    );
  }

  /** Something happened: the next tick comes soon if there is anything for it. */
  notice(): void {
    if (this.#timer === undefined || !this.#isIdle || !this.#isBusy()) return;
    clearTimeout(this.#timer);
    this.start();
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}
