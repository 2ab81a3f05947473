/**
 * Verification in worker threads. Small requests that wait together travel as one job; large ones are cut, so that
 * all workers share them. A worker that breaks is replaced and its jobs are done again, once.
 */
import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { assert } from "../base/assert.ts";
import { concatBytes } from "../base/bytes.ts";
import { ADDRESS_BYTES } from "../base/eip712.ts";
import { SequencerError } from "../base/errors.ts";
import { HASH_BYTES } from "../base/hash.ts";
import {
  VERIFY_JOB_SIGNATURES_MAX,
  VERIFY_JOB_SIGNATURES_MIN,
  VERIFY_JOBS_PER_WORKER,
  VERIFY_TABLES_BYTES_MAX,
  VERIFY_TIMEOUT_MS,
} from "../base/limits.ts";
import { SIGNATURE_BYTES } from "../base/secp256k1.ts";
import type { SignatureBatch, VerifierMetrics } from "../verify/verify.ts";
import type { Verifier } from "./verifier.ts";
import type { VerifierSettings, VerifyReply, VerifyRequest } from "./verifier-worker.ts";

/** A part of a request that is verified in one go. */
interface Piece {
  readonly batch: SignatureBatch;
  readonly resolve: (verdicts: Uint8Array) => void;
  readonly reject: (error: unknown) => void;
  failedBefore: boolean;
}

interface Job {
  readonly pieces: readonly Piece[];
  readonly deadline: NodeJS.Timeout;
}

interface Member {
  readonly worker: Worker;
  /** As of its last verdicts. */
  metrics: Readonly<VerifierMetrics> | undefined;
  readonly jobs: Map<number, Job>;
}

/** What each worker verifies with, what it has to say, and when one had to be replaced. */
export type VerifierEvent =
  | { readonly variant: string }
  | { readonly notice: string }
  | { readonly error: unknown };

export interface VerifierPoolOptions {
  readonly workers: number;
  /** How to verify, and the bound of all tables together; the fastest way that passes its self-test unless given. */
  readonly settings?: VerifierSettings;
  readonly onEvent?: (event: VerifierEvent) => void;
}

/** The worker's module has this module's extension: TypeScript in the source tree, JavaScript in a build. */
const WORKER = new URL(
  `./verifier-worker${import.meta.url.slice(import.meta.url.lastIndexOf("."))}`,
  import.meta.url,
);

export class VerifierPool implements Verifier {
  readonly #options: VerifierPoolOptions;
  readonly #members: Member[] = [];
  #waiting: Piece[] = [];
  #nextJob = 0;
  #assigning = false;
  #closed = false;

  constructor(options: VerifierPoolOptions) {
    assert(options.workers >= 1, "a pool has a worker");
    this.#options = options;
    for (let i = 0; i < options.workers; i++) this.#members.push(this.#hire());
  }

  async verify(batch: SignatureBatch): Promise<Uint8Array> {
    if (this.#closed) throw closed();
    const pieces: Promise<Uint8Array>[] = [];
    for (let start = 0; start < batch.count; start += VERIFY_JOB_SIGNATURES_MAX) {
      const end = Math.min(batch.count, start + VERIFY_JOB_SIGNATURES_MAX);
      pieces.push(
        new Promise((resolve, reject) => {
          this.#waiting.push({ batch: slice(batch, start, end), resolve, reject, failedBefore: false });
        }),
      );
    }
    this.#assignSoon();
    const verdicts = await Promise.all(pieces);
    return verdicts.length === 1 ? verdicts[0]! : concatBytes(...verdicts);
  }

  /** A counter or gauge of the workers, summed. */
  sum(name: keyof VerifierMetrics): number {
    return this.#members.reduce((total, { metrics }) => total + (metrics?.[name] ?? 0), 0);
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const { reject } of this.#waiting.splice(0)) reject(closed());
    await Promise.all(this.#members.map(dismiss));
  }

  /** Once everything is read that has arrived by now: a message to a worker costs as much as a signature. */
  #assignSoon(): void {
    if (this.#assigning) return;
    this.#assigning = true;
    setImmediate(() => {
      this.#assigning = false;
      this.#assign();
    });
  }

  /** Hands waiting pieces to workers with room, the least busy one first. */
  #assign(): void {
    while (this.#waiting.length > 0) {
      const member = this.#members.reduce((least, other) =>
        other.jobs.size < least.jobs.size ? other : least,
      );
      if (member.jobs.size >= VERIFY_JOBS_PER_WORKER) return;
      this.#send(member, this.#takeJob());
    }
  }

