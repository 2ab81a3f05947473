/**
 * Intake: from bytes that somebody sent to verified operations in strict arrival order. Bounded in count and bytes,
 * cheap checks before dear ones; the checks of role and expiry here are advisory, the ordering point decides.
 */
import { assert } from "../base/assert.ts";
import { toHex } from "../base/bytes.ts";
import { rejected, SequencerError } from "../base/errors.ts";
import {
  INTAKE_BYTES_MAX,
  INTAKE_TRANSACTIONS_MAX,
  RETRY_AFTER_MS_MAX,
  RETRY_AFTER_MS_MIN,
} from "../base/limits.ts";
import { recoverAddress } from "../base/secp256k1.ts";
import type { Log } from "../log/log.ts";
import type { Clock } from "./clock.ts";
import type { FailureBudget } from "./failure-budget.ts";
import type { Ordering } from "./ordering.ts";
import { collector, type Outcome } from "./outcome.ts";
import { packSubmissions, type Submission, type Submissions } from "./submissions.ts";
import { decodeOperation, operationId, type SignedOperation } from "./transaction.ts";
import type { TransactionBatch } from "./transaction-batch.ts";
import { packSignatures, type Verifier } from "./verifier.ts";

export interface IntakeOptions {
  readonly log: Log;
  readonly ordering: Ordering;
  readonly verifier: Verifier;
  readonly clock: Clock;
  readonly budget: FailureBudget;
  /** Called after something was ordered. */
  readonly onOrdered: () => void;
}

/** A request's place in the order of arrival, kept while it is read and verified. */
export interface Place {
  /** Bytes of the request, while nobody knows yet what is in it. */
  readonly bytes: number;
}

/** Submissions of one request that are being verified together. */
interface Arrival extends Place {
  /** Undefined while nobody knows them, or if there are none. */
  submissions: Submissions | undefined;
  source: string;
  /** One byte a submission once they are there; the error if they never will be. */
  verdicts: Uint8Array | SequencerError | undefined;
}

export class Intake {
  readonly #options: IntakeOptions;
  /** In order of arrival; the first one not verified yet holds the others back. */
  readonly #arrivals: Arrival[] = [];
  /** Places whose requests are being read. */
  readonly #reserved = new Set<Place>();
  #transactions = 0;
  #bytes = 0;
  /** Why nothing new is accepted, and what to answer. */
  #closed: SequencerError | undefined;

  constructor(options: IntakeOptions) {
    this.#options = options;
  }

  /** Transactions between arrival and answer. */
  get transactions(): number {
    return this.#transactions;
  }

  /** Payload bytes between arrival and answer, and bytes of requests that are being read. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Refuses new transactions with this error from now on; undefined opens again. Repeats are answered all the same. */
  close(reason: SequencerError | undefined): void {
    this.#closed = reason;
  }

