/**
 * Signed transactions by the ten thousand. They are as valid as any, and as dear to verify; what makes them cheap to
 * sign is that their ECDSA nonces come from a small pool and repeat, WHICH GIVES THE PRIVATE KEYS AWAY. Keys that are
 * printed in a benchmark have nothing to lose.
 */
import { randomBytes } from "node:crypto";
import { secp256k1 } from "@noble/curves/secp256k1.js";
import { utf8, viewOf } from "../src/base/bytes.ts";
import type { DigestContext } from "../src/base/eip712.ts";
import { sha256 } from "../src/base/hash.ts";
import { addressOfPrivateKey, SIGNATURE_BYTES } from "../src/base/secp256k1.ts";
import { encodeOperation, type Transaction } from "../src/sequencing/transaction.ts";
import { transactionDigests } from "../src/verify/digests.ts";

export const ACCOUNTS = 32;
/** Bytes of a transaction's data, unless the benchmark says otherwise. */
export const DATA_BYTES = 300;

const NONCE_POOL = 1_024;
/** Of digests, secrets, r and s. */
const INTEGER_BYTES = 32;
/** Data is cut out of this: a call for fresh random bytes costs a third of what else it takes to sign. */
const noise = new Uint8Array(randomBytes(2 ** 20));
const { Fn } = secp256k1.Point;

interface Key {
  readonly address: Uint8Array;
  readonly secret: bigint;
}

interface Nonce {
  readonly inverse: bigint;
  readonly r: bigint;
  readonly yParity: number;
}

const keys: readonly Key[] = Array.from({ length: ACCOUNTS }, (_, i) => {
  const secret = sha256(utf8(`sequencer benchmark account ${i}`));
  return { address: addressOfPrivateKey(secret), secret: toInteger(secret) };
});

let noncePool: readonly Nonce[] | undefined;

/** The accounts that sign, to be the log's writers. */
export const writers: readonly Uint8Array[] = keys.map(({ address }) => address);

/** The payload of transaction number `nonce`, signed by one of the accounts in turn. */
export function signedTransaction(
  context: DigestContext,
  nonce: number,
  expires: number,
  dataBytes = DATA_BYTES,
): Uint8Array {
  return signedTransactions(context, nonce, 1, expires, dataBytes)[0]!;
}

/** The payloads of `count` transactions from number `first` on; hashed together, they take half the time. */
export function signedTransactions(
  context: DigestContext,
  first: number,
  count: number,
  expires: number,
  dataBytes = DATA_BYTES,
): Uint8Array[] {
  const transactions = Array.from({ length: count }, (_, i): Transaction => {
    const nonce = first + i;
    const from = keys[nonce % ACCOUNTS]!.address;
    return { type: "transaction", from, nonce: BigInt(nonce), expires, data: noiseAt(nonce, dataBytes) };
  });
  const digests = viewOf(transactionDigests(context, transactions));
  return transactions.map((transaction, i) => {
    const { secret } = keys[(first + i) % ACCOUNTS]!;
    const signature = sign(integerAt(digests, i * INTEGER_BYTES), secret, first + i);
    return encodeOperation({ ...transaction, signature });
  });
}

function noiseAt(nonce: number, bytes: number): Uint8Array {
  const start = (nonce * 8_191) % (noise.length - bytes);
  return noise.subarray(start, start + bytes);
}

function sign(digest: bigint, secret: bigint, index: number): Uint8Array {
  noncePool ??= Array.from({ length: NONCE_POOL }, (_, i) => makeNonce(i));
  const { inverse, r, yParity } = noncePool[index % NONCE_POOL]!;
  const s = (inverse * (digest + r * secret)) % Fn.ORDER;
  const high = s > Fn.ORDER / 2n;
  const signature = new Uint8Array(SIGNATURE_BYTES);
  const view = viewOf(signature);
  writeInteger(view, 0, r);
  writeInteger(view, INTEGER_BYTES, high ? Fn.ORDER - s : s);
  signature[2 * INTEGER_BYTES] = high ? 1 - yParity : yParity;
  return signature;
}

function makeNonce(index: number): Nonce {
  const nonce = toInteger(sha256(utf8(`sequencer benchmark nonce ${index}`)));
  const { x, y } = secp256k1.Point.BASE.multiply(nonce).toAffine();
  return { inverse: Fn.inv(nonce), r: x, yParity: Number(y & 1n) };
}

function toInteger(bytes: Uint8Array): bigint {
  return integerAt(viewOf(bytes), 0);
}

function integerAt(view: DataView, at: number): bigint {
  let value = 0n;
  for (let i = 0; i < INTEGER_BYTES; i += 8) value = (value << 64n) | view.getBigUint64(at + i);
  return value;
}

function writeInteger(view: DataView, at: number, value: bigint): void {
  let rest = value;
  for (let i = INTEGER_BYTES - 8; i >= 0; i -= 8) {
    view.setBigUint64(at + i, BigInt.asUintN(64, rest));
    rest >>= 64n;
  }
}
