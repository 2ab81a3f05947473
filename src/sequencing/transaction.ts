/**
 * What accounts sign and submit: transactions ('S') and permission changes ('P'), SPEC section 1. Encoding, strict
 * decoding, and their id, which is the EIP-712 digest that was signed. No validity beyond the form.
 */
import { assert } from "../base/assert.ts";
import { pooledBytes } from "../base/bytes.ts";
import {
  ADDRESS_BYTES,
  type DigestContext,
  permissionChangeDigest,
  transactionDigest,
} from "../base/eip712.ts";
import { rejected, type SequencerError } from "../base/errors.ts";
import { DATA_BYTES_MAX, ENTRY_BYTES_MAX } from "../base/limits.ts";
import { RlpError, RlpReader, rlpBytes, rlpInteger, rlpList, stripLeadingZeros } from "../base/rlp.ts";
import { SIGNATURE_BYTES } from "../base/secp256k1.ts";
import { PAYLOAD_TYPES, TIMESTAMP_BYTES } from "../log/entry.ts";
import { ROLES, type Role, type RoleChange, roleName } from "../permission/policy.ts";

interface Signed {
  /** 20 bytes: the account that signed. A claim until the signature is checked. */
  readonly from: Uint8Array;
  /** Below 2^64; makes the id unique and nothing else. */
  readonly nonce: bigint;
  /** Unix milliseconds after which it may no longer be ordered. */
  readonly expires: number;
}

export interface Transaction extends Signed {
  readonly type: "transaction";
  readonly data: Uint8Array;
}

export interface PermissionChange extends Signed, RoleChange {
  readonly type: "permission";
}

export type Operation = Transaction | PermissionChange;

/** An operation with its signature: 65 bytes, r || s || yParity. */
export type SignedOperation = Operation & { readonly signature: Uint8Array };
export type SignedTransaction = Transaction & { readonly signature: Uint8Array };

/** As much of an operation as decides whether it may be ordered. */
export type OrderableOperation = Pick<Transaction, "type" | "from" | "expires"> | OrderablePermissionChange;
export type OrderablePermissionChange = Pick<
  PermissionChange,
  "type" | "from" | "expires" | "account" | "role"
>;

/** EIP-712 digest of an operation: what is signed, and its id. 32 bytes. */
export function operationId(context: DigestContext, operation: Operation): Uint8Array {
  if (operation.type === "transaction") return transactionDigest(context, operation);
  return permissionChangeDigest(context, { ...operation, role: ROLES[operation.role] });
}

export function encodeOperation(operation: SignedOperation): Uint8Array {
  const isTransaction = operation.type === "transaction";
  const list = rlpList([
    rlpBytes(operation.from),
    rlpInteger(operation.nonce),
    rlpInteger(operation.expires),
    ...(isTransaction
      ? [rlpBytes(operation.data)]
      : [rlpBytes(operation.account), rlpInteger(ROLES[operation.role])]),
    ...signatureItems(operation.signature),
  ]);
  const payload = new Uint8Array(1 + list.length);
  payload[0] = isTransaction ? PAYLOAD_TYPES.transaction : PAYLOAD_TYPES.permissionChange;
  payload.set(list, 1);
  return payload;
}

function signatureItems(signature: Uint8Array): Uint8Array[] {
  assert(signature.length === SIGNATURE_BYTES, "a signature is r || s || yParity");
  return [
    rlpInteger(signature[64]!),
    rlpBytes(stripLeadingZeros(signature.subarray(0, 32))),
    rlpBytes(stripLeadingZeros(signature.subarray(32, 64))),
  ];
}

/**
 * The operation in a payload, its byte strings views of it.
 * @throws SequencerError `rejected`, reason `malformed` or `too-large`
 */
export function decodeOperation(payload: Uint8Array): SignedOperation {
  if (payload.length + TIMESTAMP_BYTES > ENTRY_BYTES_MAX) throw tooLarge();
  const type = payload[0];
  if (type !== PAYLOAD_TYPES.transaction && type !== PAYLOAD_TYPES.permissionChange) {
    throw rejected(
      "malformed",
      "the payload's first byte is neither 0x53 (transaction) nor 0x50 (permission change)",
    );
  }
  try {
    return type === PAYLOAD_TYPES.transaction ? readTransaction(payload) : readPermissionChange(payload);
  } catch (error) {
    throw asRejection(error);
  }
}

/** Where those fields of an operation lie that readers are shown beside the payload. */
export interface FieldOffsets {
  /** 20 bytes. */
  readonly from: number;
  /** The data of a transaction, the account of a permission change. */
  readonly subject: number;
  readonly subjectEnd: number;
  /** Of a permission change alone. */
  readonly role: Role | undefined;
}

/**
 * The same without making anything of the fields, for an operation that is in the log: `bytes` from `at` to `end`.
 * @throws SequencerError `rejected`, reason `malformed`
 */
export function locateFields(bytes: Uint8Array, at: number, end: number): FieldOffsets {
  try {
    const list = RlpReader.list(bytes, at + 1, end);
    const from = list.skip(ADDRESS_BYTES);
    list.skip(); // the nonce
    list.skip(); // expires
    const subject = list.skip();
    const subjectEnd = list.offset;
    const role = bytes[at] === PAYLOAD_TYPES.permissionChange ? roleName(list.number()) : undefined;
    return { from, subject, subjectEnd, role };
  } catch (error) {
    throw asRejection(error);
  }
}

function asRejection(error: unknown): unknown {
  return error instanceof RlpError
    ? rejected("malformed", `not the canonical encoding: ${error.message}`)
    : error;
}

function readTransaction(payload: Uint8Array): SignedOperation {
  const list = RlpReader.list(payload, 1);
  const signed = readSigned(list);
  const data = list.bytes();
  const signature = readSignature(list);
  list.end();
  if (data.length > DATA_BYTES_MAX) throw tooLarge();
  return { type: "transaction", ...signed, data, signature };
}

function readPermissionChange(payload: Uint8Array): SignedOperation {
  const list = RlpReader.list(payload, 1);
  const signed = readSigned(list);
  const account = list.bytes(ADDRESS_BYTES);
  const role = roleName(list.number());
  const signature = readSignature(list);
  list.end();
  if (role === undefined) throw rejected("malformed", "the role is none of 0, 1 and 2");
  return { type: "permission", ...signed, account, role, signature };
}

function readSigned(list: RlpReader): Signed {
  return { from: list.bytes(ADDRESS_BYTES), nonce: list.bigint(), expires: list.number() };
}

function readSignature(list: RlpReader): Uint8Array {
  const signature = pooledBytes(SIGNATURE_BYTES);
  signature[64] = list.integer(1)[0] ?? 0;
  const r = list.integer(32);
  signature.set(r, 32 - r.length);
  const s = list.integer(32);
  signature.set(s, 64 - s.length);
  return signature;
}

function tooLarge(): SequencerError {
  return rejected(
    "too-large",
    `the data exceeds ${DATA_BYTES_MAX} bytes: put it elsewhere and its hash here`,
    {
      max: DATA_BYTES_MAX,
    },
  );
}
