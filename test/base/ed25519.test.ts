/**
 * Ed25519 by OpenSSL: RFC 8032 section 7.1, test 2, and in agreement with noble, which browsers run.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { ed25519 } from "@noble/curves/ed25519.js";
import fc from "fast-check";
import { fromHex, toHex } from "../../src/base/bytes.ts";
import { ed25519PublicKey, ed25519Signer, ed25519Verifier } from "../../src/base/ed25519.ts";
import { bytesOf } from "../helpers/arbitraries.ts";

test("the RFC's key signs the RFC's message as the RFC says", () => {
  const seed = fromHex("0x4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb");
  const signature = ed25519Signer(seed)(Uint8Array.of(0x72));
  assert.equal(
    toHex(ed25519PublicKey(seed)),
    "0x3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
  );
  assert.equal(
    toHex(signature),
    "0x92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
  );
  assert.ok(ed25519Verifier(ed25519PublicKey(seed))(signature, Uint8Array.of(0x72)));
});

test("every seed has the public key that noble finds", () => {
  fc.assert(
    fc.property(bytesOf(32), (seed) => {
      assert.equal(toHex(ed25519PublicKey(seed)), toHex(ed25519.getPublicKey(seed)));
    }),
  );
});
