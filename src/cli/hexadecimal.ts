/**
 * Hashes and addresses as flags have them: 0x and all of their digits.
 */
import { fromHex, isHex } from "../base/bytes.ts";
import { SequencerError } from "../base/errors.ts";
import { HASH_BYTES } from "../base/hash.ts";

/** A hash of a flag. @throws SequencerError `usage` */
export function parseHash(text: string, flag: string): Uint8Array {
  if (isHex(text) && text.length === 2 + 2 * HASH_BYTES) return fromHex(text);
  throw new SequencerError("usage", `${flag} needs 0x and 64 hexadecimal digits`);
}

/** An address of a flag. @throws SequencerError `usage` */
export function parseAddress(text: string, flag: string): Uint8Array {
  if (isHex(text) && text.length === 42) return fromHex(text);
  throw new SequencerError("usage", `-${flag} needs an address: 0x and 40 hexadecimal digits`);
}
