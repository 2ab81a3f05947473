/**
 * The operator's pen: signs heads with the secp256k1 key and the Ed25519 note key of genesis, SPEC section 2.
 * Only the commit path and start-up hold one, and both only after the sign guard has agreed.
 */
import { concatBytes, equalBytes, utf8 } from "../base/bytes.ts";
import { ed25519PublicKey, ed25519Signer } from "../base/ed25519.ts";
import { checkpointDigest, type DigestContext } from "../base/eip712.ts";
import { SequencerError } from "../base/errors.ts";
import { deriveKey } from "../base/hash.ts";
import { addressOfPrivateKey, signDigest } from "../base/secp256k1.ts";
import { formatCheckpoint, type Head, operatorNoteKeys, type SignedHead } from "../log/checkpoint.ts";
import type { Genesis } from "../log/genesis.ts";
import { formatNote, noteKeyId } from "../log/note.ts";

/** The Ed25519 seed of an operator's notes: HKDF-SHA256 of its secret. */
export function noteKeySeed(operatorKey: Uint8Array): Uint8Array {
  return deriveKey(operatorKey, "sequencer note key v1");
}

/** The public keys that genesis names for an operator's secret. */
export function operatorIdentity(operatorKey: Uint8Array): Pick<Genesis, "operator" | "noteKey"> {
  return { operator: addressOfPrivateKey(operatorKey), noteKey: ed25519PublicKey(noteKeySeed(operatorKey)) };
}

export class CheckpointSigner {
  readonly #genesis: Genesis;
  readonly #context: DigestContext;
  readonly #operatorKey: Uint8Array;
  readonly #signNote: (message: Uint8Array) => Uint8Array;
  readonly #keyIds: readonly Uint8Array[];

  /** @throws SequencerError `key` if these are not the keys of genesis */
  constructor(genesis: Genesis, context: DigestContext, operatorKey: Uint8Array) {
    const { operator, noteKey } = operatorIdentity(operatorKey);
    if (!equalBytes(operator, genesis.operator) || !equalBytes(noteKey, genesis.noteKey)) {
      throw new SequencerError("key", "the operator key is not the one of this log's genesis", {
        hint: "Start with the OPERATOR_PRIVATE_KEY that created this log, or with another -dbpath",
      });
    }
    this.#genesis = genesis;
    this.#context = context;
    this.#operatorKey = operatorKey;
    this.#signNote = ed25519Signer(noteKeySeed(operatorKey));
    this.#keyIds = operatorNoteKeys(genesis).map((key) => noteKeyId(genesis.origin, key));
  }

  sign(head: Head): SignedHead {
    const name = this.#genesis.origin;
    const text = formatCheckpoint(name, head);
    const signature = signDigest(checkpointDigest(this.#context, head), this.#operatorKey);
    const signatures = [this.#signNote(utf8(text)), signature].map((blob, i) => ({
      name,
      keyId: this.#keyIds[i]!,
      signature: concatBytes(blob),
    }));
    return { ...head, signature, note: formatNote({ text, signatures }) };
  }
}
