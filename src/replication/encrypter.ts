/**
 * Noise, as libp2p-noise speaks it, with what a record of 64 KiB costs there (17.0.0) cut down: it is put together once
 * where it arrives, and leaves in one write instead of four; the key is not looked at anew for each one, which takes
 * longer than the cipher. Handshake, keys, nonces and the bytes on the wire are the library's.
 */
import { createCipheriv, createDecipheriv, createSecretKey, type KeyObject } from "node:crypto";
import { noise } from "@chainsafe/libp2p-noise";
import type { MessageStream } from "@libp2p/interface";
import { assert } from "../base/assert.ts";

type MakeEncrypter = ReturnType<typeof noise>;
type Secured = Awaited<ReturnType<ReturnType<MakeEncrypter>["secureOutbound"]>>;
/** Bytes in one piece or in several. */
type Bytes = Parameters<MessageStream["send"]>[0];

/** Seals or opens with ChaCha20-Poly1305 (RFC 8439); what is sealed ends with the tag. @throws if it is not genuine */
type Cipher = (bytes: Bytes, nonce: Uint8Array, associated: Uint8Array, key: Uint8Array) => Uint8Array;

/** What is changed of the library's objects, and is not in their types. */
interface NoiseParts {
  readonly crypto: { encrypt: Cipher; decrypt: Cipher };
}
interface ConnectionParts {
  readonly handshake: { encrypt(text: Bytes): Uint8Array; decrypt(record: Uint8Array): Uint8Array };
  decoder: { readonly buffer?: Bytes; decode(data: Bytes): Iterable<Uint8Array> };
  encrypt(text: Bytes): Uint8Array;
  decrypt(record: Uint8Array): Uint8Array;
}

const ALGORITHM = "chacha20-poly1305";
const LENGTH_BYTES = 2;
const TAG_BYTES = 16;
const RECORD_BYTES_MAX = 65_535;
const TEXT_BYTES_MAX = RECORD_BYTES_MAX - TAG_BYTES;
/** Below it the library's WebAssembly is faster than a call to OpenSSL. */
const NATIVE_BYTES_MIN = 1_200;

/** A connection encrypter for `createLibp2p`. */
export function encrypter(): MakeEncrypter {
  const make = noise();
  return (components) => {
    const made = make(components);
    const { crypto } = made as unknown as NoiseParts;
    crypto.encrypt = sealing(crypto.encrypt);
    crypto.decrypt = opening(crypto.decrypt);
    const [outbound, inbound] = [made.secureOutbound.bind(made), made.secureInbound.bind(made)];
    made.secureOutbound = async (...given) => lighten(await outbound(...given));
    made.secureInbound = async (...given) => lighten(await inbound(...given));
    return made;
  };
}

function lighten(secured: Secured): Secured {
  const connection = secured.connection as unknown as ConnectionParts;
  const { handshake, decoder } = connection;
  assert(handshake !== undefined && decoder.buffer !== undefined, "this is the libp2p-noise it was made for");
  connection.decoder = new RecordCutter(decoder.buffer);
  connection.decrypt = (record) => handshake.decrypt(record);
  connection.encrypt = (text) => {
    if (text.byteLength <= TEXT_BYTES_MAX) return withLength(handshake.encrypt(text));
    const records: Uint8Array[] = [];
    for (let at = 0; at < text.byteLength; at += TEXT_BYTES_MAX) {
      const end = Math.min(at + TEXT_BYTES_MAX, text.byteLength);
      const part = text instanceof Uint8Array ? text.subarray(at, end) : text.sublist(at, end);
      records.push(withLength(handshake.encrypt(part)));
    }
    return Buffer.concat(records);
  };
  return secured;
}

/** The sealed record with its length before it, where `sealing` left room. */
function withLength({ buffer, byteOffset, length }: Uint8Array): Uint8Array {
  const record = new Uint8Array(buffer, byteOffset - LENGTH_BYTES, LENGTH_BYTES + length);
  record[0] = length >> 8;
  record[1] = length & 0xff;
  return record;
}

function sealing(sealSmall: Cipher): Cipher {
  const keyOf = keyObjects();
  return (text, nonce, associated, key) => {
    const length = text.byteLength;
    const room = Buffer.allocUnsafe(LENGTH_BYTES + length + TAG_BYTES);
    const sealed = room.subarray(LENGTH_BYTES);
    if (length < NATIVE_BYTES_MIN) {
      sealed.set(sealSmall(text, nonce, associated, key));
      return sealed;
    }
    const cipher = createCipheriv(ALGORITHM, keyOf(key), nonce, { authTagLength: TAG_BYTES });
    if (associated.length > 0) cipher.setAAD(associated, { plaintextLength: length });
    let at = 0;
    for (const piece of text instanceof Uint8Array ? [text] : text) {
      sealed.set(cipher.update(piece), at);
      at += piece.length;
    }
    cipher.final();
    sealed.set(cipher.getAuthTag(), length);
    return sealed;
  };
}

function opening(openSmall: Cipher): Cipher {
  const keyOf = keyObjects();
  return (sealed, nonce, associated, key) => {
    const length = sealed.byteLength - TAG_BYTES;
    if (length < NATIVE_BYTES_MIN) return openSmall(sealed, nonce, associated, key);
    const decipher = createDecipheriv(ALGORITHM, keyOf(key), nonce, { authTagLength: TAG_BYTES });
    if (associated.length > 0) decipher.setAAD(associated, { plaintextLength: length });
    decipher.setAuthTag(sealed.subarray(length));
    const text = decipher.update(sealed.subarray(0, length));
    decipher.final();
    return text;
  };
}

/** A key given as bytes is made an object for every record: Node finds out that it is none by catching an error. */
function keyObjects(): (key: Uint8Array) => KeyObject {
  const objects = new WeakMap<Uint8Array, KeyObject>();
  return (key) => {
    let object = objects.get(key);
    if (object === undefined) {
      object = createSecretKey(key);
      objects.set(key, object);
    }
    return object;
  };
}

/** Cuts what arrives into records, each behind its length of two bytes. Holds one record. */
class RecordCutter {
  readonly #record = new Uint8Array(RECORD_BYTES_MAX);
  #held = 0;
  #length = 0;
  /** Bytes of the length that have arrived. */
  #lengthBytes = 0;

  /** @param begun what has arrived of the first record */
  constructor(begun: Bytes) {
    for (const _ of this.decode(begun)) assert(false, "only what is no whole record is left over");
  }

  /** The records that are complete with these bytes, each valid until the next one is asked for. */
  *decode(bytes: Bytes): Generator<Uint8Array, void, undefined> {
    for (const chunk of bytes instanceof Uint8Array ? [bytes] : bytes) {
      let at = 0;
      while (at < chunk.length) {
        if (this.#lengthBytes < LENGTH_BYTES) {
          this.#length = (this.#length << 8) | chunk[at++]!;
          this.#lengthBytes++;
        } else {
          const part = chunk.subarray(at, at + this.#length - this.#held);
          this.#record.set(part, this.#held);
          this.#held += part.length;
          at += part.length;
        }
        if (this.#lengthBytes === LENGTH_BYTES && this.#held === this.#length) {
          const record = this.#record.subarray(0, this.#length);
          this.#length = this.#held = this.#lengthBytes = 0;
          // Without a tag it is no record: the library ends the connection, as it does for one that is not genuine.
          yield record;
        }
      }
    }
  }
}
