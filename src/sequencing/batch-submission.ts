/**
 * A transaction of a batch on its way into the log. Many wait for their block at a time, so it holds nothing that the
 * batch has already.
 */
import type { Outcome, Submission } from "./outcome.ts";
import type { OrderableOperation } from "./transaction.ts";
import type { TransactionBatch } from "./transaction-batch.ts";

export class BatchSubmission implements Submission {
  readonly #batch: TransactionBatch;
  readonly #i: number;
  readonly #settle: (i: number, outcome: Outcome) => void;

  constructor(batch: TransactionBatch, i: number, settle: (i: number, outcome: Outcome) => void) {
    this.#batch = batch;
    this.#i = i;
    this.#settle = settle;
  }

  get payload(): Uint8Array {
    return this.#batch.payload(this.#i);
  }

  get id(): Uint8Array {
    return this.#batch.id(this.#i);
  }

  get operation(): OrderableOperation {
    return { type: "transaction", from: this.#batch.from(this.#i), expires: this.#batch.expires(this.#i) };
  }

  settle(outcome: Outcome): void {
    this.#settle(this.#i, outcome);
  }
}
