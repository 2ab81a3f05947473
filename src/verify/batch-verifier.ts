/**
 * Who decides each signature of a batch: the fast path where the account has a table and it accepts, else the
 * reference. Learns keys from what the reference accepts, samples the accepts, and gives the fast path up at the
 * first disagreement.
 */
import { equalBytes } from "../base/bytes.ts";
import { Accounts, ADDRESS_BYTES } from "./accounts.ts";
import {
  DIGEST_BYTES,
  SIGNATURE_BYTES,
  type SignatureBatch,
  type Variant,
  type Verifier,
  type VerifierMetrics,
  type VerifierOptions,
} from "./contract.ts";
import { ACCEPTED, type Engine, REJECTED } from "./engine.ts";
import { addressOf, type Reference } from "./reference.ts";

const TABLE_BYTES_MAX_DEFAULT = 320 * 2 ** 20;
const SAMPLE_INTERVAL_DEFAULT = 1_000;
/** Tables built in one batch, at most: about ten milliseconds of work. */
const TABLES_PER_BATCH_MAX = 16;

export class BatchVerifier implements Verifier {
  readonly metrics: VerifierMetrics = {
    accepted: 0,
    referred: 0,
    sampled: 0,
    disagreements: 0,
    tablesBuilt: 0,
    tablesInUse: 0,
    tableBytes: 0,
  };
  readonly #reference: Reference;
  readonly #log: (message: string) => void;
  readonly #random: () => number;
  readonly #sampleInterval: number;
  #accounts: Accounts;
  #engine: Engine | undefined;
  #acceptsToSample: number;
  #tablesToBuild = 0;

  constructor(
    reference: Reference,
    engine: Engine | undefined,
    log: (message: string) => void,
    options: VerifierOptions,
  ) {
    this.#reference = reference;
    this.#engine = engine;
    this.#log = log;
    this.#random = options.random ?? Math.random;
    this.#sampleInterval = options.sampleInterval ?? SAMPLE_INTERVAL_DEFAULT;
    this.#acceptsToSample = this.#nextSample();
    const bytes = options.tableBytesMax ?? TABLE_BYTES_MAX_DEFAULT;
    this.#accounts = new Accounts(engine === undefined ? 0 : Math.floor(bytes / engine.tableBytes));
  }

  get variant(): Variant {
    return this.#engine?.variant ?? this.#reference.name;
  }

  verify(batch: SignatureBatch): Uint8Array {
    const { count } = batch;
    check(Number.isSafeInteger(count) && count >= 0, "a count of signatures");
    check(batch.digests.length === DIGEST_BYTES * count, "a digest per signature");
    check(batch.signatures.length === SIGNATURE_BYTES * count, "65 bytes per signature");
    check(batch.addresses.length === ADDRESS_BYTES * count, "an address per signature");
    this.#tablesToBuild = TABLES_PER_BATCH_MAX;
    const results = new Uint8Array(count);
    const engine = this.#engine;
    if (engine === undefined) {
      for (let i = 0; i < count; i++) results[i] = this.#refer(batch, i) === undefined ? 0 : 1;
      return results;
    }
    for (let first = 0; first < count; first += engine.chunk) {
      const last = Math.min(first + engine.chunk, count);
      if (!this.#verifyChunk(engine, batch, first, last, results)) {
        this.#disagree(engine);
        return this.verify(batch);
      }
    }
    return results;
  }

