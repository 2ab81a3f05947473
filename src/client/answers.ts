/**
 * The node's answers, from `unknown` to what the client works with. Nothing here is believed yet; the form is right.
 */
import { fromHex, isHex } from "../base/bytes.ts";
import { HASH_BYTES } from "../base/hash.ts";
import { SIGNATURE_BYTES } from "../base/secp256k1.ts";
import type { AttestedHead } from "../log/checkpoint.ts";
import { unpackProof } from "../log/proof.ts";
import { badAnswer } from "./transport.ts";

export interface AppendAnswer {
  readonly sequence: number;
  readonly id: Uint8Array;
  readonly timestamp: number;
  readonly head: AttestedHead;
  readonly proof: Uint8Array[];
}

export interface ReceiptAnswer {
  readonly sequence: number;
  readonly timestamp: number;
  readonly payload: Uint8Array;
  readonly note: string;
  readonly proof: Uint8Array[];
}

/** The fields of an object whose values somebody else chose. */
type Fields = Readonly<Record<string, unknown>>;

export function parseAppendAnswer(answer: unknown): AppendAnswer {
  const { sequence, id, timestamp, checkpoint, proof } = fieldsOf(answer);
  const { size, root, signature } = fieldsOf(checkpoint);
  return {
    sequence: index(sequence),
    id: bytes(id, HASH_BYTES),
    timestamp: index(timestamp),
    head: { size: index(size), root: bytes(root, HASH_BYTES), signature: bytes(signature, SIGNATURE_BYTES) },
    proof: proofHashes(proof),
  };
}

export function parseReceiptAnswer(answer: unknown): ReceiptAnswer {
  const { sequence, timestamp, payload, checkpoint, proof } = fieldsOf(answer);
  const { note } = fieldsOf(checkpoint);
  if (typeof note !== "string") throw badAnswer("a receipt without a note");
  return {
    sequence: index(sequence),
    timestamp: index(timestamp),
    payload: bytes(payload),
    note,
    proof: proofHashes(proof),
  };
}

export function parseProofAnswer(answer: unknown): Uint8Array[] {
  return proofHashes(fieldsOf(answer).proof);
}

export function fieldsOf(value: unknown): Fields {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Fields;
  throw badAnswer("expected an object");
}

export function index(value: unknown): number {
  if (typeof value === "number" && Number.isSafeInteger(value) && value >= 0) return value;
  throw badAnswer("expected a whole number");
}

export function bytes(value: unknown, length?: number): Uint8Array {
  if (!isHex(value)) throw badAnswer("expected hexadecimal");
  const decoded = fromHex(value);
  if (length !== undefined && decoded.length !== length) throw badAnswer(`expected ${length} bytes`);
  return decoded;
}

function proofHashes(value: unknown): Uint8Array[] {
  const hashes = unpackProof(bytes(value));
  if (hashes === undefined) throw badAnswer("a proof that is not made of 32-byte hashes");
  return hashes;
}
