/** Accounts, signatures and batches for the tests, and the ways to spoil a signature. */
import { createRequire } from "node:module";
import { keccak_256 } from "@noble/hashes/sha3.js";
import { concatBytes } from "../../src/base/bytes.ts";
import type { SignatureBatch } from "../../src/verify/verify.ts";
import { N } from "./modules.ts";

interface Signing {
  publicKeyCreate(secret: Uint8Array, compressed: boolean): Uint8Array;
  ecdsaSign(digest: Uint8Array, secret: Uint8Array): { signature: Uint8Array; recid: number };
}

const native = createRequire(import.meta.url)("secp256k1/bindings.js") as Signing;

export interface Signer {
  readonly secret: bigint;
  /** x || y. */
  readonly publicKey: Uint8Array;
  readonly address: Uint8Array;
}

export interface Case {
  readonly digest: Uint8Array;
  readonly signature: Uint8Array;
  readonly address: Uint8Array;
}

/** Uniform in [0, 1), repeatable. */
export type Random = () => number;

export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

export function randomBytes(random: Random, length: number): Uint8Array {
  return Uint8Array.from({ length }, () => Math.floor(random() * 256));
}

export function bytes32(value: bigint): Uint8Array {
  return Uint8Array.from({ length: 32 }, (_, i) => Number((value >> BigInt(8 * (31 - i))) & 0xffn));
}

export function toBigInt(bytes: Uint8Array): bigint {
  return bytes.reduce((value, byte) => (value << 8n) | BigInt(byte), 0n);
}

export function signerOf(secret: bigint): Signer {
  const publicKey = native.publicKeyCreate(bytes32(secret), false).subarray(1);
  return { secret, publicKey, address: keccak_256(publicKey).subarray(12) };
}

export function randomSigner(random: Random): Signer {
  return signerOf((toBigInt(randomBytes(random, 32)) % (N - 1n)) + 1n);
}

export function sign(signer: Signer, digest: Uint8Array): Case {
  const { signature, recid } = native.ecdsaSign(digest, bytes32(signer.secret));
  return { digest, signature: concatBytes(signature, Uint8Array.of(recid)), address: signer.address };
}

export function pack(cases: readonly Case[]): SignatureBatch {
  return {
    count: cases.length,
    digests: concatBytes(...cases.map(({ digest }) => digest)),
    signatures: concatBytes(...cases.map(({ signature }) => signature)),
    addresses: concatBytes(...cases.map(({ address }) => address)),
  };
}

const flip = (bytes: Uint8Array, at: number, bit: number) =>
  bytes.map((byte, i) => (i === at ? byte ^ (1 << bit) : byte));

const withPart = (bytes: Uint8Array, part: Uint8Array, at: number) => {
  const copy = bytes.slice();
  copy.set(part, at);
  return copy;
};

/** The same signature as s and as n - s; of the two only the lower is valid. */
export function highS({ digest, signature, address }: Case): Case {
  const other = withPart(signature, bytes32(N - toBigInt(signature.subarray(32, 64))), 32);
  return { digest, signature: flip(other, 64, 0), address };
}

/** Every way to spoil a signature, each of which SPEC section 1 makes invalid. */
export const SPOILERS: Readonly<Record<string, (valid: Case, random: Random, other: Signer) => Case>> = {
  digest: (valid, random) => ({
    ...valid,
    digest: flip(valid.digest, Math.floor(random() * 32), Math.floor(random() * 8)),
  }),
  r: (valid, random) => ({
    ...valid,
    signature: flip(valid.signature, Math.floor(random() * 32), Math.floor(random() * 8)),
  }),
  s: (valid, random) => ({
    ...valid,
    signature: flip(valid.signature, 32 + Math.floor(random() * 32), Math.floor(random() * 8)),
  }),
  parity: (valid) => ({ ...valid, signature: flip(valid.signature, 64, 0) }),
  "parity of r + n": (valid) => ({ ...valid, signature: flip(valid.signature, 64, 1) }),
  "parity as v": (valid) => ({
    ...valid,
    signature: withPart(valid.signature, Uint8Array.of(27 + valid.signature[64]!), 64),
  }),
  "high s": (valid) => highS(valid),
  "zero r": (valid) => ({ ...valid, signature: withPart(valid.signature, bytes32(0n), 0) }),
  "zero s": (valid) => ({ ...valid, signature: withPart(valid.signature, bytes32(0n), 32) }),
  "r = n": (valid) => ({ ...valid, signature: withPart(valid.signature, bytes32(N), 0) }),
  "s = n": (valid) => ({ ...valid, signature: withPart(valid.signature, bytes32(N), 32) }),
  "s = n + 1": (valid) => ({ ...valid, signature: withPart(valid.signature, bytes32(N + 1n), 32) }),
  "largest r": (valid) => ({ ...valid, signature: withPart(valid.signature, bytes32(2n ** 256n - 1n), 0) }),
  "largest s": (valid) => ({ ...valid, signature: withPart(valid.signature, bytes32(2n ** 256n - 1n), 32) }),
  "all zero": (valid) => ({ ...valid, signature: new Uint8Array(65) }),
  random: (valid, random) => ({
    ...valid,
    signature: withPart(randomBytes(random, 65), Uint8Array.of(0), 64),
  }),
  "another account": (valid, _, other) => ({ ...valid, address: other.address }),
  "an unknown account": (valid, random) => ({ ...valid, address: randomBytes(random, 20) }),
};
