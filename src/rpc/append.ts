/**
 * sequencer_append: the calls of one tick go to the node as one submission, in their order, so that a batch costs one
 * round through verification. SPEC section 5.
 */
import { fromHex } from "../base/bytes.ts";
import { SequencerError } from "../base/errors.ts";
import type { Outcome } from "../sequencing/outcome.ts";
import { AnswerText } from "./answer-text.ts";
import { APPEND_PARAMS } from "./append-request.ts";
import type { Backend } from "./backend.ts";
import type { Method, Source } from "./json-rpc.ts";
import { parseReceiptOption } from "./params.ts";
import { ReceiptFormatter } from "./receipt-format.ts";

interface Waiting {
  readonly payload: Uint8Array;
  readonly resolve: (outcome: Outcome) => void;
  readonly reject: (error: unknown) => void;
}

export function appendMethod(backend: Backend): Method {
  const gather = gatherer(backend);
  const receipts = new ReceiptFormatter(backend.log);
  return {
    params: APPEND_PARAMS,
    handle: async ({ tx, options }, source) => {
      const receipt = parseReceiptOption(options);
      const outcome = await gather(fromHex(tx), source);
      if (outcome instanceof SequencerError) throw outcome;
      const text = new AnswerText();
      receipts.write(outcome, receipt === "full", text);
      return text.finishShort();
    },
  };
}

/** Collects the payloads of one request: its calls are made within a tick. */
function gatherer(backend: Backend): (payload: Uint8Array, source: Source) => Promise<Outcome> {
  let waiting: Waiting[] = [];
  let waitingSource: Source | undefined;
  const flush = (): void => {
    const batch = waiting;
    waiting = [];
    const payloads = batch.map(({ payload }) => payload);
    backend.append(payloads, waitingSource!).then(
      (outcomes) => {
        batch.forEach(({ resolve }, i) => {
          resolve(outcomes[i]!);
        });
      },
      (error) => {
        for (const { reject } of batch) reject(error);
      },
    );
  };
  return (payload, source) =>
    new Promise((resolve, reject) => {
      if (waiting.length > 0 && source !== waitingSource) flush();
      if (waiting.length === 0) queueMicrotask(() => waiting.length > 0 && flush());
      waitingSource = source;
      waiting.push({ payload, resolve, reject });
    });
}
