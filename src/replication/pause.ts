/**
 * Waits that end early: when somebody wakes the waiting one, or when everything stops.
 */
export class Pause {
  readonly #signal: AbortSignal;
  #end: (() => void) | undefined;
  #isWakeable = false;

  constructor(signal: AbortSignal) {
    this.#signal = signal;
    signal.addEventListener("abort", () => this.#end?.(), { once: true });
  }

  /** Waits for this long, whoever calls. */
  async for(ms: number): Promise<void> {
    await this.#wait(ms, false);
  }

  /** Waits for this long unless there is something to do, now or later: then `wake` ends it. */
  async until(ms: number, isDue: () => boolean): Promise<void> {
    if (!isDue()) await this.#wait(ms, true);
  }

  wake(): void {
    if (this.#isWakeable) this.#end?.();
  }

  async #wait(ms: number, isWakeable: boolean): Promise<void> {
    if (this.#signal.aborted) return;
    this.#isWakeable = isWakeable;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#end = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.#end = undefined;
  }
}
