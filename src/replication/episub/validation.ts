/** Runs the application's validation, a few at a time. A synchronous verdict costs no turn of the event loop. */
import type { MessageId } from "./messages.ts";
import type { Verdict } from "./state.ts";

export interface ValidationRequest {
  readonly topic: string;
  readonly from: string;
  readonly id: MessageId;
  readonly payload: Uint8Array;
}

export type Validate = (request: ValidationRequest) => Verdict | Promise<Verdict>;

export class ValidationQueue {
  readonly #validate: Validate;
  readonly #runningMax: number;
  readonly #done: (request: ValidationRequest, verdict: Verdict, error?: unknown) => void;
  readonly #waiting: ValidationRequest[] = [];
  readonly #room: (() => void)[] = [];
  #running = 0;

  /** A validation that throws says nothing about the payload: it counts as "ignore", and the error is handed on. */
  constructor(
    validate: Validate,
    runningMax: number,
    done: (request: ValidationRequest, verdict: Verdict, error?: unknown) => void,
  ) {
    this.#validate = validate;
    this.#runningMax = runningMax;
    this.#done = done;
  }

  add(request: ValidationRequest): void {
    if (this.#running < this.#runningMax) this.#start(request);
    else this.#waiting.push(request);
  }

  /** Undefined if another payload may be read; else a promise for when. Its reader stands still until then. */
  roomForMore(): Promise<void> | undefined {
    if (this.#waiting.length === 0) return undefined;
    return new Promise((resolve) => {
      this.#room.push(resolve);
    });
  }

  #start(request: ValidationRequest): void {
    this.#running++;
    let verdict: Verdict | Promise<Verdict>;
    try {
      verdict = this.#validate(request);
    } catch (error) {
      this.#finish(request, "ignore", error);
      return;
    }
    if (typeof verdict === "string") {
      this.#finish(request, verdict);
      return;
    }
    verdict.then(
      (value) => this.#finish(request, value),
      (error: unknown) => this.#finish(request, "ignore", error),
    );
  }

  #finish(request: ValidationRequest, verdict: Verdict, error?: unknown): void {
    this.#running--;
    this.#done(request, verdict, error);
    const next = this.#waiting.shift();
    if (next !== undefined) this.#start(next);
    if (this.#waiting.length === 0) for (const resolve of this.#room.splice(0)) resolve();
  }
}
