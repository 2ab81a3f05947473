/** What the compiled code answers by itself: exceptional sums, x(R) above n, and self-tests that must fail. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { secp256k1 } from "@noble/curves/secp256k1.js";
import { compile, MODULES } from "../../scripts/compile-verify.ts";
import { instantiate } from "../../src/base/wasm.ts";
import {
  ACCEPTED,
  type Engine,
  type EngineExports,
  EXCEPTIONAL,
  engineFrom,
  openEngine,
} from "../../src/verify/engine.ts";
import { passesSelfTest } from "../../src/verify/self-test.ts";
import { BINARIES, invertMod, mod, N, P } from "./modules.ts";
import {
  bytes32,
  type Case,
  pack,
  randomBytes,
  randomSigner,
  type Signer,
  seededRandom,
  sign,
  signerOf,
  toBigInt,
} from "./signatures.ts";

const G = secp256k1.Point.BASE;
const random = seededRandom(5);

/** The answers for cases whose keys are in the slots of `signers`, in chunks of `size`. */
function answersOf(engine: Engine, cases: readonly Case[], slots: readonly number[], size: number): number[] {
  const answers: number[] = [];
  for (let first = 0; first < cases.length; first += size) {
    const part = cases.slice(first, first + size);
    for (const i of part.keys()) engine.place(i, i, slots[first + i]!);
    const { digests, signatures } = pack(part);
    answers.push(...engine.verify(digests, signatures, part.length));
  }
  return answers;
}

/** A valid signature with chosen u1 and u2: R = u1*G + u2*Q, s = r/u2, z = u1*s; -s and -R if s is high. */
function signatureWith(u1: bigint, u2: bigint, signer: Signer): Case | undefined {
  const k = mod(u1 + u2 * signer.secret, N);
  if (k === 0n) return undefined;
  const { x, y } = G.multiply(k).toAffine();
  if (x >= N) return undefined;
  const s = mod(x * invertMod(u2, N), N);
  const low = s <= (N - 1n) / 2n;
  const signature = new Uint8Array(65);
  signature.set(bytes32(x), 0);
  signature.set(bytes32(low ? s : N - s), 32);
  signature[64] = Number((y & 1n) ^ (low ? 0n : 1n));
  return { digest: bytes32(mod(u1 * s, N)), signature, address: signer.address };
}

/** A random number below 2^250 with `window` as the `bits` bits from bit `at` on. */
function withWindow(window: bigint, at: bigint, bits: bigint): bigint {
  const value = toBigInt(randomBytes(random, 32)) >> 6n;
  return (value & ~(((1n << bits) - 1n) << at)) | (window << at);
}

const LAMBDA = 0x5363ad4cc05c30e0a5261c028812645a122e22ea20816678df02967c1b23bd72n;
const SECRETS = [
  1n,
  N - 1n,
  2n,
  3n,
  256n,
  N - 256n,
  2n ** 12n,
  2n ** 128n,
  invertMod(2n, N),
  invertMod(256n, N),
  LAMBDA,
];
const FACTORS = [1n, N - 1n, 2n, N - 2n, 255n, 256n, 2n ** 24n, 2n ** 128n, (N + 1n) / 2n, (N - 1n) / 2n];

