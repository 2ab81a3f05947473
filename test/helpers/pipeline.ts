/**
 * A primary's pipeline from intake to signature in one process, with time, verification and store in the test's hands.
 */
import type { Log } from "../../src/log/log.ts";
import { MemoryStore } from "../../src/log/memory-store.ts";
import type { Commit } from "../../src/log/store.ts";
import { Permissions } from "../../src/permission/policy.ts";
import { type Grow, growHere } from "../../src/sequencing/block-hasher.ts";
import { Clock, type TimeSource } from "../../src/sequencing/clock.ts";
import { CommitLoop, type CommitStep } from "../../src/sequencing/commit-loop.ts";
import { FailureBudget } from "../../src/sequencing/failure-budget.ts";
import { Intake } from "../../src/sequencing/intake.ts";
import { useNativeSecp256k1 } from "../../src/sequencing/native-secp256k1.ts";
import { Ordering } from "../../src/sequencing/ordering.ts";
import type { Appended, Outcome } from "../../src/sequencing/outcome.ts";
import type { Guard } from "../../src/sequencing/sign-guard.ts";
import { type PrimaryStart, startPrimary } from "../../src/sequencing/start-up.ts";
import type { Verifier } from "../../src/sequencing/verifier.ts";
import type { SignatureBatch } from "../../src/verify/verify.ts";
import { operator, writer } from "./accounts.ts";
import { START } from "./stored-log.ts";
import type { Scope } from "./temporary-directory.ts";
import { verifyByRecovery } from "./verify-by-recovery.ts";

// As a node does, and for the tests' own patience.
useNativeSecp256k1();

/** Time that stands still until it is told otherwise. */
export class ManualTime implements TimeSource {
  #wall = START;
  #monotonic = 0;

  wall(): number {
    return this.#wall;
  }

  monotonic(): number {
    return this.#monotonic;
  }

  advance(ms: number): void {
    this.#wall += ms;
    this.#monotonic += ms;
  }

  /** Sets the wall clock alone, as an operator or NTP would. */
  jump(ms: number): void {
    this.#wall += ms;
  }
}

/** Verifies at once. */
export const promptVerifier: Verifier = {
  verify: async (batch) => verifyByRecovery(batch),
  close: async () => undefined,
};

/** Verifies when the test says so, in the test's order. */
export class HeldVerifier implements Verifier {
  readonly #held: (() => void)[] = [];
  readonly #failures: ((error: unknown) => void)[] = [];

  verify(batch: SignatureBatch): Promise<Uint8Array> {
    return new Promise((resolve, reject) => {
      this.#held.push(() => resolve(verifyByRecovery(batch)));
      this.#failures.push(reject);
    });
  }

  /** Batches that arrived. */
  get count(): number {
    return this.#held.length;
  }

  release(i: number): void {
    this.#held[i]!();
  }

  fail(i: number): void {
    this.#failures[i]!(new Error("the verifier broke"));
  }

  async close(): Promise<void> {}
}

/** A store whose commits wait while it is held. */
export class HeldStore extends MemoryStore {
  #waiting: (() => void)[] | undefined;

  hold(): void {
    this.#waiting = [];
  }

  release(): void {
    for (const go of this.#waiting ?? []) go();
    this.#waiting = undefined;
  }

  override async commit(commit: Commit): Promise<void> {
    if (this.#waiting !== undefined) await new Promise<void>((resolve) => this.#waiting!.push(resolve));
    await super.commit(commit);
  }
}

export interface PipelineOptions extends Partial<PrimaryStart> {
  readonly time?: ManualTime;
  readonly verifier?: Verifier;
  readonly store?: MemoryStore;
  readonly onStep?: (step: CommitStep, log: Log) => void;
  readonly grow?: Grow;
  /** Changes the guard before it is used. */
  readonly guardAs?: (guard: Guard) => Guard;
}

export interface Pipeline {
  readonly log: Log;
  readonly store: MemoryStore;
  readonly time: ManualTime;
  readonly ordering: Ordering;
  readonly intake: Intake;
  readonly commitLoop: CommitLoop;
  readonly fatal: unknown[];
  submit(...payloads: readonly Uint8Array[]): Promise<Outcome[]>;
  /** Lets go of the guard as the end of the process would. */
  crash(): Promise<void>;
}

export const LIFETIME_MS = 60_000;

/** Starts a pipeline; it ends with the test. */
export async function startPipeline(scope: Scope, options: PipelineOptions = {}): Promise<Pipeline> {
  const { time = new ManualTime(), store = new MemoryStore(), verifier = promptVerifier, onStep } = options;
  const { log, guard, signer } = await startPrimary({
    store,
    guardDirectory: undefined,
    operatorKey: operator.key,
    genesis:
      store.head === undefined
        ? { origin: "example.com/log", maxTransactionLifetimeMs: LIFETIME_MS, writers: [writer.address] }
        : {},
    now: time.wall(),
    warn: () => undefined,
    ...options,
    ...(options.store === undefined && { store }),
  });
  const clock = new Clock(time);
  const ordering = new Ordering(log, Permissions.fromRoles(store.roles()), clock);
  const fatal: unknown[] = [];
  const commitLoop = new CommitLoop({
    log,
    ordering,
    guard: options.guardAs?.(guard) ?? guard,
    signer,
    grow: options.grow ?? growHere,
    onFatal: (error) => fatal.push(error),
    ...(onStep !== undefined && { onStep: (step) => onStep(step, log) }),
  });
  const budget = new FailureBudget(() => time.monotonic());
  const intake = new Intake({ log, ordering, verifier, clock, budget, onOrdered: () => commitLoop.kick() });
  let closed = false;
  const crash = async (): Promise<void> => {
    if (!closed) await guard.close();
    closed = true;
  };
  scope.after(async () => {
    await commitLoop.stop();
    await crash();
  });
  const submit: Pipeline["submit"] = (...payloads) => intake.submit(payloads, "203.0.113.1");
  return { log, store, time, ordering, intake, commitLoop, fatal, submit, crash };
}

/** The outcome, which must be a place in the log. */
export function appended(outcome: Outcome | undefined): Appended {
  if (outcome === undefined || outcome instanceof Error) throw outcome ?? new Error("no outcome");
  return outcome;
}

/** The reason for which the outcome is a refusal: `data.reason`, or the error's code. */
export function refusal(outcome: Outcome | undefined): unknown {
  if (!(outcome instanceof Error)) throw new Error("not a refusal");
  return outcome.data?.reason ?? outcome.code;
}

/** Lets everything happen that needs no further push. */
export async function settled(): Promise<void> {
  for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve));
}
