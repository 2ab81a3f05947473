/**
 * Reads and verifies the transactions of whole requests, in a worker. Only requests without any doubt get through:
 * every payload a canonical transaction, every sender a writer, none expired. All others are the intake's, which
 * decides about each of their payloads and says what is wrong with it.
 */
import { viewOf } from "../base/bytes.ts";
import { ADDRESS_BYTES, type DigestContext } from "../base/eip712.ts";
import { SequencerError } from "../base/errors.ts";
import { HASH_BYTES } from "../base/hash.ts";
import { SIGNATURE_BYTES } from "../base/secp256k1.ts";
import { Permissions } from "../permission/policy.ts";
import { columnDigests, transactionDigests } from "../verify/digests.ts";
import type { SignatureBatch, Verifier } from "../verify/verify.ts";
import { expiryRefusal, refusalAt, writerRefusal } from "./rules.ts";
import { decodeOperation, type SignedTransaction } from "./transaction.ts";
import { packBatch, packedBatchLength, type VerifiedTransaction } from "./transaction-batch.ts";
import type { TransactionColumns, Verification } from "./transaction-columns.ts";

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

type ReadTransaction = SignedTransaction & { readonly payload: Uint8Array };

const NONE: Verification = { ids: new Uint8Array(0), verdicts: new Uint8Array(0) };

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

  /**
   * For each request its transactions as `packBatch` writes them, or undefined if it has to go through the intake. All
   * signatures are verified together, and all results lie in one buffer.
   */
  read(requests: readonly (readonly Uint8Array[] | undefined)[]): (Uint8Array | undefined)[] {
    const context = this.#context;
    const decoded = requests.map((payloads) => payloads && this.#decode(payloads));
    const transactions = decoded.flatMap((ofRequest) => ofRequest ?? []);
    if (context === undefined || transactions.length === 0) return requests.map(() => undefined);
    const verified = this.#verify(context, transactions);
    const packed = new Uint8Array(packedBatchLength(transactions.map(({ payload }) => payload)));
    let offset = 0;
    let next = 0;
    return decoded.map((ofRequest) => {
      if (ofRequest === undefined) return undefined;
      const length = packedBatchLength(ofRequest.map(({ payload }) => payload));
      const bytes = packed.subarray(offset, offset + length);
      packBatch(verified.slice(next, next + ofRequest.length), bytes);
      offset += length;
      next += ofRequest.length;
      return bytes;
    });
  }

  /** Whether all transactions at the places [from, to) may be in the log now, if they are signed. */
  mayOrder({ senders, expires }: TransactionColumns, from: number, to: number): boolean {
    if (this.#context === undefined) return false;
    const now = this.#now();
    const view = viewOf(expires);
    for (let i = from; i < to; i++) {
      const at = view.getUint32(8 * i) * 2 ** 32 + view.getUint32(8 * i + 4);
      if (expiryRefusal(now, at, this.#lifetimeMs) !== undefined) return false;
      if (writerRefusal(this.#permissions, senders, ADDRESS_BYTES * i) !== undefined) return false;
    }
    return true;
  }

  /** Verifies the first `count` transactions in columns, all of them such that they may be in the log. */
  verify(columns: TransactionColumns, count: number): Verification {
    if (this.#context === undefined || count === 0) return NONE;
    const ids = columnDigests(this.#context, count, columns);
    const signatures = columns.signatures.subarray(0, count * SIGNATURE_BYTES);
    const addresses = columns.senders.subarray(0, count * ADDRESS_BYTES);
    return { ids, verdicts: this.#verifier.verify({ count, digests: ids, signatures, addresses }) };
  }

  #verify(context: DigestContext, transactions: readonly ReadTransaction[]): VerifiedTransaction[] {
    const digests = transactionDigests(context, transactions);
    const verdicts = this.#verifier.verify(signaturesOf(transactions, digests));
    return transactions.map(({ payload, from, expires }, i) => {
      const id = digests.subarray(i * HASH_BYTES, (i + 1) * HASH_BYTES);
      return { id, from, expires, isSigned: verdicts[i] === 1, payload };
    });
  }

  #decode(payloads: readonly Uint8Array[]): ReadTransaction[] | undefined {
    const now = this.#now();
    const transactions: ReadTransaction[] = [];
    for (const payload of payloads) {
      const operation = decodeOrNothing(payload);
      if (operation?.type !== "transaction") return undefined;
      if (refusalAt(now, operation, this.#lifetimeMs, this.#permissions) !== undefined) return undefined;
      transactions.push({ ...operation, payload });
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

function signaturesOf(transactions: readonly ReadTransaction[], digests: Uint8Array): SignatureBatch {
  const count = transactions.length;
  const signatures = new Uint8Array(count * SIGNATURE_BYTES);
  const addresses = new Uint8Array(count * ADDRESS_BYTES);
  transactions.forEach(({ signature, from }, i) => {
    signatures.set(signature, i * SIGNATURE_BYTES);
    addresses.set(from, i * ADDRESS_BYTES);
  });
  return { count, digests, signatures, addresses };
}
