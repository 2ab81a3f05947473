/**
 * The JSON-RPC methods that read, SPEC section 5. Everything they answer lies under the signed head.
 */
import { fromHex, isHex, toHex } from "../base/bytes.ts";
import { ADDRESS_BYTES } from "../base/eip712.ts";
import { SequencerError } from "../base/errors.ts";
import { HASH_BYTES } from "../base/hash.ts";
import {
  DATA_BYTES_MAX,
  ENTRY_BYTES_MAX,
  READ_BYTES_MAX,
  READ_ENTRIES_MAX,
  REQUEST_BODY_BYTES_MAX,
  REQUEST_CALLS_MAX,
  ROLES_ANSWER_MAX,
} from "../base/limits.ts";
import type { SignedHead } from "../log/checkpoint.ts";
import { decodeEntry } from "../log/entry.ts";
import type { LogEntry } from "../log/log.ts";
import { packProof } from "../log/proof.ts";
import { AnswerText } from "./answer-text.ts";
import { appendMethod } from "./append.ts";
import type { Backend } from "./backend.ts";
import { writeEntries } from "./entry-json.ts";
import type { Method, Methods, Params } from "./json-rpc.ts";
import { parseIndex, parseOptionalIndex } from "./params.ts";

/** What a node tells of its bounds, so that clients need not try them out. */
const LIMITS = {
  dataBytesMax: DATA_BYTES_MAX,
  entryBytesMax: ENTRY_BYTES_MAX,
  requestBodyBytesMax: REQUEST_BODY_BYTES_MAX,
  requestCallsMax: REQUEST_CALLS_MAX,
  readEntriesMax: READ_ENTRIES_MAX,
  readBytesMax: READ_BYTES_MAX,
};

export function rpcMethods(backend: Backend): Methods {
  const method = (params: string[], handle: (params: Params) => unknown): Method => ({
    params,
    handle: (given) => JSON.stringify(handle(given)),
  });
  return new Map([
    ["sequencer_append", appendMethod(backend)],
    ["sequencer_read", { params: ["from", "to"], handle: (params) => read(backend, params) }],
    ["sequencer_info", method([], () => info(backend))],
    ["sequencer_receipt", method(["sequence", "id"], (params) => receipt(backend, params))],
    ["sequencer_consistency", method(["from", "to"], (params) => consistency(backend, params))],
    ["sequencer_permissions", method(["account"], (params) => permissions(backend, params))],
  ]);
}

/** The head that a node serves. @throws SequencerError `unavailable` before the first one */
export function signedHead({ log }: Backend): SignedHead {
  if (log.signed !== undefined) return log.signed;
  throw new SequencerError("unavailable", "the node has no signed head yet", {
    data: { reason: "starting" },
  });
}

function read(backend: Backend, params: Params): string | Uint8Array {
  const from = parseIndex(params.from, "from");
  const last = parseOptionalIndex(params.to, "to");
  if (last !== undefined && last < from) throw new SequencerError("invalid-params", "to lies before from");
  const { size } = signedHead(backend);
  if (from > size) throw notFound(`the log has ${size} entries`, size);
  const end = Math.min(size, last === undefined ? size : last + 1);
  const text = new AnswerText();
  text.write(`{"entries":[`);
  const next = writeEntries(backend.log, from, Math.min(end, from + READ_ENTRIES_MAX), text);
  text.write(next < end ? `],"next":${next}}` : "]}");
  return text.finish();
}

function info(backend: Backend): unknown {
  const { log } = backend;
  const head = signedHead(backend);
  const { genesis } = log;
  return {
    mode: backend.mode,
    version: backend.version,
    logId: toHex(log.logId),
    origin: genesis.origin,
    chainId: genesis.chainId,
    bond: toHex(genesis.bond),
    operator: toHex(genesis.operator),
    noteKey: toHex(genesis.noteKey),
    maxTransactionLifetimeMs: genesis.maxTransactionLifetimeMs,
    size: head.size,
    root: toHex(head.root),
    checkpoint: head.note,
    firstSequence: 0,
    lastTimestamp: timestampOf(log.entry(head.size - 1)),
    now: Date.now(),
    peers: backend.peers(),
    multiaddrs: backend.multiaddrs(),
    limits: LIMITS,
    ...(backend.bondStatus && { bondStatus: backend.bondStatus() }),
  };
}

function receipt(backend: Backend, params: Params): unknown {
  const { log } = backend;
  const head = signedHead(backend);
  const sequence = receiptSequence(backend, params);
  if (sequence === undefined)
    throw notFound("no entry with this id in the part of the log that is indexed", head.size);
  if (sequence >= head.size) throw notFound(`the log has ${head.size} entries`, head.size);
  const { entry, id } = log.entry(sequence);
  const { timestamp, payload } = decodeEntry(entry)!;
  return {
    logId: toHex(log.logId),
    sequence,
    id: sequence === 0 ? null : toHex(id),
    timestamp,
    payload: toHex(payload),
    checkpoint: {
      size: head.size,
      root: toHex(head.root),
      signature: toHex(head.signature),
      note: head.note,
    },
    proof: toHex(packProof(log.inclusionProof(sequence, head.size))),
  };
}

/** By position the first parameter is either; by name there are two. */
function receiptSequence(backend: Backend, { sequence, id }: Params): number | undefined {
  if (sequence !== undefined && id !== undefined) {
    throw new SequencerError("invalid-params", "give a sequence number or an id, not both");
  }
  const wanted = sequence ?? id;
  return isHex(wanted) ? backend.sequenceOf(fromHex(wanted, HASH_BYTES)) : parseIndex(wanted, "sequence");
}

function consistency(backend: Backend, params: Params): unknown {
  const from = parseIndex(params.from, "from");
  const to = parseIndex(params.to, "to");
  const { size } = signedHead(backend);
  if (from > to) throw new SequencerError("invalid-params", "from is larger than to");
  if (to > size) throw notFound(`the log has ${size} entries`, size);
  return { proof: toHex(packProof(backend.log.consistencyProof(from, to))) };
}

function permissions(backend: Backend, { account }: Params): unknown {
  if (account !== undefined) {
    const address = fromHex(account, ADDRESS_BYTES);
    return { account: toHex(address), role: backend.permissions.roleOf(address) };
  }
  const all: { account: string; role: string }[] = [];
  for (const one of backend.permissions) {
    if (all.length === ROLES_ANSWER_MAX) throw tooManyRoles();
    all.push({ account: toHex(one.account), role: one.role });
  }
  return all.sort((a, b) => (a.account < b.account ? -1 : 1));
}

function tooManyRoles(): SequencerError {
  return new SequencerError(
    "invalid-params",
    `more than ${ROLES_ANSWER_MAX} accounts have a role: name one`,
    {
      data: { max: ROLES_ANSWER_MAX },
      hint: "Read the permission entries of the log to learn of all",
    },
  );
}

function timestampOf({ entry }: LogEntry): number {
  return decodeEntry(entry)!.timestamp;
}

function notFound(message: string, size: number): SequencerError {
  return new SequencerError("not-found", message, { data: { size } });
}
