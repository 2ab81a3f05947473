/**
 * `/sequencer/append/1.0.0`: payloads that a replica was asked to append, and what became of them at the primary.
 *
 * request  u16be count || count times (u32be length || payload)
 * answer   count times: 0x01 || u64be sequence || u64be timestamp || u64be size || root || signature (65 B)
 *                            || u16be length || proof
 *                    or 0x00 || u16be length || JSON {code, message, data}
 */
import { concatBytes, fromUtf8, readU64be, u64be, utf8, viewOf } from "../base/bytes.ts";
import { type ErrorCode, RPC_CODES, SequencerError } from "../base/errors.ts";
import { HASH_BYTES } from "../base/hash.ts";
import { FORWARD_BYTES_MAX, PROOF_HASHES_MAX, REQUEST_CALLS_MAX } from "../base/limits.ts";
import { SIGNATURE_BYTES } from "../base/secp256k1.ts";
import type { AttestedHead } from "../log/checkpoint.ts";

export const APPEND_PROTOCOL = "/sequencer/append/1.0.0";

const ERROR_BYTES_MAX = 2_048;
const RECEIPT_BYTES = 1 + 8 + 8 + 8 + HASH_BYTES + SIGNATURE_BYTES + 2;

/** Bytes of a request frame: payloads with their lengths, or one large payload by itself. */
export const APPEND_REQUEST_BYTES_MAX = FORWARD_BYTES_MAX + 4 * REQUEST_CALLS_MAX + 2;
/** Bytes of an answer frame. */
export const APPEND_ANSWER_BYTES_MAX =
  REQUEST_CALLS_MAX * Math.max(RECEIPT_BYTES + PROOF_HASHES_MAX * HASH_BYTES, 3 + ERROR_BYTES_MAX);

/** A place in the log, proved under a head; the replica verifies it. */
export interface ForwardedReceipt {
  readonly sequence: number;
  /** Unix milliseconds. */
  readonly timestamp: number;
  readonly head: AttestedHead;
  /** Hashes concatenated. */
  readonly proof: Uint8Array;
}

export function encodeAppendRequest(payloads: readonly Uint8Array[]): Uint8Array {
  const count = new Uint8Array(2);
  viewOf(count).setUint16(0, payloads.length);
  return concatBytes(count, ...payloads.flatMap((payload) => [u32be(payload.length), payload]));
}

/** Undefined for anything that is no request. */
export function decodeAppendRequest(bytes: Uint8Array): Uint8Array[] | undefined {
  if (bytes.length < 2) return undefined;
  const view = viewOf(bytes);
  const count = view.getUint16(0);
  if (count === 0 || count > REQUEST_CALLS_MAX) return undefined;
  const payloads: Uint8Array[] = [];
  let offset = 2;
  while (payloads.length < count) {
    if (offset + 4 > bytes.length) return undefined;
    const end = offset + 4 + view.getUint32(offset);
    if (end > bytes.length) return undefined;
    payloads.push(bytes.subarray(offset + 4, end));
    offset = end;
  }
  return offset === bytes.length ? payloads : undefined;
}

export function encodeAppendAnswer(outcomes: readonly (ForwardedReceipt | SequencerError)[]): Uint8Array {
  return concatBytes(
    ...outcomes.map((one) => (one instanceof SequencerError ? encodeError(one) : encodeReceipt(one))),
  );
}

/** Undefined unless these are `count` outcomes. */
export function decodeAppendAnswer(
  bytes: Uint8Array,
  count: number,
): (ForwardedReceipt | SequencerError)[] | undefined {
  const outcomes: (ForwardedReceipt | SequencerError)[] = [];
  let offset = 0;
  while (outcomes.length < count) {
    const isReceipt = bytes[offset] === 1;
    const lengthAt = offset + (isReceipt ? RECEIPT_BYTES : 3) - 2;
    if (lengthAt + 2 > bytes.length) return undefined;
    const end = lengthAt + 2 + viewOf(bytes).getUint16(lengthAt);
    if (end > bytes.length) return undefined;
    const outcome = isReceipt
      ? decodeReceipt(bytes.subarray(offset, end))
      : decodeError(bytes.subarray(offset + 3, end));
    if (outcome === undefined) return undefined;
    outcomes.push(outcome);
    offset = end;
  }
  return offset === bytes.length ? outcomes : undefined;
}

function encodeReceipt({ sequence, timestamp, head, proof }: ForwardedReceipt): Uint8Array {
  return concatBytes(
    Uint8Array.of(1),
    u64be(sequence),
    u64be(timestamp),
    u64be(head.size),
    head.root,
    head.signature,
    u16be(proof.length),
    proof,
  );
}

function decodeReceipt(bytes: Uint8Array): ForwardedReceipt | undefined {
  const [sequence, timestamp, size] = [1, 9, 17].map((offset) => readU64be(bytes, offset));
  if (sequence === undefined || timestamp === undefined || size === undefined) return undefined;
  const root = Uint8Array.from(bytes.subarray(25, 25 + HASH_BYTES));
  const signature = Uint8Array.from(bytes.subarray(25 + HASH_BYTES, RECEIPT_BYTES - 2));
  return {
    sequence,
    timestamp,
    head: { size, root, signature },
    proof: Uint8Array.from(bytes.subarray(RECEIPT_BYTES)),
  };
}

function encodeError({ code, message, data }: SequencerError): Uint8Array {
  const text = utf8(JSON.stringify({ code, message: message.slice(0, 500), data }));
  const json =
    text.length <= ERROR_BYTES_MAX ? text : utf8(JSON.stringify({ code, message: message.slice(0, 500) }));
  return concatBytes(Uint8Array.of(0), u16be(json.length), json);
}

function decodeError(bytes: Uint8Array): SequencerError | undefined {
  try {
    const { code, message, data } = JSON.parse(fromUtf8(bytes) ?? "");
    if (!(code in RPC_CODES) || typeof message !== "string") return undefined;
    const isData = typeof data === "object" && data !== null && !Array.isArray(data);
    return new SequencerError(code as ErrorCode, message, isData ? { data } : {});
  } catch {
    return undefined;
  }
}

function u16be(value: number): Uint8Array {
  return Uint8Array.of(value >> 8, value & 255);
}

function u32be(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  viewOf(bytes).setUint32(0, value);
  return bytes;
}
