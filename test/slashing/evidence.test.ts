/** Evidence offline: the shared vectors, what can be found from two heads, and hostile files. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { fromHex, utf8 } from "../../src/base/bytes.ts";
import { checkpointDigest, domainSeparator } from "../../src/base/eip712.ts";
import { SequencerError } from "../../src/base/errors.ts";
import { EVIDENCE_FILE_BYTES_MAX } from "../../src/base/limits.ts";
import { addressOfPrivateKey, signDigest } from "../../src/base/secp256k1.ts";
import type { AttestedHead } from "../../src/log/checkpoint.ts";
import { leafHash } from "../../src/log/merkle.ts";
import { type LogDomain, verifyEvidence } from "../../src/slashing/evidence.ts";
import { formatEvidence, parseEvidence } from "../../src/slashing/evidence-file.ts";
import { findEvidence } from "../../src/slashing/find-evidence.ts";
import { evidenceVectors } from "../helpers/evidence-vectors.ts";
import { LeafTree } from "../helpers/leaf-tree.ts";

const key = new Uint8Array(32).fill(7);
const operator = addressOfPrivateKey(key);
const log: LogDomain = { chainId: 10, bond: new Uint8Array(20).fill(9), logId: new Uint8Array(32).fill(8) };
const context = { separator: domainSeparator(log), logId: log.logId };

/** The contract has three words for a signature that is nobody's. */
const SIGNATURE_ERRORS = /^ECDSAInvalidSignature(S|Length)?$/;

describe("the shared vectors", () => {
  const signers = [fromHex(evidenceVectors.operator)];
  for (const { name, rejection, evidence } of evidenceVectors.cases) {
    test(`${name}: ${rejection ?? "evidence"}`, () => {
      const check = () => verifyEvidence(parseEvidence(JSON.stringify(evidence)), signers);
      if (rejection === null) check();
      else assert.throws(check, rejects(rejection.replace(SIGNATURE_ERRORS, "InvalidSignature")));
    });
  }

  test("cover every refusal", () => {
    const seen = new Set(evidenceVectors.cases.map(({ rejection }) => rejection));
    const all =
      "SizesDiffer RootsEqual LeavesEqual PathTooLong IndexOutsideTree SizesNotAscending PathDoesNotFit " +
      "RootMismatch Consistent EmptyCheckpoint ECDSAInvalidSignature ECDSAInvalidSignatureS " +
      "ECDSAInvalidSignatureLength NotRegistered";
    for (const rejection of all.split(" ")) assert.ok(seen.has(rejection), rejection);
  });
});

describe("two heads", () => {
  const forks = fc.record({
    size: fc.integer({ min: 1, max: 70 }),
    other: fc.integer({ min: 1, max: 70 }),
    shared: fc.integer({ min: 0, max: 70 }),
  });

  test("of one transcript never prove anything", () => {
    fc.assert(
      fc.property(forks, ({ size, other }) => {
        const tree = treeOf(70, 70);
        assert.equal(findEvidence(log, head(tree, size), head(tree, other), tree.node), undefined);
      }),
    );
  });

  test("of two transcripts prove it, in either order, exactly where the smaller is no prefix", () => {
    fc.assert(
      fc.property(forks, ({ size, other, shared }) => {
        const large = treeOf(70, 70);
        const small = treeOf(70, shared);
        const [older, newer] = [Math.min(size, other), Math.max(size, other)];
        for (const heads of [
          [head(small, older), head(large, newer)],
          [head(large, newer), head(small, older)],
        ] as const) {
          const evidence = findEvidence(log, heads[0], heads[1], large.node);
          if (older <= shared) {
            assert.equal(evidence, undefined);
            continue;
          }
          assert.equal(evidence?.kind, older === newer ? "same-size" : "inconsistent");
          verifyEvidence(evidence!, [operator]);
          const text = formatEvidence(evidence!);
          assert.equal(formatEvidence(parseEvidence(text)), text);
        }
      }),
    );
  });

  test("without the larger tree give a question", () => {
    const [large, small] = [treeOf(20, 20), treeOf(20, 3)];
    assert.equal(findEvidence(log, head(small, 9), head(large, 20))?.kind, "unanswered-challenge");
    assert.equal(
      findEvidence(log, head(small, 9), head(large, 20), small.node)?.kind,
      "unanswered-challenge",
    );
  });
});

describe("an evidence file", () => {
  const evidence = findEvidence(log, head(treeOf(9, 9), 9), head(treeOf(9, 2), 9))!;
  const text = formatEvidence(evidence);

  test("says what it shows in words", () => {
    assert.match(text, /"summary": "Two signed checkpoints have size 9 and different roots\."/);
  });

  test("may be written with other white space", () => {
    assert.equal(formatEvidence(parseEvidence(JSON.stringify(JSON.parse(text)))), text);
  });

  test("is for the signers of its own log only", () => {
    assert.throws(() => verifyEvidence(evidence, [new Uint8Array(20)]), rejects("NotRegistered"));
    assert.throws(() => verifyEvidence(evidence, []), rejects("NotRegistered"));
  });

  const hostile: Record<string, string> = {
    "no JSON": "{",
    "an array": "[]",
    "another format": text.replace("evidence/1", "evidence/2"),
    "another kind": text.replace('"kind": "same-size"', '"kind": "same-root"'),
    "another summary": text.replace("different roots", "nothing wrong"),
    "a surplus field": text.replace('"kind"', '"note": 1, "kind"'),
    "a repeated field": text.replace('"kind"', '"chainId": 10, "kind"'),
    "upper-case hexadecimal": text.replace(/0x09+/, (hex) => hex.replace("09", "0A")),
    "a size with a fraction": text.replace('"size": 9', '"size": 9.5'),
    "a negative size": text.replace('"size": 9', '"size": -9'),
    "a size above 2^53": text.replace('"size": 9', '"size": 9007199254740993'),
    "a size in quotes": text.replace('"size": 9', '"size": "9"'),
    "three checkpoints": text.replace('"checkpoints": [', '"checkpoints": [{},'),
    "a short root": text.replace(/"root": "0x../, '"root": "0x'),
    "null for an object": text.replace(/"checkpoints": [\s\S]*\]/, '"checkpoints": [null, null]'),
    "too many bytes": text + " ".repeat(EVIDENCE_FILE_BYTES_MAX),
  };
  for (const [name, bad] of Object.entries(hostile)) {
    test(`is refused: ${name}`, () => {
      assert.notEqual(bad, text);
      assert.throws(
        () => parseEvidence(bad),
        (error) => error instanceof SequencerError && error.code === "verification",
      );
    });
  }
});

function rejects(rejection: string) {
  return (error: unknown) => {
    assert.ok(error instanceof SequencerError, `${error}`);
    assert.equal(error.data?.rejection, rejection);
    return true;
  };
}

function treeOf(size: number, shared: number): LeafTree {
  return new LeafTree(
    Array.from({ length: size }, (_, i) => leafHash(utf8(i < shared ? `${i}` : `fork at ${shared}, ${i}`))),
  );
}

function head(tree: LeafTree, size: number): AttestedHead {
  const root = tree.root(size);
  return { size, root, signature: signDigest(checkpointDigest(context, { size, root }), key) };
}
