/**
 * The way of most appends: the body of a request goes to a worker as it came, comes back as verified transactions,
 * and is answered once they are in the log. The main thread parses, hashes and verifies nothing. Requests with anything
 * else in them keep their place in the order of arrival and go the ordinary way.
 */
import { SequencerError } from "../base/errors.ts";
import { RECEIPT_TEXT_BYTES, REQUEST_CALLS_MAX } from "../base/limits.ts";
import { workerModule } from "../base/threads.ts";
import type { Log } from "../log/log.ts";
import type { Intake, Place } from "../sequencing/intake.ts";
import type { Outcome } from "../sequencing/outcome.ts";
import type { WorkerPool } from "../sequencing/worker-pool.ts";
import { AnswerText } from "./answer-text.ts";
import { APPEND } from "./append-request.ts";
import { type Answer, fail, type Id, SUCCESS_BEGIN, SUCCESS_END, SUCCESS_RESULT } from "./json-rpc.ts";
import { ReadRequest } from "./read-request.ts";
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
/** From so many bytes on, two workers are faster than one by more than a second message takes; batches of 100 are not. */
const SHARED_BYTES_MIN = 128 * 1_024;
const BATCH_BEGIN = "[".charCodeAt(0);
const BATCH_END = "]".charCodeAt(0);

export class FastAppends {
  readonly #options: FastAppendsOptions;
  readonly #receipts: ReceiptFormatter;

  constructor(options: FastAppendsOptions) {
    this.#options = options;
    this.#receipts = new ReceiptFormatter(options.log);
  }

  /** A place for a request that looks like appends, if there is room for it; else it goes the ordinary way. */
  reserve(body: Buffer, source: string): Place | undefined {
    if (!body.toString("latin1", 0, GLANCE_BYTES).includes(APPEND)) return undefined;
    return this.#options.intake.reserve(source, body.length);
  }

  /** Gives up the place of a request that was answered, if nothing of it needed one. */
  release(place: Place): void {
    this.#options.intake.release(place);
  }

  /** The answer; undefined if the request is not just valid appends and has to go the ordinary way, with its place. */
  async answer(body: Buffer, place: Place): Promise<Answer | undefined> {
    const { intake, measure } = this.#options;
    const parts = await this.#read(body);
    if (parts === undefined) return undefined;
    const batches = parts.map(({ transactions }) => transactions);
    return this.#format(parts, await measure(intake.accept(batches, place)));
  }

  /** The request as workers read it: one, or two with half of it each where both have nothing else to do. */
  async #read(body: Buffer): Promise<readonly ReadRequest[] | undefined> {
    const { workers } = this.#options;
    const isShared = body.length >= SHARED_BYTES_MIN && workers.idle > 1;
    const parts = (isShared ? halves(body) : undefined) ?? [body];
    const tasks = parts.map((bytes) => {
      return { kind: "read", bytes, weight: Math.ceil(bytes.length / BYTES_PER_SIGNATURE) };
    });
    const read = await Promise.all(tasks.map((task) => workers.run(task)));
    if (read.some(({ length }) => length === 0)) return undefined;
    const requests = read.map((bytes) => new ReadRequest(bytes));
    const calls = requests.reduce((sum, request) => sum + request.calls, 0);
    return calls > REQUEST_CALLS_MAX ? undefined : requests;
  }

  #format(parts: readonly ReadRequest[], outcomes: readonly Outcome[]): Answer {
    const { isBatch } = parts[0]!;
    const text = new AnswerText(outcomes.length * RECEIPT_TEXT_BYTES);
    let done = 0;
    if (isBatch) text.write("[");
    for (const part of parts) {
      for (let i = 0; i < part.calls; i++) {
        if (done > 0) text.write(",");
        this.#writeAnswer(part, i, outcomes[done++]!, text);
      }
    }
    if (isBatch) text.write("]");
    const error = outcomes.find((outcome) => outcome instanceof SequencerError);
    const own = !isBatch && error && { error };
    const body = text.finish();
    if (typeof body !== "string") return { body: [body], ...own };
    return { body, isAscii: error === undefined && parts.every((part) => part.isAscii), ...own };
  }

  #writeAnswer(part: ReadRequest, i: number, outcome: Outcome, text: AnswerText): void {
    const id = part.id(i);
    if (outcome instanceof SequencerError) {
      text.writeUtf8(fail(JSON.parse(id.toString()) as Id, outcome).body);
      return;
    }
    text.write(SUCCESS_BEGIN);
    text.writeBytes(id);
    text.write(SUCCESS_RESULT);
    this.#receipts.write(outcome, part.wantsProof(i), text);
    text.write(SUCCESS_END);
  }
}

/**
 * A batch as two, cut where a call in its middle seems to end. If it does not, because that is in a string or deeper,
 * the first half is no JSON, and the request goes the ordinary way.
 */
function halves(body: Buffer): [Uint8Array, Uint8Array] | undefined {
  const cut = body[0] === BATCH_BEGIN ? body.indexOf("},{", body.length >> 1) : -1;
  if (cut < 0) return undefined;
  const second = new Uint8Array(body.length - cut - 1);
  second[0] = BATCH_BEGIN;
  second.set(body.subarray(cut + 2), 1);
  const first = new Uint8Array(cut + 2);
  first.set(body.subarray(0, cut + 1));
  first[cut + 1] = BATCH_END;
  return [first, second];
}
