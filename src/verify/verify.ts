/**
 * Verifies batches of secp256k1 signatures by accounts that sign often, several times faster than one by one:
 * an account whose signatures the reference has accepted gets a table of its key, and signatures of accounts
 * with tables are verified together by the fast path. What is valid is SPEC section 1, nothing else.
 *
 * The fast path only ever accepts. Whatever it does not accept, a sample of what it does, and accounts without
 * a table are decided by the reference; if the two disagree the fast path is switched off for good.
 */
import { equalBytes } from "../base/bytes.ts";
import { Accounts, ADDRESS_BYTES } from "./accounts.ts";
import { ACCEPTED, type Engine, type EngineVariant, REJECTED } from "./engine.ts";
import { addressOf, loadReference, type Reference } from "./reference.ts";
import { passesSelfTest } from "./self-test.ts";
import { chooseEngine } from "./variants.ts";

export const DIGEST_BYTES = 32;
/** r || s || yParity, the parity as 0 or 1. */
export const SIGNATURE_BYTES = 65;

/** `count` signatures, each array end to end. */
export interface SignatureBatch {
  readonly count: number;
  /** 32 bytes each. */
  readonly digests: Uint8Array;
  /** r || s || yParity, 65 bytes each. */
  readonly signatures: Uint8Array;
  /** 20 bytes each: the account that is said to have signed. */
  readonly addresses: Uint8Array;
}

/** How signatures are verified: by fused multiply-add, by standard SIMD, or by the reference alone. */
export type Variant = EngineVariant | "native" | "javascript";

export interface VerifierOptions {
  /** The first variant to try; the next ones follow if it fails its self-test. Default "auto": "fma". */
  readonly variant?: "auto" | EngineVariant | "native";
  /**
   * Bound of all tables together. The default, 320 MiB, is 1,024 tables; they are allocated as accounts earn
   * them, so twenty accounts take 6 MiB.
   */
  readonly tableBytesMax?: number;
  /** One accepted signature in this many, on average, is checked by the reference. 1 checks all of them. */
  readonly sampleInterval?: number;
  /** Uniform in [0, 1). Which accepts are checked must not be foreseeable by who signs. */
  readonly random?: () => number;
  /** Told once about each fall-back and each disagreement. */
  readonly log?: (message: string) => void;
  /** For tests. */
  readonly selfTest?: (engine: Engine) => boolean;
  readonly reference?: Reference;
}

/** Counters since the start, and two gauges. */
export interface VerifierMetrics {
  /** Signatures accepted by the fast path. */
  accepted: number;
  /** Signatures decided by the reference: no table, or not accepted by the fast path. */
  referred: number;
  /** Accepted signatures that the reference checked again. */
  sampled: number;
  disagreements: number;
  tablesBuilt: number;
  tablesInUse: number;
  tableBytes: number;
}

export interface Verifier {
  readonly variant: Variant;
  readonly metrics: Readonly<VerifierMetrics>;
  /** 1 for each valid signature, 0 for each other one. Throws RangeError if the arrays do not fit the count. */
  verify(batch: SignatureBatch): Uint8Array;
  /**
   * Builds the table of a public key (33, 64 or 65 bytes) at once, whatever its account has signed so far.
   * Returns the account's address. Throws RangeError if it is not a key.
   */
  addKey(publicKey: Uint8Array): Uint8Array;
  /** Forgets an account, for instance one that may no longer write. False if it had no table. */
  removeKey(address: Uint8Array): boolean;
  /** The account that signed, or undefined if the signature is nobody's. By the reference. */
  recoverAddress(digest: Uint8Array, signature: Uint8Array): Uint8Array | undefined;
}

const TABLE_BYTES_MAX_DEFAULT = 320 * 2 ** 20;
const SAMPLE_INTERVAL_DEFAULT = 1_000;
/** Tables built in one batch, at most: about ten milliseconds of work. */
const TABLES_PER_BATCH_MAX = 16;

export function createVerifier(options: VerifierOptions = {}): Verifier {
  const log = options.log ?? ((message: string) => console.warn(message));
  const reference = options.reference ?? loadReference();
  if (reference.name === "javascript") {
    log("verify: the native secp256k1 binding cannot be loaded; the reference is @noble/curves, far slower");
  }
  const engine = chooseEngine(options.variant ?? "auto", options.selfTest ?? passesSelfTest, log);
  return new BatchVerifier(reference, engine, log, options);
}

class BatchVerifier implements Verifier {
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
