/**
 * Wycheproof's ECDSA vectors for secp256k1: 2,617 of seven of its eleven files; the other four are the same
 * signatures in DER, but for 22 ordinary ones. Wycheproof knows no parity, and except for Bitcoin it allows high s:
 * a valid vector, brought to low s, is valid here with exactly one parity, except where x(R) is r + n. A signature
 * that is not a pair of numbers of 32 bytes has no form here.
 */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { concatBytes, fromHex } from "../../src/base/bytes.ts";
import { addressOf, javascriptReference, loadReference } from "../../src/verify/reference.ts";
import { createVerifier, type Verifier, type VerifierOptions } from "../../src/verify/verify.ts";
import { derSignature } from "./der.ts";
import { N } from "./modules.ts";
import { bytes32, type Case, pack, toBigInt } from "./signatures.ts";

interface Vectors {
  readonly files: readonly {
    readonly file: string;
    readonly numberOfTests: number;
    readonly testGroups: readonly {
      /** 04 || x || y. */
      readonly publicKey: string;
      readonly sha: string;
      readonly tests: readonly Test[];
    }[];
  }[];
}

interface Test {
  readonly tcId: number;
  readonly comment: string;
  readonly msg: string;
  readonly sig: string;
  readonly result: "valid" | "invalid";
}

const { files } = JSON.parse(
  readFileSync(new URL("./vectors/wycheproof.json", import.meta.url), "utf8"),
) as Vectors;

/** Of each file: vectors, those with a form here, and of them those with a valid one. */
const COUNTS: Readonly<Record<string, readonly [number, number, number]>> = {
  ecdsa_secp256k1_sha256_bitcoin_test: [463, 231, 161],
  ecdsa_secp256k1_sha256_p1363_test: [252, 234, 165],
  ecdsa_secp256k1_sha512_p1363_test: [322, 304, 234],
  ecdsa_secp256k1_shake128_p1363_test: [248, 230, 168],
  ecdsa_secp256k1_shake256_p1363_test: [318, 300, 237],
  ecdsa_secp256k1_sha3_256_test: [474, 241, 171],
  ecdsa_secp256k1_sha3_512_test: [540, 307, 236],
};

/** x(R) is r + n: valid for ECDSA, never for SPEC section 1. */
const R_PLUS_N = new Set([
  "k*G has a large x-coordinate",
  "r = 2, x = n + 2 is the smallest possible x with a reduction",
]);

const bytes = (hexadecimal: string) => fromHex(`0x${hexadecimal}`);

/** The leftmost 32 bytes of the message's hash, which is what ECDSA signs. */
function digestOf(message: Uint8Array, sha: string): Uint8Array {
  const name = sha.toLowerCase().replace("sha-", "sha");
  // Left to itself, SHAKE gives half as many bytes.
  const options = sha.startsWith("SHAKE") ? { outputLength: 32 } : {};
  return new Uint8Array(createHash(name, options).update(message).digest()).subarray(0, 32);
}

/** r || s, or undefined where there is no such form. */
function formOf(file: string, signature: Uint8Array): Uint8Array | undefined {
  if (!file.includes("p1363")) return derSignature(signature);
  return signature.length === 64 ? signature : undefined;
}

/** Both parities of r || s, and unless high s must be refused also with n - s for s. */
function everyForm(digest: Uint8Array, rs: Uint8Array, address: Uint8Array, lowS: boolean): Case[] {
  const s = toBigInt(rs.subarray(32));
  const other = concatBytes(rs.subarray(0, 32), bytes32(s > 0n && s < N ? N - s : s));
  return (lowS ? [rs] : [rs, other]).flatMap((form) =>
    [0, 1].map((parity) => ({ digest, signature: concatBytes(form, Uint8Array.of(parity)), address })),
  );
}

/** Verifies the vectors of a file in one batch; returns its counts. */
function check(verifier: Verifier, { file, testGroups }: Vectors["files"][number]): number[] {
  const cases: Case[] = [];
  const expected: { test: Test; valid: boolean; first: number; end: number }[] = [];
  let vectors = 0;
  for (const { publicKey, sha, tests } of testGroups) {
    const address = verifier.addKey(bytes(publicKey));
    assert.deepEqual(address, addressOf(bytes(publicKey).subarray(1)));
    for (const test of tests) {
      vectors += 1;
      const rs = formOf(file, bytes(test.sig));
      if (rs === undefined) {
        assert.equal(test.result, "invalid", `${file} ${test.tcId}: ${test.comment}`);
        continue;
      }
      const first = cases.length;
      cases.push(...everyForm(digestOf(bytes(test.msg), sha), rs, address, file.includes("bitcoin")));
      const valid = test.result === "valid" && !R_PLUS_N.has(test.comment);
      expected.push({ test, valid, first, end: cases.length });
    }
  }
  const results = verifier.verify(pack(cases));
  for (const { test, valid, first, end } of expected) {
    const accepted = results.subarray(first, end).reduce((sum, result) => sum + result, 0);
    assert.equal(accepted, valid ? 1 : 0, `${file} ${test.tcId}: ${test.comment}`);
  }
  return [vectors, expected.length, expected.filter(({ valid }) => valid).length];
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

    for (const vectors of files) {
      const file = vectors.file.replace(".json", "");
      it(`accepts one form of each valid signature of ${file} and none of an invalid one`, () => {
        assert.deepEqual(check(verifier, vectors), COUNTS[file]);
      });
    }

    it("had no disagreement, and took the fast path where there is one", () => {
      assert.equal(verifier.metrics.disagreements, 0);
      assert.equal(verifier.metrics.accepted > 0, name === "fma" || name === "simd");
    });
  });
}
