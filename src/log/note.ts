/**
 * Signed notes, C2SP signed-note: a text, a blank line, and signature lines
 * `— <name> <base64(4-byte key id || signature)>`. Parsing is strict and bounded; unknown keys are ignored, a known
 * key whose signature fails refuses the whole note.
 */
import { concatBytes, equalBytes, fromBase64, fromUtf8, toBase64, toHexDigits, utf8 } from "../base/bytes.ts";
import { sha256 } from "../base/hash.ts";
import { NOTE_BYTES_MAX, NOTE_SIGNATURES_MAX } from "../base/limits.ts";

const KEY_ID_BYTES = 4;
const SIGNATURE_PREFIX = "— ";

export interface NoteSignature {
  readonly name: string;
  readonly keyId: Uint8Array;
  readonly signature: Uint8Array;
}

/** A note whose form is right and whose signatures nobody has checked yet. */
export interface UnverifiedNote {
  /** The signed text, its final newline included. */
  readonly text: string;
  readonly signatures: readonly NoteSignature[];
}

/** A key that notes are checked with. */
export interface NoteKey {
  readonly name: string;
  readonly keyId: Uint8Array;
  verify(text: string, signature: Uint8Array): boolean;
}

/** True for a non-empty key name or origin: no Unicode spaces, no control characters, no plus. */
export function isKeyName(name: string): boolean {
  // C1 controls are control characters too; \s lacks U+0085.
  return name.length > 0 && name.isWellFormed() && !/[\s+\p{Cc}\p{Z}]/u.test(name);
}

/** SHA-256(name || 0x0A || type and public key)[:4]. */
export function noteKeyId(name: string, typeAndKey: Uint8Array): Uint8Array {
  return sha256(concatBytes(utf8(`${name}\n`), typeAndKey)).slice(0, KEY_ID_BYTES);
}

/** `name+hex8(keyId)+base64(type || public key)`: what verifiers are configured with. */
export function verifierKey(name: string, typeAndKey: Uint8Array): string {
  return `${name}+${toHexDigits(noteKeyId(name, typeAndKey))}+${toBase64(typeAndKey)}`;
}

export function formatNote({ text, signatures }: UnverifiedNote): string {
  const lines = signatures.map(
    ({ name, keyId, signature }) => `${SIGNATURE_PREFIX}${name} ${toBase64(concatBytes(keyId, signature))}\n`,
  );
  return `${text}\n${lines.join("")}`;
}

/** The note in these bytes, or undefined if they are none. */
export function parseNote(note: string | Uint8Array): UnverifiedNote | undefined {
  if (note.length > NOTE_BYTES_MAX) return undefined;
  const whole = typeof note === "string" ? note : fromUtf8(note);
  if (whole === undefined || !whole.isWellFormed() || hasControlCharacter(whole)) return undefined;
  const split = whole.lastIndexOf("\n\n");
  if (split < 0 || !whole.endsWith("\n")) return undefined;
  const lines = whole.slice(split + 2, -1).split("\n");
  if (lines.length > NOTE_SIGNATURES_MAX) return undefined;
  const signatures: NoteSignature[] = [];
  for (const line of lines) {
    const signature = parseSignatureLine(line);
    if (signature === undefined) return undefined;
    signatures.push(signature);
  }
  return { text: whole.slice(0, split + 1), signatures };
}

/** ASCII control characters other than the newline, which the reference implementation refuses too. */
function hasControlCharacter(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code < 0x20 && code !== 0x0a) return true;
  }
  return false;
}

function parseSignatureLine(line: string): NoteSignature | undefined {
  if (!line.startsWith(SIGNATURE_PREFIX)) return undefined;
  const [name, base64, ...surplus] = line.slice(SIGNATURE_PREFIX.length).split(" ");
  if (name === undefined || base64 === undefined || surplus.length > 0 || !isKeyName(name)) return undefined;
  const blob = fromBase64(base64);
  if (blob === undefined || blob.length <= KEY_ID_BYTES) return undefined;
  return { name, keyId: blob.subarray(0, KEY_ID_BYTES), signature: blob.subarray(KEY_ID_BYTES) };
}

/**
 * The first signature of each key, in the order of `keys`; undefined unless every one of them signed, and no
 * signature of theirs is wrong.
 */
export function verifyNote(note: UnverifiedNote, keys: readonly NoteKey[]): Uint8Array[] | undefined {
  const verified: Uint8Array[] = [];
  for (const key of keys) {
    const own = note.signatures.filter(
      ({ name, keyId }) => name === key.name && equalBytes(keyId, key.keyId),
    );
    if (own[0] === undefined || !own.every(({ signature }) => key.verify(note.text, signature)))
      return undefined;
    verified.push(own[0].signature);
  }
  return verified;
}
