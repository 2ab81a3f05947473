/**
 * Wycheproof's ECDSA vectors for secp256k1 with SHA-256: 131 of the file's 242, retyped, and its grid of special
 * values of r and s, made here. Left out are signatures of other lengths, which have no form here, and most of
 * the special hashes. Wycheproof knows no parity and allows high s and r + n: of a valid vector, brought to
 * low s, exactly one parity is valid here.
 */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { concatBytes, fromHex } from "../../src/base/bytes.ts";
import { addressOf, javascriptReference, loadReference } from "../../src/verify/reference.ts";
import { createVerifier, type VerifierOptions } from "../../src/verify/verify.ts";
import { N, P } from "./modules.ts";
import { bytes32, type Case, pack, toBigInt } from "./signatures.ts";

interface Vectors {
  readonly groups: readonly {
    readonly publicKey: string;
    readonly tests: readonly { tcId: number; valid: boolean; message: string; signature: string }[];
  }[];
}

const { groups } = JSON.parse(
  readFileSync(new URL("./vectors/wycheproof.json", import.meta.url), "utf8"),
) as Vectors;

/** x(R) is r + n: valid for ECDSA, never for SPEC section 1. */
const R_PLUS_N = new Set([115]);
const SPECIAL_VALUES = [0n, 1n, N, N - 1n, N + 1n, P, P + 1n];

const digestOf = (message: Uint8Array) => new Uint8Array(createHash("sha256").update(message).digest());

/** Both parities of a signature as it is, and with n - s for s. */
function everyForm(message: Uint8Array, signature: Uint8Array, address: Uint8Array): Case[] {
  const digest = digestOf(message);
  const s = toBigInt(signature.subarray(32));
  const other = concatBytes(signature.subarray(0, 32), bytes32(s > 0n && s < N ? N - s : s));
  return [signature, other].flatMap((form) =>
    [0, 1].map((parity) => ({ digest, signature: concatBytes(form, Uint8Array.of(parity)), address })),
  );
}

const VARIANTS: readonly [string, VerifierOptions][] = [
  ["fma", { variant: "fma" }],
  ["simd", { variant: "simd" }],
  ["native", { variant: "native", reference: loadReference() }],
  ["@noble/curves", { variant: "native", reference: javascriptReference(), log: () => undefined }],
];

for (const [name, options] of VARIANTS) {
  describe(`Wycheproof with ${name}`, () => {
    const verifier = createVerifier(options);

    it("accepts one form of each valid signature and none of an invalid one", () => {
      for (const { publicKey, tests } of groups) {
        const address = verifier.addKey(fromHex(publicKey));
        assert.deepEqual(address, addressOf(fromHex(publicKey)));
        for (const { tcId, valid, message, signature } of tests) {
          const results = verifier.verify(pack(everyForm(fromHex(message), fromHex(signature), address)));
          const accepted = results.reduce((sum, result) => sum + result, 0);
          assert.equal(accepted, valid && !R_PLUS_N.has(tcId) ? 1 : 0, `tcId ${tcId}`);
        }
      }
    });

    it("accepts no signature of special values", () => {
      const address = verifier.addKey(fromHex(groups[0]!.publicKey));
      const message = fromHex("0x313233343030");
      for (const r of SPECIAL_VALUES) {
        for (const s of SPECIAL_VALUES) {
          const cases = everyForm(message, concatBytes(bytes32(r), bytes32(s)), address);
          assert.ok(!verifier.verify(pack(cases)).includes(1), `r = ${r}, s = ${s}`);
        }
      }
    });

    it("had no disagreement, and took the fast path where there is one", () => {
      assert.equal(verifier.metrics.disagreements, 0);
      assert.equal(verifier.metrics.accepted > 0, name === "fma" || name === "simd");
    });
  });
}
