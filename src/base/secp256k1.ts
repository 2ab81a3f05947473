/**
 * secp256k1 ECDSA with public-key recovery, as `ecrecover` accepts it: low s only (EIP-2), x(R) = r exactly.
 * The node plugs native libsecp256k1 in; browsers run noble.
 */
import { secp256k1 } from "@noble/curves/secp256k1.js";
import { equalBytes, viewOf } from "./bytes.ts";
import { ADDRESS_BYTES } from "./eip712.ts";
import { keccak256 } from "./hash.ts";

/** Bytes of r || s || v. */
export const SIGNATURE_BYTES = 65;

const HALF_ORDER = secp256k1.Point.Fn.ORDER / 2n;
const SCALAR_BYTES = 32;

/** What a faster library does instead of noble, with the same results. */
export interface NativeSecp256k1 {
  /** The uncompressed public key, 65 bytes, of a private key of 32; throws if that is not a valid scalar. */
  publicKey(privateKey: Uint8Array): Uint8Array;
  /** The uncompressed public key, 65 bytes; throws if there is none. `rs` is 64 bytes. */
  recover(digest: Uint8Array, rs: Uint8Array, yParity: number): Uint8Array;
  /** RFC 6979, low s: r || s, and the parity of y(R). */
  sign(
    digest: Uint8Array,
    privateKey: Uint8Array,
  ): { readonly signature: Uint8Array; readonly recid: number };
}

let library: NativeSecp256k1 = {
  publicKey: (privateKey) => secp256k1.getPublicKey(privateKey, false),
  recover: (digest, rs, yParity) =>
    secp256k1.Signature.fromBytes(rs, "compact")
      .addRecoveryBit(yParity)
      .recoverPublicKey(digest)
      .toBytes(false),
  sign: (digest, privateKey) => {
    const recovered = secp256k1.sign(digest, privateKey, { prehash: false, format: "recovered" });
    return { signature: recovered.subarray(1), recid: recovered[0]! };
  },
};

/** Replaces noble for the whole thread. */
export function useNative(faster: NativeSecp256k1): void {
  library = faster;
}

export function addressOf(uncompressedPublicKey: Uint8Array): Uint8Array {
  return keccak256(uncompressedPublicKey.subarray(1)).slice(-ADDRESS_BYTES);
}

/** The address of a private key of 32 bytes. @throws if it is not a valid scalar. */
export function addressOfPrivateKey(privateKey: Uint8Array): Uint8Array {
  return addressOf(library.publicKey(privateKey));
}

/**
 * The account whose signature this is, or undefined if it is nobody's: SPEC section 1, "a signature is valid iff".
 * @param signature 65 bytes, r || s || yParity, where yParity is 0 or 1
 */
export function recoverAddress(digest: Uint8Array, signature: Uint8Array): Uint8Array | undefined {
  const yParity = signature[64];
  if (signature.length !== SIGNATURE_BYTES || (yParity !== 0 && yParity !== 1)) return undefined;
  if (scalar(signature, SCALAR_BYTES) > HALF_ORDER) return undefined;
  try {
    return addressOf(library.recover(digest, signature.subarray(0, 64), yParity));
  } catch {
    return undefined;
  }
}

/** The account whose signature this is, as `recoverAddress`, of r || s || v with v 27 or 28. */
export function recoverSigner(digest: Uint8Array, signature: Uint8Array): Uint8Array | undefined {
  // Not slice(): of a Buffer that is a view, and this would write into the caller's signature.
  const withParity = Uint8Array.from(signature);
  withParity[SIGNATURE_BYTES - 1] = (signature[SIGNATURE_BYTES - 1] ?? 0) - 27;
  return recoverAddress(digest, withParity);
}

/** True if `address` signed: the signature is r || s || v, v 27 or 28. */
export function recoveredFrom(digest: Uint8Array, signature: Uint8Array, address: Uint8Array): boolean {
  const recovered = recoverSigner(digest, signature);
  return recovered !== undefined && equalBytes(recovered, address);
}

/** r || s || v, v 27 or 28, deterministic (RFC 6979) and low-s. */
export function signDigest(digest: Uint8Array, privateKey: Uint8Array): Uint8Array {
  const { signature: rs, recid } = library.sign(digest, privateKey);
  const signature = new Uint8Array(SIGNATURE_BYTES);
  signature.set(rs);
  signature[64] = recid + 27;
  return signature;
}

function scalar(bytes: Uint8Array, offset: number): bigint {
  const view = viewOf(bytes);
  let value = 0n;
  for (let i = 0; i < 4; i++) value = (value << 64n) | view.getBigUint64(offset + 8 * i);
  return value;
}