for (const variant of ["fma", "simd"] as const) {
  describe(`compiled variant ${variant}`, () => {
    it("accepts or calls exceptional, never rejects, sums with equal and opposite points", () => {
      const engine = openEngine(variant);
      const signers = [...SECRETS.map(signerOf), randomSigner(random)];
      for (const [slot, { publicKey }] of signers.entries()) assert.ok(engine.buildTable(slot, publicKey));
      const ordinary = signers.length - 1;
      const cases: Case[] = [];
      const slots: number[] = [];
      const special: boolean[] = [];
      const add = (signed: Case, slot: number, isSpecial: boolean) => {
        cases.push(signed);
        slots.push(slot);
        special.push(isSpecial);
      };
      for (let slot = 0; slot < ordinary; slot++) {
        for (const u1 of [0n, ...FACTORS]) {
          for (const u2 of FACTORS) {
            const signed = signatureWith(u1, u2, signers[slot]!);
            if (signed !== undefined) add(signed, slot, true);
          }
          add(sign(signers[ordinary]!, randomBytes(random, 32)), ordinary, false);
        }
      }
      // For the keys G and -G: window 10 of u1 and window 15 of u2, both at bit 120, are added first. Equal or
      // opposite digits there, 2v - 4095 = +-(2w - 255), make their points equal or opposite, unless s is high.
      for (let i = 0; i < 240; i++) {
        const w = BigInt(Math.floor(random() * 256));
        const v = i % 2 === 0 ? w + 1920n : 2175n - w;
        const u1 = 2n * withWindow(v, 120n, 12n) - (2n ** 264n - 1n);
        const u2 = 2n * withWindow(w, 120n, 8n) - (2n ** 256n - 1n);
        const slot = i % 4 < 2 ? 0 : 1;
        const signed = signatureWith(mod(u1, N), mod(u2, N), signers[slot]!);
        if (signed !== undefined) add(signed, slot, true);
      }
      for (const size of [1, 7, engine.chunk]) {
        const answers = answersOf(engine, cases, slots, size);
        assert.ok(
          answers.every((answer, i) => answer === ACCEPTED || (special[i]! && answer === EXCEPTIONAL)),
        );
        assert.ok(
          answers.filter((answer) => answer === EXCEPTIONAL).length >= 60,
          "exceptional sums do occur",
        );
      }
      const spoilt = cases.map((signed) => ({
        ...signed,
        digest: signed.digest.map((byte, i) => (i === 9 ? byte ^ 4 : byte)),
      }));
      assert.ok(!answersOf(engine, spoilt, slots, engine.chunk).includes(ACCEPTED));
    });

    it("does not accept x(R) = r + n", () => {
      const engine = openEngine(variant);
      let found = 0;
      for (let x = N + 1n; found < 24 && x < P; x++) {
        const y = squareRoot(mod(x ** 3n + 7n, P));
        if (y === undefined) continue;
        const r = x - N;
        const [z, s] = [mod(BigInt(found) * 77n + 5n, N), 12_345n + BigInt(found)];
        const key = secp256k1.Point.fromAffine({ x, y })
          .multiply(s)
          .subtract(G.multiply(z))
          .multiply(invertMod(r, N));
        engine.buildTable(0, key.toBytes(false).subarray(1));
        const cases = [0, 1, 2, 3].map((parity) => {
          const signature = new Uint8Array(65);
          signature.set(bytes32(r), 0);
          signature.set(bytes32(s), 32);
          signature[64] = parity;
          return { digest: bytes32(z), signature, address: new Uint8Array(20) };
        });
        assert.ok(!answersOf(engine, cases, [0, 0, 0, 0], 4).includes(ACCEPTED));
        found += 1;
      }
      assert.equal(found, 24);
    });

    it("refuses arrays and places that do not fit", () => {
      const engine = openEngine(variant);
      engine.buildTable(0, randomSigner(random).publicKey);
      engine.place(0, 1, 0);
      assert.throws(
        () => engine.verify(new Uint8Array(32), new Uint8Array(65), 1),
        RangeError,
        "place 1 of 1",
      );
      assert.throws(() => engine.place(engine.chunk, 0, 0), RangeError);
      assert.throws(() => engine.place(0, 0, 1_000_000), RangeError, "a table that is not there");
      assert.throws(() => engine.place(0, -1, 0), RangeError);
      const [digests, signatures] = [
        new Uint8Array(32 * (engine.chunk + 1)),
        new Uint8Array(65 * (engine.chunk + 1)),
      ];
      assert.throws(() => engine.verify(digests, signatures, 1), RangeError);
      assert.throws(() => engine.buildTable(0, new Uint8Array(65)), RangeError);
    });

    it("passes its self-test here", () => {
      assert.ok(passesSelfTest(openEngine(variant)));
    });
  });
}

describe("the self-test", () => {
  it("refuses a machine that rounds a multiply-add twice", async () => {
    const unfused =
      "\n@inline\nfunction unfused(a: v128, b: v128, c: v128): v128 { return f64x2.add(f64x2.mul(a, b), c); }";
    const binary = await compile(MODULES[0]!, (source) =>
      source.includes("f64x2.relaxed_madd")
        ? source.replaceAll("f64x2.relaxed_madd", "unfused") + unfused
        : source,
    );
    assert.equal(instantiate<EngineExports>(binary).isExact(), 0);
    assert.equal(instantiate<EngineExports>(BINARIES.fma).isExact(), 1);
    assert.equal(isUsable(binary), false);
    assert.equal(isUsable(BINARIES.fma), true);
  });

  it("refuses an engine that accepts everything, or nothing", () => {
    for (const answer of [0, 1, 2]) {
      const engine = {
        ...openEngine("simd"),
        verify: (...[, , count]: Parameters<Engine["verify"]>) => new Uint8Array(count).fill(answer),
      };
      assert.ok(!passesSelfTest(engine));
    }
  });

  it("refuses an engine that says that its arithmetic is not exact", () => {
    assert.ok(!passesSelfTest({ ...openEngine("fma"), isExact: () => false }));
  });
});

function isUsable(binary: Uint8Array): boolean {
  try {
    return passesSelfTest(engineFrom("fma", binary));
  } catch {
    return false;
  }
}

function squareRoot(value: bigint): bigint | undefined {
  let [root, base, exponent] = [1n, value, (P + 1n) / 4n];
  for (; exponent > 0n; exponent >>= 1n) {
    if (exponent & 1n) root = (root * base) % P;
    base = (base * base) % P;
  }
  return (root * root) % P === value ? root : undefined;
}
