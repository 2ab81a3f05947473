/**
 * SHA-256 and keccak-256, from the fastest implementation that the runtime offers:
 * SHA-256 from OpenSSL in Node and from noble in browsers; keccak-256 from hash-wasm (7 times noble here),
 * from noble where WebAssembly is forbidden.
 */
import { hkdf } from "@noble/hashes/hkdf.js";
import { sha256 as nobleSha256 } from "@noble/hashes/sha2.js";
import { keccak_256 as nobleKeccak256 } from "@noble/hashes/sha3.js";
import { createKeccak } from "hash-wasm";
import { toHexDigits, utf8 } from "./bytes.ts";

/** Bytes of a SHA-256 or keccak-256 hash. */
export const HASH_BYTES = 32;

const nodeCrypto = globalThis.process?.getBuiltinModule?.("node:crypto");

/** SHA-256 (FIPS 180-4): 32 bytes. */
export function sha256(data: Uint8Array): Uint8Array {
  const hash = new Uint8Array(HASH_BYTES);
  sha256Into(data, hash, 0);
  return hash;
}

/** SHA-256 of `data`, written to `into` at `offset`. */
export const sha256Into: (data: Uint8Array, into: Uint8Array, offset: number) => void =
  nodeCrypto === undefined
    ? (data, into, offset) => into.set(nobleSha256(data), offset)
    : (data, into, offset) => {
        // As a string of one byte a character: four times faster here than as the Buffer that OpenSSL's hash could be.
        const hash = nodeCrypto.hash("sha256", data, "binary");
        for (let i = 0; i < HASH_BYTES; i++) into[offset + i] = hash.charCodeAt(i);
      };

const wasmKeccak = await createKeccak(256).catch(() => undefined);

/** Keccak-256 as Ethereum uses it (before the padding of FIPS 202): 32 bytes. */
export function keccak256(data: Uint8Array): Uint8Array {
  return wasmKeccak === undefined ? nobleKeccak256(data) : wasmKeccak.init().update(data).digest("binary");
}

/** A hash as a map key. */
export function hashKey(hash: Uint8Array): string {
  return toHexDigits(hash);
}

/** HKDF-SHA256 (RFC 5869) with an empty salt: 32 bytes of key for one purpose. */
export function deriveKey(secret: Uint8Array, purpose: string): Uint8Array {
  return hkdf(nobleSha256, secret, undefined, utf8(purpose), HASH_BYTES);
}
