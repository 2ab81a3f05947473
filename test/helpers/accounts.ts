/**
 * Accounts with fixed keys and the operations that they sign.
 */
import { fromHex } from "../../src/base/bytes.ts";
import type { DigestContext } from "../../src/base/eip712.ts";
import { addressOfPrivateKey, signDigest } from "../../src/base/secp256k1.ts";
import {
  encodeOperation,
  type Operation,
  operationId,
  type PermissionChange,
  type SignedOperation,
  type Transaction,
} from "../../src/sequencing/transaction.ts";
import { sequencerVectors } from "./vectors.ts";

export interface Account {
  readonly key: Uint8Array;
  readonly address: Uint8Array;
}

/** The account whose private key is this byte, 32 times. */
export function accountOf(byte: number): Account {
  const key = new Uint8Array(32).fill(byte);
  return { key, address: addressOfPrivateKey(key) };
}

const named = (name: "operator" | "writer" | "newWriter"): Account => ({
  key: fromHex(sequencerVectors.keys[name]),
  address: fromHex(sequencerVectors.addresses[name]),
});

export const operator = named("operator");
export const writer = named("writer");
export const newWriter = named("newWriter");
export const stranger = accountOf(0x77);

/** An operation with the account's signature over its id: what the account would submit. */
export function signOperation(
  context: DigestContext,
  operation: Operation,
  { key }: Account,
): SignedOperation {
  const signature = signDigest(operationId(context, operation), key);
  signature[64]! -= 27;
  return { ...operation, signature };
}

type Unsigned<T> = Omit<T, "type" | "from">;

export function transactionOf(
  context: DigestContext,
  from: Account,
  fields: Unsigned<Transaction>,
): Uint8Array {
  return encodeOperation(
    signOperation(context, { type: "transaction", from: from.address, ...fields }, from),
  );
}

export function permissionChangeOf(
  context: DigestContext,
  from: Account,
  fields: Unsigned<PermissionChange>,
): Uint8Array {
  return encodeOperation(signOperation(context, { type: "permission", from: from.address, ...fields }, from));
}
