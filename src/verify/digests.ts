/**
 * EIP-712 digests of many transactions at once, in SIMD lanes: the same as `transactionDigest` of base/eip712.ts,
 * in three passes: over all data, over all structs, over all messages. The hashes of a pass go straight from the
 * lanes' output into what the next one hashes.
 */

import { setU64be } from "../base/bytes.ts";
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

/** Digests of all transactions, n times 32 bytes, the caller's. Data of any length. */
export function transactionDigests(
  context: DigestContext,
  transactions: readonly TransactionFields[],
): Uint8Array {
  // One alone would leave a lane idle; two gain half as much again.
  if (transactions.length === 1) return transactionDigest(context, transactions[0]!);
  const digests = new Uint8Array(HASH_BYTES * transactions.length);
  const window = lanes();
  for (let first = 0; first < transactions.length; ) {
    const part = window === undefined ? [] : fitting(window, transactions, first);
    if (part.length === 0) {
      digests.set(transactionDigest(context, transactions[first]!), HASH_BYTES * first);
      first += 1;
    } else {
      digests.set(hashPart(window!, context, part), HASH_BYTES * first);
      first += part.length;
    }
  }
  return digests;
}

/** As many transactions from `first` on as the window holds the data and the structs of. */
function fitting(
  window: Lanes,
  transactions: readonly TransactionFields[],
  first: number,
): readonly TransactionFields[] {
  const most = Math.min(window.messagesMax, Math.floor(window.dataBytes / STRUCT_BYTES));
  let bytes = 0;
  let end = first;
  while (end < transactions.length && end - first < most) {
    bytes += transactions[end]!.data.length;
    if (bytes > window.dataBytes) break;
    end += 1;
  }
  return transactions.slice(first, end);
}

function hashPart(window: Lanes, context: DigestContext, part: readonly TransactionFields[]): Uint8Array {
  const { data, offsets, view } = window;
  let end = 0;
  for (const [i, transaction] of part.entries()) {
    offsets[i] = end;
    data.set(transaction.data, end);
    end += transaction.data.length;
  }
  offsets[part.length] = end;
  const dataHashes = window.hash("keccak256", part.length, -1);

  const struct = new Uint8Array(STRUCT_BYTES);
  struct.set(TRANSACTION_TYPE);
  struct.set(context.logId, LOG_ID_AT);
  for (const [i, { from, nonce, expires }] of part.entries()) {
    const at = STRUCT_BYTES * i;
    data.set(struct, at);
    data.set(from, at + FROM_AT);
    view.setBigUint64(at + NONCE_AT, nonce);
    setU64be(view, at + EXPIRES_AT, expires);
    copyHash(dataHashes, i, data, at + DATA_AT);
  }
  window.spread(part.length, STRUCT_BYTES);
  const structHashes = window.hash("keccak256", part.length, -1);

  const message = new Uint8Array(MESSAGE_BYTES);
  message.set([0x19, 0x01]);
  message.set(context.separator, SEPARATOR_AT);
  for (let i = 0; i < part.length; i++) {
    data.set(message, MESSAGE_BYTES * i);
    copyHash(structHashes, i, data, MESSAGE_BYTES * i + STRUCT_HASH_AT);
  }
  window.spread(part.length, MESSAGE_BYTES);
  return window.hash("keccak256", part.length, -1);
}

/** Hash number `i`. Byte by byte: a view of it would cost more than the bytes. */
function copyHash(hashes: Uint8Array, i: number, into: Uint8Array, at: number): void {
  for (let byte = 0; byte < HASH_BYTES; byte++) into[at + byte] = hashes[HASH_BYTES * i + byte]!;
}
