/**
 * Signed notes of other projects, and notes that are none.
 */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import fc from "fast-check";
import { concatBytes, fromBase64, fromHex, toHex, utf8 } from "../../src/base/bytes.ts";
import { ed25519PublicKey, ed25519Signer, ed25519Verifier } from "../../src/base/ed25519.ts";
import { NOTE_BYTES_MAX, NOTE_SIGNATURES_MAX } from "../../src/base/limits.ts";
import {
  formatNote,
  isKeyName,
  type NoteKey,
  noteKeyId,
  parseNote,
  verifierKey,
  verifyNote,
} from "../../src/log/note.ts";
import { hostile } from "../helpers/arbitraries.ts";
import { tlogVectors } from "../helpers/vectors.ts";

/** The key of a verifier key's text, checked against its key id. */
function noteKeyOf(vkey: string): NoteKey {
  const [name = "", id, ...base64] = vkey.split("+");
  const typeAndKey = fromBase64(base64.join("+"))!;
  const keyId = noteKeyId(name, typeAndKey);
  assert.equal(toHex(keyId), `0x${id}`);
  assert.equal(verifierKey(name, typeAndKey), vkey);
  const isSigned = ed25519Verifier(typeAndKey.subarray(1));
  return { name, keyId, verify: (text, signature) => isSigned(signature, utf8(text)) };
}

suite("notes of other projects", () => {
  for (const { vkey, note } of tlogVectors.notes) {
    if (vkey === undefined) continue;
    const key = noteKeyOf(vkey);
    test(`the note signed by ${key.name} verifies, and not after any change of its text`, () => {
      const parsed = parseNote(note)!;
      assert.equal(verifyNote(parsed, [key])?.length, 1);
      assert.equal(formatNote(parsed), note);
      assert.equal(verifyNote({ ...parsed, text: `${parsed.text}\n` }, [key]), undefined);
    });
  }

  test("a note with cosignatures is read, and lines of unknown keys are ignored", () => {
    const cosigned = tlogVectors.notes.filter(({ cosigner_vkey }) => cosigner_vkey !== undefined);
    assert.equal(cosigned.length, 2);
    for (const { vkey, cosigner_vkey, note } of cosigned) {
      const parsed = parseNote(note)!;
      const [name, id] = cosigner_vkey!.split("+");
      const line = parsed.signatures.find((signature) => signature.name === name)!;
      assert.equal(toHex(line.keyId), `0x${id}`);
      if (vkey !== undefined) assert.ok(verifyNote(parsed, [noteKeyOf(vkey)]));
    }
  });

  test("a signing key of another project makes the same signature", () => {
    const { skey, vkey, note } = tlogVectors.notes.find((each) => each.skey !== undefined)!;
    const seed = fromBase64(skey!.split("+").slice(4).join("+"))!.subarray(1);
    assert.equal(
      verifierKey(vkey!.split("+")[0]!, concatBytes(Uint8Array.of(1), ed25519PublicKey(seed))),
      vkey,
    );
    const { text, signatures } = parseNote(note)!;
    assert.equal(toHex(ed25519Signer(seed)(utf8(text))), toHex(signatures[0]!.signature));
  });
});

suite("verification", () => {
  const keyOf = (name: string, seedByte: number): { key: NoteKey; line: (text: string) => string } => {
    const seed = new Uint8Array(32).fill(seedByte);
    const key = noteKeyOf(verifierKey(name, concatBytes(Uint8Array.of(1), ed25519PublicKey(seed))));
    const line = (text: string): string => {
      const signature = ed25519Signer(seed)(utf8(text));
      return formatNote({ text: "", signatures: [{ name, keyId: key.keyId, signature }] }).slice(1);
    };
    return { key, line };
  };
  const [ours, theirs] = [keyOf("ours", 1), keyOf("theirs", 2)];
  const text = "hello\n";
  const verify = (note: string, ...keys: readonly NoteKey[]): boolean =>
    verifyNote(parseNote(note)!, keys) !== undefined;

  test("every key asked for must have signed", () => {
    const both = `${text}\n${theirs.line(text)}${ours.line(text)}`;
    assert.ok(verify(both, ours.key, theirs.key));
    assert.ok(!verify(`${text}\n${ours.line(text)}`, ours.key, theirs.key));
  });

  test("a known key whose signature fails refuses the note", () => {
    const wrong = ours.line("other\n");
    assert.ok(!verify(`${text}\n${wrong}`, ours.key));
    assert.ok(!verify(`${text}\n${theirs.line(text)}${wrong}`, theirs.key, ours.key));
  });

  test("the same key id under another name is another key", () => {
    const renamed = ours.line(text).replace("ours", "thei");
    assert.ok(!verify(`${text}\n${renamed}`, ours.key));
  });
});

