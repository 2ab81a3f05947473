/**
 * Checkpoints, SPEC section 2: the text of C2SP tlog-checkpoint with exactly three lines, signed as a note by the
 * operator's Ed25519 key (what transparency-log tools read) and by its secp256k1 key (what a contract can slash).
 */
import { concatBytes, fromBase64, toBase64, utf8 } from "../base/bytes.ts";
import { ed25519Verifier } from "../base/ed25519.ts";
import { checkpointDigest, type DigestContext } from "../base/eip712.ts";
import { HASH_BYTES } from "../base/hash.ts";
import { recoveredFrom } from "../base/secp256k1.ts";
import type { Genesis } from "./genesis.ts";
import { type NoteKey, noteKeyId, parseNote, verifierKey, verifyNote } from "./note.ts";

/** The state of a log: how many entries, and the root over them. */
export interface Head {
  readonly size: number;
  readonly root: Uint8Array;
}

/** A head with the signature of the operator that a contract can slash. */
export interface AttestedHead extends Head {
  /** 65 bytes, r || s || v with v 27 or 28, over the EIP-712 digest. */
  readonly signature: Uint8Array;
}

/** A head with both signatures of the operator. */
export interface SignedHead extends AttestedHead {
  /** The whole signed note. */
  readonly note: string;
}

const ED25519_TYPE = Uint8Array.of(0x01);
const SECP256K1_TYPE = concatBytes(Uint8Array.of(0xff), utf8("sequencer-eip712-checkpoint-v1"));

export function formatCheckpoint(origin: string, { size, root }: Head): string {
  return `${origin}\n${size}\n${toBase64(root)}\n`;
}

/** The head that a checkpoint's text states, or undefined if it is not one of this origin. */
export function parseCheckpoint(text: string, origin: string): Head | undefined {
  const [name, sizeText, rootText, rest, ...surplus] = text.split("\n");
  if (name !== origin || rest !== "" || surplus.length > 0) return undefined;
  if (sizeText === undefined || !/^(0|[1-9]\d{0,15})$/.test(sizeText)) return undefined;
  const size = Number(sizeText);
  const root = fromBase64(rootText ?? "");
  if (!Number.isSafeInteger(size) || root?.length !== HASH_BYTES) return undefined;
  return { size, root };
}

/** Who signs the checkpoints of a log, and over what. */
export type CheckpointSigners = Pick<Genesis, "origin" | "operator" | "noteKey">;

/** Type and public key of the operator's two note keys, in the order of their signature lines. */
export function operatorNoteKeys({ operator, noteKey }: CheckpointSigners): [Uint8Array, Uint8Array] {
  return [concatBytes(ED25519_TYPE, noteKey), concatBytes(SECP256K1_TYPE, operator)];
}

/** The two verifier keys of a log, to configure other tools with. */
export function verifierKeys(signers: CheckpointSigners): [string, string] {
  const [ed25519, secp256k1] = operatorNoteKeys(signers);
  return [verifierKey(signers.origin, ed25519), verifierKey(signers.origin, secp256k1)];
}

/** Opens the checkpoints of one log. */
export class CheckpointVerifier {
  readonly #origin: string;
  readonly #keys: readonly NoteKey[];

  constructor(signers: CheckpointSigners, context: DigestContext) {
    this.#origin = signers.origin;
    const [ed25519, secp256k1] = operatorNoteKeys(signers);
    const verifyNoteKey = ed25519Verifier(signers.noteKey);
    const key = (typeAndKey: Uint8Array, verify: NoteKey["verify"]): NoteKey => ({
      name: signers.origin,
      keyId: noteKeyId(signers.origin, typeAndKey),
      verify,
    });
    this.#keys = [
      key(ed25519, (text, signature) => verifyNoteKey(signature, utf8(text))),
      key(secp256k1, (text, signature) => {
        const head = parseCheckpoint(text, signers.origin);
        return (
          head !== undefined && recoveredFrom(checkpointDigest(context, head), signature, signers.operator)
        );
      }),
    ];
  }

  /** The head in a note that carries both signatures of the operator; undefined for anything else. */
  open(note: string | Uint8Array): SignedHead | undefined {
    const parsed = parseNote(note);
    if (parsed === undefined) return undefined;
    const head = parseCheckpoint(parsed.text, this.#origin);
    if (head === undefined) return undefined;
    const signatures = verifyNote(parsed, this.#keys);
    if (signatures === undefined) return undefined;
    const text = typeof note === "string" ? note : new TextDecoder().decode(note);
    return { ...head, signature: signatures[1]!, note: text };
  }
}