  /**
   * Keeps the next place for a request of that many bytes, which is then submitted, accepted or released there.
   * @returns undefined if nothing of the source's would be let in now
   */
  reserve(source: string, bytes: number): Place | undefined {
    const isFull = this.#transactions >= INTAKE_TRANSACTIONS_MAX || this.#bytes + bytes > INTAKE_BYTES_MAX;
    if (isFull || this.#closed !== undefined || this.#options.budget.waitMs(source) > 0) return undefined;
    const place = this.#arrive(source, bytes);
    this.#reserved.add(place);
    this.#bytes += bytes;
    return place;
  }

  /** Gives a place up, unless it was used. */
  release(place: Place): void {
    if (this.#unreserve(place)) this.#fill(place, undefined, NO_VERDICTS);
  }

  /**
   * Takes the payloads of one request, in their order.
   * @param source whoever pays for failed signatures: an address or a peer
   * @param place the request's, if one was reserved
   * @returns one outcome a payload, once all of them have one
   */
  submit(payloads: readonly Uint8Array[], source: string, place?: Place): Promise<Outcome[]> {
    return new Promise((resolve) => {
      const settle = collector(payloads.length, resolve);
      const unverified: AdmittedSubmission[] = [];
      // A permission change may let in those behind it in the same request: then only the ordering point knows.
      let rolesMayChange = false;
      for (let i = 0; i < payloads.length; i++) {
        try {
          const submission = this.#admit(payloads[i]!, source, rolesMayChange, (outcome) =>
            settle(i, outcome),
          );
          if (submission === undefined) continue;
          unverified.push(submission);
          rolesMayChange ||= submission.operation.type === "permission";
        } catch (error) {
          if (!(error instanceof SequencerError)) throw error;
          settle(i, error);
        }
      }
      const own = place !== undefined && this.#unreserve(place) ? place : this.#arrive(source, 0);
      if (unverified.length > 0) this.#verify(unverified, own);
      else this.#fill(own, undefined, NO_VERDICTS);
    });
  }

  /**
   * Takes transactions that workers have read and verified, at the place of their request.
   * @param batches what it consists of, in their order
   * @returns one outcome a transaction, once all of them have one
   */
  async accept(batches: readonly TransactionBatch[], place: Place): Promise<Outcome[]> {
    assert(this.#unreserve(place), "a place is used once");
    // Those behind the first stand there before it is passed on.
    const places = [place];
    while (places.length < batches.length) places.push(this.#arriveBehind(places.at(-1)!));
    return (await Promise.all(batches.map((batch, i) => this.#acceptAt(batch, places[i]!)))).flat();
  }

  #acceptAt(batch: TransactionBatch, place: Place): Promise<Outcome[]> {
    return new Promise((resolve) => {
      const settle = collector(batch.count, resolve);
      this.#transactions += batch.count;
      this.#bytes += batch.payloadBytes();
      const settleAndCount = (i: number, outcome: Outcome): void => {
        this.#transactions--;
        this.#bytes -= batch.payloadBytes(i, i + 1);
        settle(i, outcome);
      };
      this.#fill(place, { batch, settle: settleAndCount }, batch.verdicts);
    });
  }

  /** The submission to verify; undefined if it is answered already. @throws SequencerError that refuses it */
  #admit(
    payload: Uint8Array,
    source: string,
    rolesMayChange: boolean,
    settle: Submission["settle"],
  ): AdmittedSubmission | undefined {
    const { log, ordering, clock, budget } = this.#options;
    const operation = decodeOperation(payload);
    const id = operationId(log.context, operation);
    if (ordering.answerRepeat(id, settle)) return undefined;

    if (this.#closed !== undefined) throw this.#closed;
    const now = clock.now();
    const refusal = now === undefined ? undefined : ordering.refusal(operation, now);
    if (refusal !== undefined && !(rolesMayChange && isAboutRoles(refusal))) throw refusal;
    if (this.#transactions >= INTAKE_TRANSACTIONS_MAX || this.#bytes + payload.length > INTAKE_BYTES_MAX) {
      throw overloaded("the node has as many transactions at hand as it can hold", RETRY_AFTER_MS_MIN * 10);
    }
    const waitMs = budget.waitMs(source);
    if (waitMs > 0) throw overloaded("too many failed signatures from your address", waitMs);

    this.#transactions++;
    this.#bytes += payload.length;
    return {
      payload,
      operation,
      id,
      settle: (outcome) => {
        // Verified for nothing, like a failed signature.
        if (rolesMayChange && outcome instanceof SequencerError && isAboutRoles(outcome))
          budget.spend(source);
        this.#transactions--;
        this.#bytes -= payload.length;
        settle(outcome);
      },
    };
  }

  #arrive(source: string, bytes: number): Arrival {
    const arrival: Arrival = { bytes, submissions: undefined, source, verdicts: undefined };
    this.#arrivals.push(arrival);
    return arrival;
  }

  /** The place right behind another one, which nothing has been passed on from yet. */
  #arriveBehind(place: Place): Arrival {
    const at = this.#arrivals.indexOf(place as Arrival);
    const arrival: Arrival = { ...this.#arrivals[at]!, bytes: 0 };
    this.#arrivals.splice(at + 1, 0, arrival);
    return arrival;
  }

  #verify(admitted: readonly AdmittedSubmission[], place: Place): void {
    const submissions = packSubmissions(admitted);
    const claims = admitted.map(({ id, operation }) => ({
      digest: id,
      signature: operation.signature,
      address: operation.from,
    }));
    const verified = (verdicts: Uint8Array | SequencerError): void =>
      this.#fill(place, submissions, verdicts);
    this.#options.verifier.verify(packSignatures(claims)).then(verified, (cause) => {
      const isUnavailable = cause instanceof SequencerError && cause.code === "unavailable";
      verified(
        isUnavailable
          ? cause
          : new SequencerError("internal", "the signature could not be verified", { cause }),
      );
    });
  }

  /** False if the place was used or given up before. */
  #unreserve(place: Place): boolean {
    if (!this.#reserved.delete(place)) return false;
    this.#bytes -= place.bytes;
    return true;
  }

  /** Says what stands at a place, and passes on what is verified. */
  #fill(place: Place, submissions: Submissions | undefined, verdicts: Uint8Array | SequencerError): void {
    Object.assign(place as Arrival, { submissions, verdicts });
    this.#orderArrivals();
  }

