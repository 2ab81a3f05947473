/**
 * Reads and verifies the transactions of whole requests, in a worker. Only requests without any doubt get through:
 * every payload a canonical transaction, every sender a writer, none expired. All others are the intake's, which
 * decides about each of their payloads and says what is wrong with it.
 */
import { ADDRESS_BYTES, type DigestContext } from "../base/eip712.ts";
import { SequencerError } from "../base/errors.ts";
import { HASH_BYTES } from "../base/hash.ts";
import { SIGNATURE_BYTES } from "../base/secp256k1.ts";
import { Permissions } from "../permission/policy.ts";
import { transactionDigests } from "../verify/digests.ts";
import type { SignatureBatch, Verifier } from "../verify/verify.ts";
import { refusalAt } from "./rules.ts";
import { decodeOperation, type SignedTransaction } from "./transaction.ts";
import { allocateBatch, type TransactionBatch } from "./transaction-batch.ts";

/** What the reader has to know of the log. */
export type ReaderNote =
  | {
      readonly kind: "log";
      readonly context: DigestContext;
      readonly lifetimeMs: number;
      readonly roles: readonly StoredRole[];
    }
  | ({ readonly kind: "role" } & StoredRole);

interface StoredRole {
  readonly account: Uint8Array;
  readonly role: number;
}

export class TransactionReader {
  readonly #verifier: Pick<Verifier, "verify">;
  readonly #now: () => number;
  #context: DigestContext | undefined;
  #lifetimeMs = 0;
  #permissions = new Permissions();

  constructor(verifier: Pick<Verifier, "verify">, now: () => number = Date.now) {
    this.#verifier = verifier;
    this.#now = now;
  }

  note(note: ReaderNote): void {
    if (note.kind === "role") {
      this.#permissions.restore(note);
      return;
    }
    this.#context = note.context;
    this.#lifetimeMs = note.lifetimeMs;
    this.#permissions = Permissions.fromRoles(note.roles);
  }

  /** For each request its batch, or undefined if it has to go through the intake. Signatures are verified together. */
  read(requests: readonly (readonly Uint8Array[] | undefined)[]): (TransactionBatch | undefined)[] {
    const context = this.#context;
    const read = requests.map((payloads) => payloads && this.#decode(payloads));
    const transactions = read.flatMap((one) => one ?? []);
    if (context === undefined || transactions.length === 0) return requests.map(() => undefined);
    const signatures = packTransactions(context, transactions);
    const verdicts = this.#verifier.verify(signatures);
    let first = 0;
    return read.map((ofRequest, i) => {
      if (ofRequest === undefined) return undefined;
      const start = first;
      first += ofRequest.length;
      return batchOf(requests[i]!, ofRequest, signatures, verdicts, start);
    });
  }

  #decode(payloads: readonly Uint8Array[]): SignedTransaction[] | undefined {
    const now = this.#now();
    const transactions: SignedTransaction[] = [];
    for (const payload of payloads) {
      const operation = decodeOrNothing(payload);
      if (operation?.type !== "transaction") return undefined;
      if (refusalAt(now, operation, this.#lifetimeMs, this.#permissions) !== undefined) return undefined;
      transactions.push(operation);
    }
    return transactions;
  }
}

function decodeOrNothing(payload: Uint8Array): ReturnType<typeof decodeOperation> | undefined {
  try {
    return decodeOperation(payload);
  } catch (error) {
    if (error instanceof SequencerError) return undefined;
    throw error;
  }
}

function packTransactions(
  context: DigestContext,
  transactions: readonly SignedTransaction[],
): SignatureBatch {
  const count = transactions.length;
  const batch: SignatureBatch = {
    count,
    digests: transactionDigests(context, transactions),
    signatures: new Uint8Array(count * SIGNATURE_BYTES),
    addresses: new Uint8Array(count * ADDRESS_BYTES),
  };
  transactions.forEach((transaction, i) => {
    batch.signatures.set(transaction.signature, i * SIGNATURE_BYTES);
    batch.addresses.set(transaction.from, i * ADDRESS_BYTES);
  });
  return batch;
}

/** The part of what was verified that belongs to one request. */
function batchOf(
  payloads: readonly Uint8Array[],
  transactions: readonly SignedTransaction[],
  { digests, addresses }: SignatureBatch,
  verdicts: Uint8Array,
  start: number,
): TransactionBatch {
  const end = start + transactions.length;
  const bytes = payloads.reduce((sum, { length }) => sum + length, 0);
  const batch = allocateBatch(transactions.length, bytes);
  batch.ids.set(digests.subarray(start * HASH_BYTES, end * HASH_BYTES));
  batch.accounts.set(addresses.subarray(start * ADDRESS_BYTES, end * ADDRESS_BYTES));
  batch.verdicts.set(verdicts.subarray(start, end));
  let offset = 0;
  payloads.forEach((payload, i) => {
    batch.expires[i] = transactions[i]!.expires;
    batch.payloads.set(payload, offset);
    offset += payload.length;
    batch.ends[i] = offset;
  });
  return batch;
}
