/**
 * Plugs native libsecp256k1 (npm `secp256k1`, prebuilt) into `base/secp256k1.ts`, for processes that verify much.
 * Where the binding cannot be loaded, pure JavaScript stays in place, ten times slower, and the node says so.
 */
import { createRequire } from "node:module";
import { useNative } from "../base/secp256k1.ts";

/** Loads the native binding for this thread; false if it is not available here. */
export function useNativeSecp256k1(): boolean {
  const binding = loadBinding();
  if (binding === undefined) return false;
  useNative({
    publicKey: (privateKey) => binding.publicKeyCreate(privateKey, false),
    recover: (digest, rs, yParity) => binding.ecdsaRecover(rs, yParity, digest, false),
    sign: (digest, privateKey) => binding.ecdsaSign(digest, privateKey),
  });
  return true;
}

interface Binding {
  publicKeyCreate(privateKey: Uint8Array, compressed: boolean): Uint8Array;
  ecdsaRecover(rs: Uint8Array, yParity: number, digest: Uint8Array, compressed: boolean): Uint8Array;
  ecdsaSign(digest: Uint8Array, privateKey: Uint8Array): { signature: Uint8Array; recid: number };
}

function loadBinding(): Binding | undefined {
  try {
    // The package itself would fall back to another JavaScript library in silence: ask for the binding alone.
    return createRequire(import.meta.url)("secp256k1/bindings.js") as Binding;
  } catch {
    return undefined;
  }
}