  /** Passes on what is verified, as far as nothing that arrived before it is still open. */
  #orderArrivals(): void {
    let ready = 0;
    for (const { submissions, source, verdicts } of this.#arrivals) {
      if (verdicts === undefined) break;
      ready++;
      if (submissions !== undefined) this.#order(submissions, source, verdicts);
    }
    this.#arrivals.splice(0, ready);
    this.#options.onOrdered();
  }

  #order(submissions: Submissions, source: string, verdicts: Uint8Array | SequencerError): void {
    for (let i = 0; i < submissions.batch.count; i++) {
      if (verdicts instanceof SequencerError) submissions.settle(i, verdicts);
      else if (verdicts[i] === 1) this.#options.ordering.order(submissions, i);
      else this.#refuse(submissions, i, source);
    }
  }

  #refuse(submissions: Submissions, i: number, source: string): void {
    const { log, budget, ordering } = this.#options;
    const { batch } = submissions;
    const id = batch.id(i);
    // A copy with the right signature may have been ordered meanwhile: then this is a repeat of it.
    if (ordering.answerRepeat(id, (outcome) => submissions.settle(i, outcome))) return;
    budget.spend(source);
    const recovered = recoverAddress(id, decodeOperation(batch.payload(i)).signature);
    submissions.settle(
      i,
      rejected("invalid-signature", "the signature is not the sender's over this digest", {
        digest: toHex(id),
        recovered: recovered === undefined ? null : toHex(recovered),
        logId: toHex(log.logId),
        chainId: log.genesis.chainId,
        bond: toHex(log.genesis.bond),
      }),
    );
  }
}

const NO_VERDICTS = new Uint8Array(0);

interface AdmittedSubmission extends Submission {
  readonly operation: SignedOperation;
}

function isAboutRoles({ data }: SequencerError): boolean {
  return data?.reason === "not-permitted" || data?.reason === "last-admin";
}

/** The answer to more than the node can take: come back in a moment. */
export function overloaded(
  why: string,
  retryAfterMs: number,
  data: Record<string, unknown> = {},
): SequencerError {
  const bounded = Math.min(RETRY_AFTER_MS_MAX, Math.max(RETRY_AFTER_MS_MIN, Math.ceil(retryAfterMs)));
  return new SequencerError("limit-exceeded", why, { data: { retryAfterMs: bounded, ...data } });
}
