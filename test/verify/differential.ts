/**
 * The verifier against libsecp256k1 over valid and spoilt signatures, while accounts earn, lose and get tables.
 * As a command: node test/verify/differential.ts [signatures] [seed].
 */
import assert from "node:assert/strict";
import { equalBytes } from "../../src/base/bytes.ts";
import { addressOf, loadReference, type Reference } from "../../src/verify/reference.ts";
import { createVerifier, type Variant } from "../../src/verify/verify.ts";
import { N } from "./modules.ts";
import {
  bytes32,
  type Case,
  pack,
  type Random,
  randomBytes,
  randomSigner,
  SPOILERS,
  seededRandom,
  sign,
} from "./signatures.ts";

const ACCOUNTS = 24;
/** Fewer than accounts, so that tables are taken away all the time. */
const TABLES = 16;
const BATCH_MAX = 300;
const DIGESTS = [0n, 1n, N - 1n, N, N + 1n, 2n ** 256n - 1n].map(bytes32);

export interface Outcome {
  readonly signatures: number;
  readonly valid: number;
  readonly accepted: number;
  readonly tablesBuilt: number;
}

/** Throws on the first batch that `reference` answers differently. */
export function compareWithReference(
  variant: "fma" | "simd",
  signatures: number,
  seed: number,
  reference: Reference = loadReference(),
): Outcome {
  const random = seededRandom(seed);
  const verifier = createVerifier({ variant, tableBytesMax: TABLES * 320 * 1024, random });
  assert.equal(verifier.variant satisfies Variant, variant);
  const signers = Array.from({ length: ACCOUNTS }, () => randomSigner(random));
  const spoilers = Object.values(SPOILERS);
  const pick = <T>(items: readonly T[]) => items[Math.floor(random() * items.length)]!;

  const makeCase = (): Case => {
    // Some accounts sign much more than others, as in life.
    const signer = signers[Math.floor(random() ** 2 * ACCOUNTS)]!;
    const valid = sign(signer, random() < 0.02 ? pick(DIGESTS) : randomBytes(random, 32));
    return random() < 0.2 ? pick(spoilers)(valid, random, pick(signers)) : valid;
  };

  let done = 0;
  let valid = 0;
  while (done < signatures) {
    const cases = Array.from({ length: Math.min(sizeOf(random), signatures - done) }, makeCase);
    const batch = pack(cases);
    const before = batch.signatures.slice();
    const results = verifier.verify(batch);
    assert.ok(equalBytes(before, batch.signatures), "the batch is left as it was");
    for (const [i, { digest, signature, address }] of cases.entries()) {
      const key = reference.recover(digest, signature);
      const expected = key !== undefined && equalBytes(addressOf(key), address);
      if ((results[i] === 1) !== expected)
        assert.fail(`seed ${seed}, signature ${done + i}: expected ${expected}`);
      if (expected) valid += 1;
    }
    assert.equal(verifier.metrics.disagreements, 0, `seed ${seed}, near signature ${done}`);
    done += cases.length;
    if (random() < 0.02) verifier.removeKey(pick(signers).address);
    if (random() < 0.02) verifier.addKey(pick(signers).publicKey);
  }
  const { accepted, tablesBuilt } = verifier.metrics;
  return { signatures: done, valid, accepted, tablesBuilt };
}

function sizeOf(random: Random): number {
  return 1 + Math.floor(random() ** 2 * BATCH_MAX);
}

if (import.meta.main) {
  const signatures = Number(process.argv[2] ?? 1_000_000);
  const seed = Number(process.argv[3] ?? Date.now() % 2 ** 32);
  for (const variant of ["fma", "simd"] as const) {
    const outcome = compareWithReference(variant, signatures / 2, seed);
    process.stdout.write(`${variant}, seed ${seed}: ${JSON.stringify(outcome)}, no difference\n`);
  }
}
