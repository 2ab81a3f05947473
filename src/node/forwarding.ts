/**
 * Appends across the network: a replica hands them to the primary and verifies the receipts that come back.
 */
import { equalBytes, toHex } from "../base/bytes.ts";
import { checkpointDigest } from "../base/eip712.ts";
import { SequencerError } from "../base/errors.ts";
import { FORWARD_BYTES_MAX } from "../base/limits.ts";
import { recoveredFrom } from "../base/secp256k1.ts";
import type { AttestedHead } from "../log/checkpoint.ts";
import { encodeEntry } from "../log/entry.ts";
import type { Log } from "../log/log.ts";
import { leafHash } from "../log/merkle.ts";
import { unpackProof, verifyInclusion } from "../log/proof.ts";
import {
  decodeAppendAnswer,
  decodeAppendRequest,
  encodeAppendAnswer,
  encodeAppendRequest,
  type ForwardedReceipt,
} from "../replication/append-messages.ts";
import { type Outcome, proofOf } from "../sequencing/outcome.ts";
import { decodeOperation, operationId } from "../sequencing/transaction.ts";

type Submit = (payloads: readonly Uint8Array[], source: string) => Promise<Outcome[]>;

/** The primary's end: the answer frame to a frame of payloads; undefined if it is none. */
export async function answerAppend(
  log: Log,
  submit: Submit,
  frame: Uint8Array,
  peer: string,
): Promise<Uint8Array | undefined> {
  const payloads = decodeAppendRequest(frame);
  if (payloads === undefined) return undefined;
  const outcomes = await submit(payloads, peer);
  return encodeAppendAnswer(
    outcomes.map((one) => (one instanceof SequencerError ? one : { ...one, proof: proofOf(log, one) })),
  );
}

/** The replica's end. Payloads that are no operations are refused here; all others are the primary's to judge. */
export class Forwarder {
  readonly #log: Log;
  readonly #ask: AskPrimary;
  /** The head that was verified last: the receipts of one block share it. */
  #verified: AttestedHead | undefined;

  constructor(log: Log, ask: AskPrimary) {
    this.#log = log;
    this.#ask = ask;
  }

  async submit(payloads: readonly Uint8Array[]): Promise<Outcome[]> {
    const outcomes: Outcome[] = [];
    for (const frame of framesOf(payloads)) outcomes.push(...(await this.#forward(frame)));
    return outcomes;
  }

  async #forward(payloads: readonly Uint8Array[]): Promise<Outcome[]> {
    const outcomes = payloads.map((payload) => this.#identify(payload));
    const sent = outcomes.filter((one): one is Sent => !(one instanceof SequencerError));
    if (sent.length === 0) return outcomes as SequencerError[];
    const answers = await this.#exchange(sent);
    let next = 0;
    return outcomes.map((one) => {
      if (one instanceof SequencerError) return one;
      const answer = answers instanceof SequencerError ? answers : answers[next++]!;
      if (!(answer instanceof SequencerError)) return { ...answer, id: one.id };
      return answer.code === "network" ? unknownOutcome(one.id) : answer;
    });
  }

  #identify(payload: Uint8Array): Sent | SequencerError {
    try {
      return { payload, id: operationId(this.#log.context, decodeOperation(payload)) };
    } catch (error) {
      if (error instanceof SequencerError) return error;
      throw error;
    }
  }

  async #exchange(sent: readonly Sent[]): Promise<Answers> {
    try {
      const frame = encodeAppendRequest(sent.map(({ payload }) => payload));
      return await this.#ask(frame, (answer) => {
        const answers = decodeAppendAnswer(answer, sent.length);
        const isProved = answers?.every(
          (one, i) => one instanceof SequencerError || this.#isProved(sent[i]!, one),
        );
        return isProved ? answers : undefined;
      });
    } catch (error) {
      if (error instanceof SequencerError) return error;
      throw error;
    }
  }

  /** The receipt must prove this very payload under a head of the operator. */
  #isProved({ payload }: Sent, { sequence, timestamp, head, proof }: ForwardedReceipt): boolean {
    const hashes = unpackProof(proof);
    const leaf = leafHash(encodeEntry({ timestamp, payload }));
    if (hashes === undefined || !verifyInclusion(sequence, head.size, leaf, hashes, head.root)) return false;
    const last = this.#verified;
    if (last?.size === head.size && equalBytes(last.root, head.root)) return true;
    const digest = checkpointDigest(this.#log.context, head);
    if (!recoveredFrom(digest, head.signature, this.#log.genesis.operator)) return false;
    this.#verified = head;
    return true;
  }
}

interface Sent {
  readonly payload: Uint8Array;
  readonly id: Uint8Array;
}

/**
 * Sends a frame to the primary; whoever answers what is not accepted is not the primary.
 * @throws SequencerError `unavailable` if it certainly did not arrive, `network` if nobody knows
 */
export type AskPrimary = <T>(frame: Uint8Array, accept: (answer: Uint8Array) => T | undefined) => Promise<T>;

type Answers = (ForwardedReceipt | SequencerError)[] | SequencerError;

function unknownOutcome(id: Uint8Array): SequencerError {
  return new SequencerError(
    "unavailable",
    "the primary did not answer: the transaction may have been ordered",
    {
      data: { outcome: "unknown", id: toHex(id) },
      hint: "Send it again: it is ordered at most once",
    },
  );
}

/** Payloads in groups that fit into a frame. */
function* framesOf(payloads: readonly Uint8Array[]): Iterable<Uint8Array[]> {
  let group: Uint8Array[] = [];
  let bytes = 0;
  for (const payload of payloads) {
    if (group.length > 0 && bytes + payload.length > FORWARD_BYTES_MAX) {
      yield group;
      group = [];
      bytes = 0;
    }
    group.push(payload);
    bytes += payload.length;
  }
  if (group.length > 0) yield group;
}
