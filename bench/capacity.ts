/**
 * What a node takes in a closed loop, measured briefly: what open loops take their rates from.
 */
import type { LoadGenerator, MeasuredLoad } from "./load.ts";
import { median } from "./report.ts";

/** Calls of a request: a busy client's, and several small clients'. */
export const BATCH = 100;
export const SMALL_BATCH = 10;
/** Enough to keep both the node's threads and the generator at work. */
export const BATCH_CONNECTIONS = 24;
/** Of open loops: so many requests may be under way before one has to wait for a connection. */
export const OPEN_CONNECTIONS = 64;
/** Transactions of the first measurement, which says how many the others need, and warms the node up. */
const TRIAL_TRANSACTIONS = 20_000;
const MEASUREMENTS = 3;

/** Transactions a second in batches: the median of three. */
export async function batchCapacity(
  generator: LoadGenerator,
  seconds: number,
  batch: number,
): Promise<number> {
  const connections = Math.min(OPEN_CONNECTIONS, (BATCH_CONNECTIONS * BATCH) / batch);
  const load = { work: { kind: "append", batch }, connections } as const;
  const trialRequests = TRIAL_TRANSACTIONS / batch;
  const trial = await generator.run({ ...load, requests: trialRequests });
  const requests = requestsFor(seconds, trialRequests, trial);
  const rates: number[] = [];
  for (let i = 0; i < MEASUREMENTS; i++) {
    rates.push((requests * batch) / (await generator.run({ ...load, requests })).seconds);
  }
  return median(rates);
}

/** As many as take these seconds, if so many took as long as the trial did. */
export function requestsFor(seconds: number, requests: number, trial: Pick<MeasuredLoad, "seconds">): number {
  return Math.max(requests, Math.round((requests * seconds) / trial.seconds));
}
