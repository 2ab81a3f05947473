/**
 * Signed transactions by the ten thousand. They are as valid as any, and as dear to verify; what makes them cheap to
 * sign is that their ECDSA nonces come from a small pool and repeat, WHICH GIVES THE PRIVATE KEYS AWAY. Keys that are
 * printed in a benchmark have nothing to lose.
 */
import { randomBytes } from "node:crypto";
import { secp256k1 } from "@noble/curves/secp256k1.js";
import { fromHex, toHexDigits, utf8 } from "../src/base/bytes.ts";
import type { DigestContext } from "../src/base/eip712.ts";
import { sha256 } from "../src/base/hash.ts";
import { addressOfPrivateKey } from "../src/base/secp256k1.ts";
import { encodeOperation, operationId, type Transaction } from "../src/sequencing/transaction.ts";

export const ACCOUNTS = 32;
/** Bytes of a transaction's data, unless the benchmark says otherwise. */
export const DATA_BYTES = 300;

const NONCE_POOL = 1_024;
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
  const { address, secret } = keys[nonce % ACCOUNTS]!;
  const transaction: Transaction = {
    type: "transaction",
    from: address,
    nonce: BigInt(nonce),
    expires,
    data: noiseAt(nonce, dataBytes),
  };
  const signature = sign(operationId(context, transaction), secret, nonce);
  return encodeOperation({ ...transaction, signature });
}

function noiseAt(nonce: number, bytes: number): Uint8Array {
  const start = (nonce * 8_191) % (noise.length - bytes);
  return noise.subarray(start, start + bytes);
}

function sign(digest: Uint8Array, secret: bigint, index: number): Uint8Array {
  noncePool ??= Array.from({ length: NONCE_POOL }, (_, i) => makeNonce(i));
  const { inverse, r, yParity } = noncePool[index % NONCE_POOL]!;
  const s = (inverse * (toInteger(digest) + r * secret)) % Fn.ORDER;
  const high = s > Fn.ORDER / 2n;
  return fromHex(`0x${digits(r)}${digits(high ? Fn.ORDER - s : s)}0${high ? 1 - yParity : yParity}`);
}

function makeNonce(index: number): Nonce {
  const nonce = toInteger(sha256(utf8(`sequencer benchmark nonce ${index}`)));
  const { x, y } = secp256k1.Point.BASE.multiply(nonce).toAffine();
  return { inverse: Fn.inv(nonce), r: x, yParity: Number(y & 1n) };
}

function toInteger(bytes: Uint8Array): bigint {
  return BigInt(`0x${toHexDigits(bytes)}`);
}

function digits(value: bigint): string {
  return value.toString(16).padStart(64, "0");
}
