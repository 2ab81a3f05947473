/**
 * What a running primary keeps an eye on: the clocks and the disk. It closes the intake while one of them is not to
 * be trusted, and says so once when it begins and once when it ends. SPEC section 3.
 */
import type { Logger } from "pino";
import { SequencerError } from "../base/errors.ts";
import { HOUSEKEEPING_INTERVAL_MS, RETRY_AFTER_MS_MAX } from "../base/limits.ts";
import type { Store } from "../log/store.ts";
import type { Clock } from "../sequencing/clock.ts";
import { type Intake, overloaded } from "../sequencing/intake.ts";

export interface HousekeepingOptions {
  readonly intake: Intake;
  readonly clock: Clock;
  readonly store: Store;
  readonly diskReserveBytes: number;
  readonly logger: Logger;
}

export type Trouble = "clock-jump" | "disk-full";

export class Housekeeping {
  readonly #options: HousekeepingOptions;
  readonly #timer: NodeJS.Timeout;
  #trouble: Trouble | undefined;
  #stopped = false;

  constructor(options: HousekeepingOptions) {
    this.#options = options;
    const report = (error: unknown): void =>
      options.logger.error({ err: error }, "cannot look after the disk");
    this.#timer = setInterval(() => this.look().catch(report), HOUSEKEEPING_INTERVAL_MS).unref();
  }

  /** Why the intake is closed; undefined if it is not. */
  get trouble(): Trouble | undefined {
    return this.#trouble;
  }

  /** Looks at once. */
  async look(): Promise<void> {
    const { clock, store, diskReserveBytes, intake, logger } = this.#options;
    const full = (await store.freeBytes()) < diskReserveBytes;
    const trouble = clock.now() === undefined ? "clock-jump" : full ? "disk-full" : undefined;
    if (this.#stopped || trouble === this.#trouble) return;
    this.#trouble = trouble;
    intake.close(trouble === undefined ? undefined : refusalFor(trouble));
    if (trouble === undefined) logger.info("appends are accepted again");
    else logger.error({ reason: trouble }, "appends are refused");
  }

  stop(): void {
    this.#stopped = true;
    clearInterval(this.#timer);
  }
}

function refusalFor(trouble: Trouble): SequencerError {
  if (trouble === "disk-full") {
    return overloaded("the disk is full", RETRY_AFTER_MS_MAX, { reason: "disk-full" });
  }
  return new SequencerError("unavailable", "the node's clock jumped", {
    data: { reason: "clock-jump" },
    hint: "The operator has to set the clock right and restart the node",
  });
}
