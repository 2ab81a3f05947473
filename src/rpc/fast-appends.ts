/**
 * The way of most appends: the body of a request goes to a worker as it came, comes back as verified transactions,
 * and is answered once they are in the log. The main thread parses, hashes and verifies nothing. Requests with anything
 * else in them keep their place in the order of arrival and go the ordinary way.
 */

import { SequencerError } from "../base/errors.ts";
import type { Log } from "../log/log.ts";
import type { Intake, Place } from "../sequencing/intake.ts";
import type { TaskMessage } from "../sequencing/job-server.ts";
import type { Outcome } from "../sequencing/outcome.ts";
import { TransactionBatch } from "../sequencing/transaction-batch.ts";
import { type WorkerPool, workerModule } from "../sequencing/worker-pool.ts";
import { APPEND } from "./append-request.ts";
import type { ReadRequest } from "./append-worker.ts";
import { type Answer, fail, succeed } from "./json-rpc.ts";
import { ReceiptFormatter } from "./receipt-format.ts";

export interface FastAppendsOptions {
  readonly log: Log;
  readonly intake: Intake;
  readonly workers: WorkerPool;
  /** Told how the outcomes of each request came about. */
  readonly measure: (outcomes: Promise<Outcome[]>) => Promise<Outcome[]>;
}

/** The module of the workers that can read requests. */
export const APPEND_WORKER = workerModule("./append-worker", import.meta.url);

/** How far into a body its first method's name is looked for. */
const GLANCE_BYTES = 256;
/** Bytes of a request that take a worker about as long as a signature does. */
const BYTES_PER_SIGNATURE = 1_024;

export class FastAppends {
  readonly #options: FastAppendsOptions;
  readonly #receipts: ReceiptFormatter;

  constructor(options: FastAppendsOptions) {
    this.#options = options;
    this.#receipts = new ReceiptFormatter(options.log);
  }

  /** A place for a request that looks like appends, if there is room for it; else it goes the ordinary way. */
  reserve(body: Buffer, source: string): Place | undefined {
    if (!body.subarray(0, GLANCE_BYTES).includes(APPEND)) return undefined;
    return this.#options.intake.reserve(source, body.length);
  }

  /** Gives up the place of a request that was answered, if nothing of it needed one. */
  release(place: Place): void {
    this.#options.intake.release(place);
  }

  /** The answer; undefined if the request is not just valid appends and has to go the ordinary way, with its place. */
  async answer(body: Buffer, place: Place): Promise<Answer | undefined> {
    const { intake, workers, measure } = this.#options;
    const weight = Math.ceil(body.length / BYTES_PER_SIGNATURE);
    const read = await workers.run<ReadRequest | undefined>({ weight, pack: () => pack(body) });
    if (read === undefined) return undefined;
    const batch = new TransactionBatch(read.ids.length, read.packed);
    return this.#format(read, await measure(intake.accept(batch, place)));
  }

  #format({ isBatch, ids, acks }: ReadRequest, outcomes: readonly Outcome[]): Answer {
    const wantsNone = new Set(acks);
    const bodies = ids.map((id, i) => {
      const outcome = outcomes[i]!;
      if (outcome instanceof SequencerError) return fail(id, outcome).body;
      return succeed(id, this.#receipts.format(outcome, !wantsNone.has(i))).body;
    });
    if (isBatch) return { body: encode(`[${bodies.join(",")}]`) };
    const [outcome] = outcomes;
    return { body: encode(bodies[0]!), ...(outcome instanceof SequencerError && { error: outcome }) };
  }
}

/** A copy in a buffer of its own: the body stays here until it is answered, for another worker may need it. */
function pack(body: Buffer): TaskMessage {
  const copy = new Uint8Array(body);
  return { kind: "read", body: copy, buffer: copy.buffer };
}

/** Text that is nearly always ASCII: then its bytes are its characters, which are copied faster than encoded. */
function encode(text: string): Buffer {
  return Buffer.from(text, Buffer.byteLength(text) === text.length ? "latin1" : "utf8");
}