  addKey(publicKey: Uint8Array): Uint8Array {
    const key = this.#reference.parseKey(publicKey);
    check(key !== undefined, "a public key on the curve");
    const address = addressOf(key);
    if (this.#accounts.find(address, 0) === undefined) this.#buildTable(address, key);
    return address;
  }

  removeKey(address: Uint8Array): boolean {
    check(address.length === ADDRESS_BYTES, "an address is of 20 bytes");
    const removed = this.#accounts.remove(address);
    this.#countTables();
    return removed;
  }

  recoverAddress(digest: Uint8Array, signature: Uint8Array): Uint8Array | undefined {
    check(digest.length === DIGEST_BYTES && signature.length === SIGNATURE_BYTES, "a digest and a signature");
    const key = this.#reference.recover(digest, signature);
    return key === undefined ? undefined : addressOf(key);
  }

  /** Signatures first to last - 1, at most a chunk. False if the fast path and the reference disagree. */
  #verifyChunk(
    engine: Engine,
    batch: SignatureBatch,
    first: number,
    last: number,
    results: Uint8Array,
  ): boolean {
    const placed: number[] = [];
    const keys: Uint8Array[] = [];
    const others: number[] = [];
    for (let i = first; i < last; i++) {
      const account = this.#accounts.find(batch.addresses, ADDRESS_BYTES * i);
      if (account === undefined) {
        others.push(i);
      } else {
        engine.place(placed.length, i - first, account.slot);
        placed.push(i);
        keys.push(account.publicKey);
      }
    }
    if (placed.length > 0) {
      const digests = batch.digests.subarray(DIGEST_BYTES * first, DIGEST_BYTES * last);
      const signatures = batch.signatures.subarray(SIGNATURE_BYTES * first, SIGNATURE_BYTES * last);
      const answers = engine.verify(digests, signatures, placed.length);
      for (const [k, i] of placed.entries()) {
        const valid = this.#judge(answers[k]!, batch, i, keys[k]!);
        if (valid === undefined) return false;
        results[i] = valid ? 1 : 0;
      }
    }
    for (const i of others) {
      const key = this.#refer(batch, i);
      results[i] = key === undefined ? 0 : 1;
      if (key !== undefined)
        this.#learn(batch.addresses.subarray(ADDRESS_BYTES * i, ADDRESS_BYTES * (i + 1)), key);
    }
    return true;
  }

  /** Whether signature i is valid, given the fast path's answer; undefined if the reference contradicts it. */
  #judge(answer: number, batch: SignatureBatch, i: number, key: Uint8Array): boolean | undefined {
    if (answer !== ACCEPTED) {
      this.metrics.referred += 1;
      const valid = this.#isSignedBy(batch, i, key);
      return valid && answer === REJECTED ? undefined : valid;
    }
    this.metrics.accepted += 1;
    this.#acceptsToSample -= 1;
    if (this.#acceptsToSample > 0) return true;
    this.#acceptsToSample = this.#nextSample();
    this.metrics.sampled += 1;
    return this.#isSignedBy(batch, i, key) ? true : undefined;
  }

  #nextSample(): number {
    return 1 + Math.floor(this.#random() * (2 * this.#sampleInterval - 1));
  }

  #isSignedBy(batch: SignatureBatch, i: number, key: Uint8Array): boolean {
    const recovered = this.#recover(batch, i);
    return recovered !== undefined && equalBytes(recovered, key);
  }

  /** The key of signature i if the reference finds it valid for its address. */
  #refer(batch: SignatureBatch, i: number): Uint8Array | undefined {
    this.metrics.referred += 1;
    const key = this.#recover(batch, i);
    const address = batch.addresses.subarray(ADDRESS_BYTES * i, ADDRESS_BYTES * (i + 1));
    return key !== undefined && equalBytes(addressOf(key), address) ? key : undefined;
  }

  #recover(batch: SignatureBatch, i: number): Uint8Array | undefined {
    return this.#reference.recover(
      batch.digests.subarray(DIGEST_BYTES * i, DIGEST_BYTES * (i + 1)),
      batch.signatures.subarray(SIGNATURE_BYTES * i, SIGNATURE_BYTES * (i + 1)),
    );
  }

  /** The reference accepted a signature of this account. */
  #learn(address: Uint8Array, key: Uint8Array): void {
    if (!this.#accounts.accepted(address) || this.#tablesToBuild === 0) return;
    this.#tablesToBuild -= 1;
    this.#buildTable(address, key);
  }

  #buildTable(address: Uint8Array, key: Uint8Array): void {
    const slot = this.#engine === undefined ? undefined : this.#accounts.takeSlot();
    if (slot === undefined) return;
    if (this.#engine!.buildTable(slot, key)) {
      this.#accounts.add(address, key, slot);
      this.metrics.tablesBuilt += 1;
    } else {
      this.#accounts.returnSlot(slot);
    }
    this.#countTables();
  }

  #countTables(): void {
    this.metrics.tablesInUse = this.#accounts.size;
    this.metrics.tableBytes = this.#accounts.size * (this.#engine?.tableBytes ?? 0);
  }

  #disagree(engine: Engine): void {
    this.metrics.disagreements += 1;
    this.#engine = undefined;
    this.#accounts = new Accounts(0);
    this.#countTables();
    this.#log(
      `verify: DISAGREEMENT between variant ${engine.variant} and the reference (${this.#reference.name}): the fast path is off until restart; please report this machine's processor and Node version`,
    );
  }
}

function check(condition: boolean, expected: string): asserts condition {
  if (!condition) throw new RangeError(`expected ${expected}`);
}