suite("form", () => {
  const line = "— name AAAAAAA=\n";

  test("what is not a note is refused", () => {
    const notNotes = [
      "",
      "\n",
      "\n\n",
      "text\n",
      "text\n\n",
      `text\n${line}`,
      `text\n\n${line.trimEnd()}`,
      `text\n\n${line}\n`,
      `text\n\n\n`,
      "text\n\n- name AAAAAAA=\n",
      "text\n\n— name AAAAAA==\n",
      "text\n\n— name  AAAAAAA=\n",
      "text\n\n— name AAAAAAA= \n",
      "text\n\n— AAAAAAA=\n",
      "text\n\n— na+me AAAAAAA=\n",
      "text\n\n— name AAAAAAA\n",
      "text\n\n— name AAAAAAB=\n",
      "text\n\n—name AAAAAAA=\n",
      `te\txt\n\n${line}`,
      `te\rxt\n\n${line}`,
      `te\0xt\n\n${line}`,
      `\ud800\n\n${line}`,
      "text\n\n— na\u00a0me AAAAAAA=\n",
      "text\n\n— na\u0085me AAAAAAA=\n",
    ];
    for (const note of notNotes) assert.equal(parseNote(note), undefined, JSON.stringify(note));
    assert.ok(parseNote(`text\n\n${line}`));
    assert.ok(parseNote(`\n\n${line}`));
    assert.equal(parseNote(concatBytes(utf8("te"), Uint8Array.of(0xff), utf8(`\n\n${line}`))), undefined);
  });

  test("signatures and bytes are bounded", () => {
    assert.ok(parseNote(`text\n\n${line.repeat(NOTE_SIGNATURES_MAX)}`));
    assert.equal(parseNote(`text\n\n${line.repeat(NOTE_SIGNATURES_MAX + 1)}`), undefined);
    const rest = `\n\n${line}`;
    const room = NOTE_BYTES_MAX - utf8(rest).length;
    assert.ok(parseNote(utf8(`${"x".repeat(room)}${rest}`)));
    assert.equal(parseNote(utf8(`${"x".repeat(room + 1)}${rest}`)), undefined);
  });

  test("whatever parses is formatted to the same text", () => {
    const valid = fc.constantFrom(...tlogVectors.notes.map(({ note }) => utf8(note)));
    fc.assert(
      fc.property(hostile(valid), (bytes) => {
        const parsed = parseNote(bytes);
        if (parsed !== undefined) assert.equal(toHex(utf8(formatNote(parsed))), toHex(bytes));
      }),
      { numRuns: 500 },
    );
  });

  test("key names are without spaces, control characters and plus", () => {
    for (const name of ["a", "example.com/log", "日本", "a-b_c"]) assert.ok(isKeyName(name), name);
    for (const name of [
      "",
      "a b",
      "a+b",
      "a\nb",
      "a\tb",
      "a\u2003b",
      "a\u2028b",
      "a\u007fb",
      "a\u0085b",
      "\udc00",
    ]) {
      assert.ok(!isKeyName(name), JSON.stringify(name));
    }
  });
});

test("an Ed25519 signature of the wrong length or under no valid key is false, not an error", () => {
  const message = utf8("m");
  const key = ed25519PublicKey(new Uint8Array(32).fill(1));
  assert.equal(ed25519Verifier(key)(new Uint8Array(63), message), false);
  assert.equal(ed25519Verifier(key.subarray(1))(new Uint8Array(64), message), false);
  assert.equal(ed25519Verifier(new Uint8Array(32).fill(255))(new Uint8Array(64).fill(255), message), false);
  assert.equal(ed25519Verifier(key)(fromHex(`0x${"00".repeat(64)}`), message), false);
});
