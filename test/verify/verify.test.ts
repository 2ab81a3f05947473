/** The verifier as its users see it: learning, bounds, fall-backs, sampling, counters. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { equalBytes } from "../../src/base/bytes.ts";
import { ACCEPTS_FOR_TAKEN_SLOT } from "../../src/verify/accounts.ts";
import type { Engine } from "../../src/verify/engine.ts";
import { javascriptReference, loadReference, type Reference } from "../../src/verify/reference.ts";
import { passesSelfTest } from "../../src/verify/self-test.ts";
import { createVerifier, type VerifierOptions } from "../../src/verify/verify.ts";
import {
  type Case,
  highS,
  pack,
  randomBytes,
  randomSigner,
  type Signer,
  SPOILERS,
  seededRandom,
  sign,
} from "./signatures.ts";

const TABLE_BYTES = 320 * 1024;
const random = seededRandom(11);

function quiet(options: VerifierOptions = {}) {
  const messages: string[] = [];
  const verifier = createVerifier({ log: (message) => messages.push(message), random, ...options });
  return { verifier, messages };
}

function signMany(signer: Signer, count: number): Case[] {
  return Array.from({ length: count }, () => sign(signer, randomBytes(random, 32)));
}

const allOf = (results: Uint8Array, value: number) => results.every((result) => result === value);

describe("verifying a batch", () => {
  it("accepts an empty one", () => {
    assert.equal(quiet().verifier.verify(pack([])).length, 0);
  });

  it("refuses arrays that do not fit the count", () => {
    const { verifier } = quiet();
    const batch = pack(signMany(randomSigner(random), 2));
    assert.throws(() => verifier.verify({ ...batch, count: 3 }), RangeError);
    assert.throws(() => verifier.verify({ ...batch, count: -1 }), RangeError);
    assert.throws(() => verifier.verify({ ...batch, digests: batch.digests.subarray(1) }), RangeError);
    assert.throws(() => verifier.verify({ ...batch, signatures: batch.signatures.subarray(1) }), RangeError);
    assert.throws(() => verifier.verify({ ...batch, addresses: batch.addresses.subarray(1) }), RangeError);
  });

  for (const [name, spoil] of Object.entries(SPOILERS)) {
    it(`refuses a signature spoilt by its ${name}, and only that one`, () => {
      const { verifier } = quiet();
      const [signer, other] = [randomSigner(random), randomSigner(random)];
      verifier.addKey(signer.publicKey);
      verifier.addKey(other.publicKey);
      const cases = signMany(signer, 130);
      for (const at of [0, 63, 64, 77, 129]) cases[at] = spoil(cases[at]!, random, other);
      const results = verifier.verify(pack(cases));
      for (const [i, result] of results.entries())
        assert.equal(result, [0, 63, 64, 77, 129].includes(i) ? 0 : 1, `signature ${i}`);
      assert.equal(verifier.metrics.accepted, 125);
      assert.equal(verifier.metrics.disagreements, 0);
    });
  }

  it("takes the lower of s and n - s only", () => {
    const { verifier } = quiet();
    const signer = randomSigner(random);
    verifier.addKey(signer.publicKey);
    const valid = signMany(signer, 8);
    assert.deepEqual(
      [...verifier.verify(pack(valid.flatMap((signed) => [signed, highS(signed)])))],
      Array(8).fill([1, 0]).flat(),
    );
  });

  it("gives each signature its own answer when keys repeat within a batch", () => {
    const { verifier } = quiet();
    const signers = [randomSigner(random), randomSigner(random)];
    for (const signer of signers) verifier.addKey(signer.publicKey);
    const cases = [0, 0, 1, 0, 1, 1, 1].map((i) => sign(signers[i]!, randomBytes(random, 32)));
    cases[3] = { ...cases[3]!, address: signers[1]!.address };
    assert.deepEqual([...verifier.verify(pack(cases))], [1, 1, 1, 0, 1, 1, 1]);
  });
});

describe("tables", () => {
  it("are earned by the second signature that the reference accepted", () => {
    const { verifier } = quiet();
    const signer = randomSigner(random);
    assert.ok(allOf(verifier.verify(pack(signMany(signer, 1))), 1));
    assert.equal(verifier.metrics.tablesInUse, 0);
    assert.ok(allOf(verifier.verify(pack(signMany(signer, 1))), 1));
    assert.equal(verifier.metrics.tablesInUse, 1);
    assert.ok(allOf(verifier.verify(pack(signMany(signer, 10))), 1));
    assert.equal(verifier.metrics.accepted, 10);
    assert.equal(verifier.metrics.referred, 2);
  });

  it("are never earned by junk under an account's name", () => {
    const { verifier } = quiet();
    const cases = signMany(randomSigner(random), 200).map((valid) =>
      SPOILERS.digest!(valid, random, randomSigner(random)),
    );
    assert.ok(allOf(verifier.verify(pack(cases)), 0));
    assert.equal(verifier.metrics.tablesBuilt, 0);
  });

  it("stay within their bound, and a newcomer needs many signatures to take another's", () => {
    const { verifier } = quiet({ tableBytesMax: 3 * TABLE_BYTES });
    const signers = Array.from({ length: 4 }, () => randomSigner(random));
    for (const signer of signers.slice(0, 3)) verifier.verify(pack(signMany(signer, 2)));
    assert.equal(verifier.metrics.tablesInUse, 3);
    verifier.verify(pack(signMany(signers[3]!, ACCEPTS_FOR_TAKEN_SLOT - 1)));
    assert.equal(verifier.metrics.tablesBuilt, 3);
    verifier.verify(pack(signMany(signers[3]!, 1)));
    assert.equal(verifier.metrics.tablesBuilt, 4);
    assert.equal(verifier.metrics.tablesInUse, 3);
    assert.ok(verifier.metrics.tableBytes <= 3 * TABLE_BYTES);
    // The first account has not been used for longest: it is the one without a table now.
    const { accepted } = verifier.metrics;
    for (const signer of signers) assert.ok(allOf(verifier.verify(pack(signMany(signer, 1))), 1));
    assert.equal(verifier.metrics.accepted - accepted, 3);
  });

  it("can be added and removed by hand", () => {
    const { verifier } = quiet();
    const signer = randomSigner(random);
    assert.ok(equalBytes(verifier.addKey(signer.publicKey), signer.address));
    assert.ok(allOf(verifier.verify(pack(signMany(signer, 3))), 1));
    assert.equal(verifier.metrics.accepted, 3);
    assert.equal(verifier.removeKey(signer.address), true);
    assert.equal(verifier.removeKey(signer.address), false);
    assert.ok(allOf(verifier.verify(pack(signMany(signer, 1))), 1));
    assert.equal(verifier.metrics.accepted, 3);
    assert.equal(verifier.metrics.tablesInUse, 0);
  });

  it("are not built for what is no public key", () => {
    const { verifier } = quiet();
    for (const key of [
      new Uint8Array(64),
      new Uint8Array(33).fill(255),
      new Uint8Array(64).fill(255),
      new Uint8Array(5),
    ]) {
      assert.throws(() => verifier.addKey(key), RangeError);
    }
  });

  it("may have no room at all", () => {
    const { verifier } = quiet({ tableBytesMax: 0 });
    const signer = randomSigner(random);
    verifier.addKey(signer.publicKey);
    assert.ok(allOf(verifier.verify(pack(signMany(signer, 70))), 1));
    assert.equal(verifier.metrics.tablesBuilt, 0);
  });
});

describe("fall-backs", () => {
  const check = (options: VerifierOptions, variant: string, notices: RegExp[]) => {
    const { verifier, messages } = quiet(options);
    assert.equal(verifier.variant, variant);
    assert.equal(messages.length, notices.length);
    for (const [i, notice] of notices.entries()) assert.match(messages[i]!, notice);
    const signer = randomSigner(random);
    const cases = signMany(signer, 100);
    cases[50] = SPOILERS.s!(cases[50]!, random, signer);
    const results = verifier.verify(pack(cases));
    assert.ok(results.every((result, i) => result === (i === 50 ? 0 : 1)));
    assert.equal(
      verifier.metrics.accepted + verifier.metrics.referred,
      100 + (verifier.metrics.accepted > 0 && cases.length === 0 ? 1 : 0),
    );
    return verifier;
  };

  it("start with fused multiply-add", () => {
    assert.ok(check({}, "fma", []).metrics.tablesInUse === 1);
  });

  it("go to standard SIMD, and say so, where multiply-add is not fused", () => {
    const selfTest = (engine: Engine) => engine.variant !== "fma" && passesSelfTest(engine);
    assert.equal(check({ selfTest }, "simd", [/variant fma fails its self-test/]).metrics.tablesInUse, 1);
  });

  it("go to the reference where no variant passes", () => {
    const verifier = check({ selfTest: () => false }, "native", [/variant fma/, /variant simd/]);
    assert.equal(verifier.metrics.accepted, 0);
  });

  it("go to the reference where a self-test throws", () => {
    const selfTest = () => {
      throw new Error("no such instruction");
    };
    check({ selfTest }, "native", [/no such instruction/, /no such instruction/]);
  });

  it("can be asked for", () => {
    check({ variant: "simd" }, "simd", []);
    check({ variant: "native" }, "native", []);
  });

  it("say when the reference is the slow one", () => {
    check({ reference: javascriptReference() }, "fma", [/native secp256k1 binding/]);
  });
});

describe("disagreement", () => {
  const native = loadReference();
  /** A reference that has turned against one signer. */
  const against = (signer: Signer): Reference => ({
    ...native,
    recover: (digest, signature) => {
      const key = native.recover(digest, signature);
      return key !== undefined && equalBytes(key, signer.publicKey) ? undefined : key;
    },
  });

  it("on a sampled accept switches the fast path off, loudly, and the reference decides the whole batch", () => {
    const [signer, other] = [randomSigner(random), randomSigner(random)];
    const { verifier, messages } = quiet({ reference: against(signer), sampleInterval: 1 });
    verifier.addKey(signer.publicKey);
    verifier.addKey(other.publicKey);
    const results = verifier.verify(pack([...signMany(other, 100), ...signMany(signer, 100)]));
    assert.deepEqual([...results], [...Array(100).fill(1), ...Array(100).fill(0)]);
    assert.equal(verifier.metrics.disagreements, 1);
    assert.equal(verifier.variant, "native");
    assert.match(messages[0]!, /DISAGREEMENT/);
    assert.ok(allOf(verifier.verify(pack(signMany(other, 3))), 1));
    assert.equal(verifier.metrics.tablesInUse, 0);
    assert.equal(verifier.metrics.tableBytes, 0);
  });

  it("on a signature that only the fast path rejects does the same", () => {
    const signer = randomSigner(random);
    const { verifier } = quiet({ reference: { ...native, recover: () => signer.publicKey } });
    verifier.addKey(signer.publicKey);
    const valid = signMany(signer, 1)[0]!;
    assert.deepEqual([...verifier.verify(pack([valid, SPOILERS.digest!(valid, random, signer)]))], [1, 1]);
    assert.equal(verifier.metrics.disagreements, 1);
    assert.equal(verifier.variant, "native");
  });

  it("is looked for in one of so many accepts on average", () => {
    const { verifier } = quiet({ sampleInterval: 10 });
    const signer = randomSigner(random);
    verifier.addKey(signer.publicKey);
    const cases = signMany(signer, 100);
    for (let i = 0; i < 50; i++) verifier.verify(pack(cases));
    assert.equal(verifier.metrics.accepted, 5_000);
    assert.ok(
      verifier.metrics.sampled > 400 && verifier.metrics.sampled < 600,
      `${verifier.metrics.sampled} sampled`,
    );
    assert.equal(verifier.metrics.disagreements, 0);
  });
});
