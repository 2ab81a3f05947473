/**
 * A JSON-RPC request that consists of well-formed calls of sequencer_append and nothing else, read in a worker. Any
 * other request, and whatever is wrong with this one, is for json-rpc.ts, which answers each call.
 */
import { fromHex } from "../base/bytes.ts";
import { SequencerError } from "../base/errors.ts";
import { REQUEST_CALLS_MAX } from "../base/limits.ts";
import { type Id, idOf, isObject, nameParams } from "./json-rpc.ts";
import { parseReceiptOption } from "./params.ts";

export const APPEND = "sequencer_append";
export const APPEND_PARAMS = ["tx", "options"] as const;

export interface AppendRequest {
  readonly isBatch: boolean;
  readonly payloads: readonly Uint8Array[];
  readonly ids: readonly Id[];
  /** The calls that want no proof; most requests have none. */
  readonly acks: readonly number[];
}

/** The request in this body, UTF-8; undefined if it is not just appends. */
export function parseAppendRequest(body: Uint8Array): AppendRequest | undefined {
  try {
    const request: unknown = JSON.parse(utf8.decode(body));
    const isBatch = Array.isArray(request);
    const calls: readonly unknown[] = isBatch ? request : [request];
    return calls.length === 0 || calls.length > REQUEST_CALLS_MAX ? undefined : readCalls(calls, isBatch);
  } catch (error) {
    if (error instanceof SequencerError || error instanceof SyntaxError) return undefined;
    throw error;
  }
}

// As Buffer.toString does: what is not UTF-8 is replaced, a byte-order mark stays.
const utf8 = new TextDecoder("utf-8", { ignoreBOM: true });

function readCalls(calls: readonly unknown[], isBatch: boolean): AppendRequest | undefined {
  const payloads: Uint8Array[] = [];
  const ids: Id[] = [];
  const acks: number[] = [];
  for (const call of calls) {
    const id = idOf(call);
    if (id === undefined || !isObject(call) || call.jsonrpc !== "2.0" || call.method !== APPEND)
      return undefined;
    const { tx, options } = nameParams(call.params, APPEND_PARAMS);
    if (parseReceiptOption(options) === "ack") acks.push(ids.length);
    payloads.push(fromHex(tx));
    ids.push(id);
  }
  return { isBatch, payloads, ids, acks };
}
