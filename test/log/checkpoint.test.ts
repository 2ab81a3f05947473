/**
 * Checkpoints: three lines, two signatures, and everything that is not exactly that.
 */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import fc from "fast-check";
import { fromHex, toBase64, toHex, utf8 } from "../../src/base/bytes.ts";
import { domainSeparator } from "../../src/base/eip712.ts";
import { CheckpointVerifier, formatCheckpoint, parseCheckpoint } from "../../src/log/checkpoint.ts";
import { formatNote, parseNote } from "../../src/log/note.ts";
import { CheckpointSigner, operatorIdentity } from "../../src/sequencing/checkpoint-signer.ts";
import { accountOf, operator } from "../helpers/accounts.ts";
import { bytesOf, mutated } from "../helpers/arbitraries.ts";
import { sequencerVectors as vectors } from "../helpers/vectors.ts";

const origin = vectors.origin;
const root = new Uint8Array(32).fill(7);

suite("text", () => {
  test("every head round-trips", () => {
    fc.assert(
      fc.property(fc.maxSafeNat(), bytesOf(32), (size, hash) => {
        const head = parseCheckpoint(formatCheckpoint(origin, { size, root: hash }), origin)!;
        assert.equal(head.size, size);
        assert.equal(toHex(head.root), toHex(hash));
      }),
    );
  });

  test("what parses is formatted to the same text", () => {
    const text = mutated(fc.constant(utf8(formatCheckpoint(origin, { size: 1_234, root }))));
    fc.assert(
      fc.property(text, (bytes) => {
        const mutatedText = new TextDecoder().decode(bytes);
        const head = parseCheckpoint(mutatedText, origin);
        if (head !== undefined) assert.equal(formatCheckpoint(origin, head), mutatedText);
      }),
      { numRuns: 500 },
    );
  });

  test("other sizes, roots, origins and numbers of lines are refused", () => {
    const base64 = toBase64(root);
    const wrong = [
      `${origin}\n01\n${base64}\n`,
      `${origin}\n-1\n${base64}\n`,
      `${origin}\n+1\n${base64}\n`,
      `${origin}\n\n${base64}\n`,
      `${origin}\n1e3\n${base64}\n`,
      `${origin}\n0x1\n${base64}\n`,
      `${origin}\n 1\n${base64}\n`,
      `${origin}\n1.0\n${base64}\n`,
      `${origin}\n9007199254740992\n${base64}\n`,
      `${origin}\n10000000000000000\n${base64}\n`,
      `${origin}\n٣\n${base64}\n`,
      `${origin}\n1\n${base64}`,
      `${origin}\n1\n${base64}\nextension\n`,
      `${origin}\n1\n${base64}\n\n`,
      `${origin}\n1\n\n`,
      `${origin}\n1\n${base64.slice(0, -1)}\n`,
      `${origin}\n1\n${toBase64(root.subarray(1))}\n`,
      `${origin}\n1\n${base64} \n`,
      `${origin} \n1\n${base64}\n`,
      `other\n1\n${base64}\n`,
      `\n1\n${base64}\n`,
      "",
    ];
    for (const text of wrong) assert.equal(parseCheckpoint(text, origin), undefined, JSON.stringify(text));
    assert.equal(
      parseCheckpoint(`${origin}\n9007199254740991\n${base64}\n`, origin)?.size,
      Number.MAX_SAFE_INTEGER,
    );
    assert.equal(parseCheckpoint(`${origin}\n0\n${base64}\n`, origin)?.size, 0);
  });
});

suite("signatures", () => {
  const genesis = {
    origin,
    chainId: 1,
    bond: new Uint8Array(20),
    ...operatorIdentity(operator.key),
    maxTransactionLifetimeMs: 1_000,
    admins: [operator.address],
    writers: [],
  };
  const context = { separator: domainSeparator(genesis), logId: new Uint8Array(32).fill(1) };
  const signer = new CheckpointSigner(genesis, context, operator.key);
  const verifier = new CheckpointVerifier(genesis, context);
  const { note, signature } = signer.sign({ size: 3, root });
  const parsed = parseNote(note)!;

  test("a signed head opens, from text and from bytes", () => {
    for (const opened of [verifier.open(note), verifier.open(utf8(note))]) {
      assert.equal(opened?.size, 3);
      assert.equal(toHex(opened!.signature), toHex(signature));
      assert.equal(opened!.note, note);
    }
  });

  test("both of the operator's lines are needed", () => {
    for (const line of parsed.signatures) {
      assert.equal(verifier.open(formatNote({ ...parsed, signatures: [line] })), undefined);
    }
    assert.equal(verifier.open(`${parsed.text}\n`), undefined);
  });

  test("cosignatures of unknown keys may follow", () => {
    const cosignature = { name: "cosigner", keyId: Uint8Array.of(1, 2, 3, 4), signature: new Uint8Array(72) };
    const cosigned = formatNote({ ...parsed, signatures: [...parsed.signatures, cosignature] });
    assert.equal(verifier.open(cosigned)?.size, 3);
  });

  test("the lines of two different heads do not make one", () => {
    const other = parseNote(signer.sign({ size: 4, root }).note)!;
    for (const i of [0, 1]) {
      const signatures = parsed.signatures.with(i, other.signatures[i]!);
      assert.equal(verifier.open(formatNote({ text: parsed.text, signatures })), undefined);
    }
  });

  test("another log, chain, operator or note key does not open it", () => {
    const elsewhere = { separator: context.separator, logId: new Uint8Array(32).fill(2) };
    assert.equal(new CheckpointVerifier(genesis, elsewhere).open(note), undefined);
    const chain = { separator: domainSeparator({ ...genesis, chainId: 2 }), logId: context.logId };
    assert.equal(new CheckpointVerifier(genesis, chain).open(note), undefined);
    const imposter = operatorIdentity(accountOf(0x55).key);
    for (const change of [
      { operator: imposter.operator },
      { noteKey: imposter.noteKey },
      { origin: "other" },
    ]) {
      assert.equal(new CheckpointVerifier({ ...genesis, ...change }, context).open(note), undefined);
    }
  });

  test("no mutation of a note opens as another head", () => {
    fc.assert(
      fc.property(mutated(fc.constant(utf8(note))), (bytes) => {
        const opened = verifier.open(bytes);
        if (opened !== undefined) assert.ok(opened.size === 3 && toHex(opened.root) === toHex(root));
      }),
      { numRuns: 400 },
    );
  });

  test("keys that are not those of genesis do not sign", () => {
    assert.throws(() => new CheckpointSigner(genesis, context, accountOf(0x55).key), {
      code: "key",
      hint: /OPERATOR_PRIVATE_KEY/,
    });
    const otherNoteKey = { ...genesis, noteKey: fromHex(vectors.noteKey).map((byte) => byte ^ 1) };
    assert.throws(() => new CheckpointSigner(otherNoteKey, context, operator.key), { code: "key" });
  });
});
