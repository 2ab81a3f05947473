/**
 * The implementation that decides whatever the fast path does not accept: libsecp256k1 through npm's native
 * `secp256k1`, or @noble/curves where that binding cannot be loaded. The rules are SPEC section 1.
 */
import { createRequire } from "node:module";
import { secp256k1 } from "@noble/curves/secp256k1.js";
import { compareBytes } from "../base/bytes.ts";
import { keccak256 } from "./hash.ts";

export interface Reference {
  readonly name: "native" | "javascript";
  /** Public key (x || y, 64 bytes) whose signature r || s || yParity of the digest is; undefined if nobody's. */
  recover(digest: Uint8Array, signature: Uint8Array): Uint8Array | undefined;
  /** x || y of a public key of 33, 64 or 65 bytes; undefined if it is not a point of the curve. */
  parseKey(publicKey: Uint8Array): Uint8Array | undefined;
}

/** What is used of the native binding. Both throw on anything invalid. */
interface Binding {
  ecdsaRecover(signature: Uint8Array, id: number, digest: Uint8Array, compressed: boolean): Uint8Array;
  publicKeyConvert(publicKey: Uint8Array, compressed: boolean): Uint8Array;
}

/** The native reference if it can be loaded, else the one in JavaScript, about thirty times slower. */
export function loadReference(): Reference {
  try {
    // Not the package's main file, which would quietly fall back to yet another implementation.
    return nativeReference(createRequire(import.meta.url)("secp256k1/bindings.js") as Binding);
  } catch {
    return javascriptReference();
  }
}

function nativeReference(binding: Binding): Reference {
  return {
    name: "native",
    recover: (digest, signature) =>
      isWellFormed(signature)
        ? attempt(() => binding.ecdsaRecover(signature.subarray(0, 64), signature[64]!, digest, false))
        : undefined,
    parseKey: (publicKey) => attempt(() => binding.publicKeyConvert(withPrefix(publicKey), false)),
  };
}

export function javascriptReference(): Reference {
  return {
    name: "javascript",
    recover: (digest, signature) =>
      isWellFormed(signature)
        ? attempt(() =>
            secp256k1.Signature.fromBytes(signature.subarray(0, 64), "compact")
              .addRecoveryBit(signature[64]!)
              .recoverPublicKey(digest)
              .toBytes(false),
          )
        : undefined,
    parseKey: (publicKey) => attempt(() => secp256k1.Point.fromBytes(withPrefix(publicKey)).toBytes(false)),
  };
}

/** Both libraries answer an invalid input with an exception; for us it is an ordinary answer. */
function attempt(uncompressed: () => Uint8Array): Uint8Array | undefined {
  try {
    return uncompressed().subarray(1);
  } catch {
    return undefined;
  }
}

function withPrefix(publicKey: Uint8Array): Uint8Array {
  if (publicKey.length !== 64) return publicKey;
  const bytes = new Uint8Array(65);
  bytes[0] = 4;
  bytes.set(publicKey, 1);
  return bytes;
}

const ZERO = new Uint8Array(32);
const ORDER = bytes32(0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n);
const HALF_ORDER = bytes32(0x7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0n);

function bytes32(value: bigint): Uint8Array {
  return Uint8Array.from({ length: 32 }, (_, i) => Number((value >> BigInt(8 * (31 - i))) & 0xffn));
}

/** 1 <= r < n, 1 <= s <= (n - 1)/2, yParity 0 or 1. That x(R) = r, not r + n, follows from yParity < 2. */
function isWellFormed(signature: Uint8Array): boolean {
  const r = signature.subarray(0, 32);
  const s = signature.subarray(32, 64);
  return (
    signature[64]! <= 1 &&
    compareBytes(r, ZERO) > 0 &&
    compareBytes(r, ORDER) < 0 &&
    compareBytes(s, ZERO) > 0 &&
    compareBytes(s, HALF_ORDER) <= 0
  );
}

/** The account of a public key x || y: the last twenty bytes of its keccak-256. */
export function addressOf(publicKey: Uint8Array): Uint8Array {
  return keccak256(publicKey).subarray(12);
}
