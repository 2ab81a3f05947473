/**
 * EIP-712 digests of many transactions at once, in SIMD lanes: the same as `transactionDigest` of base/eip712.ts,
 * in three passes: over all data, over all structs, over all messages. The hashes of a pass go straight from the
 * lanes' output into what the next one hashes. Nothing is made for a single transaction.
 */

import { setU64be, viewOf } from "../base/bytes.ts";
import {
  ADDRESS_BYTES,
  type DigestContext,
  TRANSACTION_TYPE,
  type TransactionFields,
  transactionDigest,
} from "../base/eip712.ts";
import { HASH_BYTES } from "../base/hash.ts";
import { type Lanes, lanes } from "./hash-lanes.ts";

// Where the words of the struct lie, each right-aligned in its 32 bytes: type, logId, from, nonce, expires, data.
const LOG_ID_AT = HASH_BYTES;
const FROM_AT = 3 * HASH_BYTES - ADDRESS_BYTES;
const NONCE_AT = 4 * HASH_BYTES - 8;
const EXPIRES_AT = 5 * HASH_BYTES - 8;
const DATA_AT = 5 * HASH_BYTES;
const STRUCT_BYTES = 6 * HASH_BYTES;

// The message that is hashed last: 0x19 0x01, the domain's separator, the struct's hash.
const SEPARATOR_AT = 2;
const STRUCT_HASH_AT = 2 + HASH_BYTES;
const MESSAGE_BYTES = 2 + 2 * HASH_BYTES;

/** A transaction's fields in columns, without its data: sender, nonce, expires. */
const ROW_BYTES = ADDRESS_BYTES + 8 + 8;

/** Fields of transactions, column by column. */
export interface FieldColumns {
  /** 20 bytes each. */
  readonly senders: Uint8Array;
  /** u64be each. */
  readonly nonces: Uint8Array;
  readonly expires: Uint8Array;
  /** End to end: that of transaction i from dataOffsets[i] to dataOffsets[i + 1], the first from 0. */
  readonly data: Uint8Array;
  readonly dataOffsets: Uint32Array;
}

/** Digests of all transactions, n times 32 bytes, the caller's. Data of any length. */
export function transactionDigests(
  context: DigestContext,
  transactions: readonly TransactionFields[],
): Uint8Array {
  if (transactions.length === 1) return transactionDigest(context, transactions[0]!);
  return columnDigests(context, transactions.length, columnsOf(transactions));
}

/** The same for the first `count` transactions in columns. */
export function columnDigests(context: DigestContext, count: number, columns: FieldColumns): Uint8Array {
  const digests = new Uint8Array(HASH_BYTES * count);
  // One alone would leave a lane idle; two gain half as much again.
  const window = count === 1 ? undefined : lanes();
  for (let first = 0; first < count; ) {
    const end = window === undefined ? first : fittingEnd(window, columns.dataOffsets, first, count);
    if (end === first) {
      digests.set(transactionDigest(context, fieldsAt(columns, first)), HASH_BYTES * first);
      first += 1;
    } else {
      digests.set(hashPart(window!, context, columns, first, end), HASH_BYTES * first);
      first = end;
    }
  }
  return digests;
}

/** All columns in one allocation: each of its own would cost as much as hashing a transaction. */
function columnsOf(transactions: readonly TransactionFields[]): FieldColumns {
  const count = transactions.length;
  const dataOffsets = new Uint32Array(count + 1);
  for (let i = 0; i < count; i++) dataOffsets[i + 1] = dataOffsets[i]! + transactions[i]!.data.length;
  const [noncesAt, expiresAt, dataAt] = [
    ADDRESS_BYTES * count,
    (ADDRESS_BYTES + 8) * count,
    ROW_BYTES * count,
  ];
  const bytes = new Uint8Array(dataAt + dataOffsets[count]!);
  const view = viewOf(bytes);
  for (let i = 0; i < count; i++) {
    const { from, nonce, expires, data } = transactions[i]!;
    bytes.set(from, ADDRESS_BYTES * i);
    view.setBigUint64(noncesAt + 8 * i, nonce);
    setU64be(view, expiresAt + 8 * i, expires);
    bytes.set(data, dataAt + dataOffsets[i]!);
  }
  const senders = bytes.subarray(0, noncesAt);
  const nonces = bytes.subarray(noncesAt, expiresAt);
  return {
    senders,
    nonces,
    expires: bytes.subarray(expiresAt, dataAt),
    data: bytes.subarray(dataAt),
    dataOffsets,
  };
}

function fieldsAt(
  { senders, nonces, expires, data, dataOffsets }: FieldColumns,
  i: number,
): TransactionFields {
  return {
    from: senders.subarray(ADDRESS_BYTES * i, ADDRESS_BYTES * (i + 1)),
    nonce: viewOf(nonces).getBigUint64(8 * i),
    expires: Number(viewOf(expires).getBigUint64(8 * i)),
    data: data.subarray(dataOffsets[i], dataOffsets[i + 1]),
  };
}

/** Up to where the window holds the data and the structs of transactions from `first` on. */
function fittingEnd(window: Lanes, dataOffsets: Uint32Array, first: number, count: number): number {
  const most = Math.min(window.messagesMax, Math.floor(window.dataBytes / STRUCT_BYTES));
  const last = Math.min(count, first + most);
  let end = first;
  while (end < last && dataOffsets[end + 1]! - dataOffsets[first]! <= window.dataBytes) end += 1;
  return end;
}

/** Digests of the transactions from `first` to `end`, valid until the next use of the window. */
function hashPart(
  window: Lanes,
  context: DigestContext,
  columns: FieldColumns,
  first: number,
  end: number,
): Uint8Array {
  const { data, offsets } = window;
  const count = end - first;
  const base = columns.dataOffsets[first]!;
  for (let i = 0; i <= count; i++) offsets[i] = columns.dataOffsets[first + i]! - base;
  data.set(columns.data.subarray(base, columns.dataOffsets[end]));
  const dataHashes = window.hash("keccak256", count, -1);

  const struct = new Uint8Array(STRUCT_BYTES);
  struct.set(TRANSACTION_TYPE);
  struct.set(context.logId, LOG_ID_AT);
  for (let i = 0; i < count; i++) {
    const at = STRUCT_BYTES * i;
    data.set(struct, at);
    copyBytes(columns.senders, first + i, ADDRESS_BYTES, data, at + FROM_AT);
    copyBytes(columns.nonces, first + i, 8, data, at + NONCE_AT);
    copyBytes(columns.expires, first + i, 8, data, at + EXPIRES_AT);
    copyBytes(dataHashes, i, HASH_BYTES, data, at + DATA_AT);
  }
  window.spread(count, STRUCT_BYTES);
  const structHashes = window.hash("keccak256", count, -1);

  const message = new Uint8Array(MESSAGE_BYTES);
  message.set([0x19, 0x01]);
  message.set(context.separator, SEPARATOR_AT);
  for (let i = 0; i < count; i++) {
    data.set(message, MESSAGE_BYTES * i);
    copyBytes(structHashes, i, HASH_BYTES, data, MESSAGE_BYTES * i + STRUCT_HASH_AT);
  }
  window.spread(count, MESSAGE_BYTES);
  return window.hash("keccak256", count, -1);
}

/** Number `i` of a column of so many bytes each. Byte by byte: a view of them would cost more than the bytes. */
function copyBytes(column: Uint8Array, i: number, bytes: number, into: Uint8Array, at: number): void {
  for (let byte = 0; byte < bytes; byte++) into[at + byte] = column[bytes * i + byte]!;
}
