/**
 * sequencer_append: the calls of one tick go to the node as one submission, in their order, so that a batch costs one
 * round through verification. SPEC section 5.
 */
import { fromHex, toHex, toHexDigits } from "../base/bytes.ts";
import { SequencerError } from "../base/errors.ts";
import { type Appended, type Outcome, proofOf } from "../sequencing/outcome.ts";
import type { Backend } from "./backend.ts";
import type { Method } from "./json-rpc.ts";
import { parseReceiptOption } from "./params.ts";

interface Waiting {
  readonly payload: Uint8Array;
  readonly resolve: (outcome: Outcome) => void;
  readonly reject: (error: unknown) => void;
}

export function appendMethod(backend: Backend): Method {
  const gather = gatherer(backend);
  const formatCheckpoint = checkpointFormatter();
  const logId = toHex(backend.log.logId);
  return {
    params: ["tx", "options"],
    handle: async ({ tx, options }, source) => {
      const receipt = parseReceiptOption(options);
      const outcome = await gather(fromHex(tx), source);
      if (outcome instanceof SequencerError) throw outcome;
      const proof = receipt === "full" ? toHexDigits(proofOf(backend.log, outcome)) : undefined;
      return formatReceipt(logId, outcome, formatCheckpoint(outcome.head), proof);
    },
  };
}

/** Collects the payloads that one source sends within a tick: the calls of a batch. */
function gatherer(backend: Backend): (payload: Uint8Array, source: string) => Promise<Outcome> {
  let waiting: Waiting[] = [];
  let waitingSource = "";
  const flush = (): void => {
    const batch = waiting;
    waiting = [];
    const payloads = batch.map(({ payload }) => payload);
    backend.append(payloads, waitingSource).then(
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

/** @param checkpoint as JSON */
function formatReceipt(
  logId: string,
  { sequence, id, timestamp }: Appended,
  checkpoint: string,
  proof: string | undefined,
): string {
  const tail = proof === undefined ? "" : `,"proof":"0x${proof}"`;
  return `{"logId":"${logId}","sequence":${sequence},"id":"${toHex(id)}","timestamp":${timestamp},"checkpoint":${checkpoint}${tail}}`;
}

/** Checkpoints as JSON. All receipts of a block carry the same one: the last is kept. */
function checkpointFormatter(): (head: Appended["head"]) => string {
  let last: { head: Appended["head"]; json: string } | undefined;
  return (head) => {
    if (last?.head !== head) {
      const json = `{"size":${head.size},"root":"${toHex(head.root)}","signature":"${toHex(head.signature)}"}`;
      last = { head, json };
    }
    return last.json;
  };
}
