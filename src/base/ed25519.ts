/**
 * Ed25519 (RFC 8032) over raw 32-byte keys: OpenSSL in Node (40 times noble), noble in browsers.
 */
import { ed25519 } from "@noble/curves/ed25519.js";
import { concatBytes } from "./bytes.ts";

const crypto = globalThis.process?.getBuiltinModule?.("node:crypto");

// The fixed DER around a raw key (RFC 8410 section 4), which is the only form OpenSSL takes.
const PUBLIC_PREFIX = Uint8Array.from([0x30, 0x2a, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 3, 0x21, 0]);
const PRIVATE_PREFIX = Uint8Array.from([
  0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20,
]);

export function ed25519PublicKey(seed: Uint8Array): Uint8Array {
  if (crypto === undefined) return ed25519.getPublicKey(seed);
  const spki = crypto.createPublicKey(privateKeyOf(seed, crypto)).export({ format: "der", type: "spki" });
  return new Uint8Array(spki.subarray(PUBLIC_PREFIX.length));
}

/** A function that signs with the key of this 32-byte seed. */
export function ed25519Signer(seed: Uint8Array): (message: Uint8Array) => Uint8Array {
  if (crypto === undefined) return (message) => ed25519.sign(message, seed);
  const key = privateKeyOf(seed, crypto);
  return (message) => crypto.sign(null, message, key);
}

/**
 * A function that says whether a 64-byte signature over a message is this key's. OpenSSL takes as long to read a key as
 * to verify with it: it is read once.
 */
export function ed25519Verifier(
  publicKey: Uint8Array,
): (signature: Uint8Array, message: Uint8Array) => boolean {
  if (publicKey.length !== 32) return () => false;
  if (crypto === undefined)
    return (signature, message) =>
      signature.length === 64 && ed25519.verify(signature, message, publicKey, { zip215: false });
  const key = crypto.createPublicKey({
    key: Buffer.from(concatBytes(PUBLIC_PREFIX, publicKey)),
    format: "der",
    type: "spki",
  });
  return (signature, message) => signature.length === 64 && crypto.verify(null, message, key, signature);
}

function privateKeyOf(seed: Uint8Array, { createPrivateKey }: NonNullable<typeof crypto>) {
  const key = Buffer.from(concatBytes(PRIVATE_PREFIX, seed));
  return createPrivateKey({ key, format: "der", type: "pkcs8" });
}
