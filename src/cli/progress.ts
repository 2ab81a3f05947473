/**
 * A progress bar on standard error for what takes longer than a second; silent where nobody watches.
 */
import { SingleBar } from "cli-progress";

const SHOW_AFTER_MS = 1_000;

export class Progress {
  readonly #title: string;
  #total: number;
  readonly #startedMs = performance.now();
  #bar: SingleBar | undefined;
  #done = 0;

  constructor(title: string, total: number) {
    this.#title = title;
    this.#total = total;
  }

  advance(count: number): void {
    this.reach(this.#done + count, this.#total);
  }

  reach(done: number, total: number): void {
    this.#done = done;
    if (total !== this.#total) this.#bar?.setTotal(total);
    this.#total = total;
    if (!process.stderr.isTTY || performance.now() - this.#startedMs < SHOW_AFTER_MS) return;
    if (this.#bar === undefined) {
      const format = `${this.#title} {bar} {percentage}% | {value}/{total} | {eta_formatted}`;
      this.#bar = new SingleBar({ format, stream: process.stderr, etaBuffer: 100 });
      this.#bar.start(this.#total, 0);
    }
    this.#bar.update(this.#done);
  }

  end(): void {
    this.#bar?.stop();
  }
}