  /** As much as lets all workers share what waits, within the bounds of a job. */
  #takeJob(): Piece[] {
    const waiting = this.#waiting.reduce((sum, { batch }) => sum + batch.count, 0);
    const share = Math.ceil(waiting / this.#members.length);
    const limit = Math.min(VERIFY_JOB_SIGNATURES_MAX, Math.max(VERIFY_JOB_SIGNATURES_MIN, share));
    let signatures = 0;
    let taken = 0;
    // What broke a worker goes alone, so that it takes nobody with it if it does so again.
    const alone = this.#waiting[0]?.failedBefore;
    for (const { batch, failedBefore } of this.#waiting) {
      const fits = signatures + batch.count <= limit;
      if (taken > 0 && (alone || failedBefore || !fits)) break;
      signatures += batch.count;
      taken++;
    }
    return this.#waiting.splice(0, taken);
  }

  #send(member: Member, pieces: readonly Piece[]): void {
    const job = this.#nextJob++;
    const deadline = setTimeout(() => {
      this.#replace(member, new Error(`no verdicts within ${VERIFY_TIMEOUT_MS} ms`));
    }, VERIFY_TIMEOUT_MS).unref();
    member.jobs.set(job, { pieces, deadline });
    const batch = join(pieces.map((piece) => piece.batch));
    member.worker.postMessage({ job, batch } satisfies VerifyRequest, [batch.digests.buffer as ArrayBuffer]);
  }

  #hire(): Member {
    const { settings, workers } = this.#options;
    const tableBytesMax = (settings?.tableBytesMax ?? VERIFY_TABLES_BYTES_MAX) / workers;
    const workerData: VerifierSettings = { ...settings, tableBytesMax };
    const member: Member = {
      worker: new Worker(WORKER, { workerData }),
      jobs: new Map(),
      metrics: undefined,
    };
    member.worker.on("message", (reply: VerifyReply) => {
      if (reply.kind === "ready") this.#options.onEvent?.({ variant: reply.variant });
      else if (reply.kind === "notice") this.#options.onEvent?.({ notice: reply.message });
      else this.#deliver(member, reply);
    });
    member.worker.on("error", (error) => this.#replace(member, error));
    return member;
  }

  #deliver(member: Member, { job: number, verdicts, metrics }: VerifyReply & { kind: "verdicts" }): void {
    const job = member.jobs.get(number);
    if (job === undefined) return;
    clearTimeout(job.deadline);
    member.jobs.delete(number);
    member.metrics = metrics;
    let at = 0;
    for (const { batch, resolve } of job.pieces) {
      resolve(verdicts.subarray(at, at + batch.count));
      at += batch.count;
    }
    this.#assign();
  }

  #replace(broken: Member, error: unknown): void {
    const index = this.#members.indexOf(broken);
    if (this.#closed || index < 0) return;
    this.#members[index] = this.#hire();
    void broken.worker.terminate();
    this.#options.onEvent?.({ error });
    const [atWork, ...queued] = broken.jobs.values();
    for (const { pieces, deadline } of queued) {
      clearTimeout(deadline);
      this.#waiting.unshift(...pieces);
    }
    clearTimeout(atWork?.deadline);
    for (const piece of atWork?.pieces ?? []) this.#retry(piece, error);
    this.#assign();
  }

  #retry(piece: Piece, cause: unknown): void {
    if (piece.failedBefore) {
      piece.reject(
        new SequencerError("internal", "signatures could not be verified: two workers broke", { cause }),
      );
    } else {
      piece.failedBefore = true;
      this.#waiting.unshift(piece);
    }
  }
}

function closed(): SequencerError {
  return new SequencerError("unavailable", "the node is shutting down", {
    data: { reason: "shutting-down" },
  });
}

/**
 * Lets a worker finish and end by itself: terminating it inside a native call can take the whole process down with it.
 */
async function dismiss({ worker }: Member): Promise<void> {
  const gone = once(worker, "exit", { signal: AbortSignal.timeout(VERIFY_TIMEOUT_MS) });
  worker.postMessage(null satisfies VerifyRequest);
  await gone.catch(() => worker.terminate());
}

function slice(
  { digests, signatures, addresses }: SignatureBatch,
  start: number,
  end: number,
): SignatureBatch {
  return {
    count: end - start,
    digests: digests.subarray(start * HASH_BYTES, end * HASH_BYTES),
    signatures: signatures.subarray(start * SIGNATURE_BYTES, end * SIGNATURE_BYTES),
    addresses: addresses.subarray(start * ADDRESS_BYTES, end * ADDRESS_BYTES),
  };
}

/** One batch in a buffer of its own, which the receiver may have: the three arrays side by side. */
function join(batches: readonly SignatureBatch[]): SignatureBatch {
  const all = concatBytes(
    ...batches.map(({ digests }) => digests),
    ...batches.map(({ signatures }) => signatures),
    ...batches.map(({ addresses }) => addresses),
  );
  const count = batches.reduce((sum, batch) => sum + batch.count, 0);
  const signaturesAt = count * HASH_BYTES;
  const addressesAt = signaturesAt + count * SIGNATURE_BYTES;
  return {
    count,
    digests: all.subarray(0, signaturesAt),
    signatures: all.subarray(signaturesAt, addressesAt),
    addresses: all.subarray(addressesAt),
  };
}
