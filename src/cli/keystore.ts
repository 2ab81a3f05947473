/**
 * Encrypted key files: Web3 Secret Storage version 3 (scrypt, AES-128-CTR, keccak-256 MAC), as Ethereum's tools write
 * and read them. Files have mode 0600.
 */
import { createCipheriv, createDecipheriv, randomBytes, randomUUID, scryptSync } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { scrypt } from "@noble/hashes/scrypt.js";
import { concatBytes, equalBytes, fromHex, isHex, toHexDigits } from "../base/bytes.ts";
import { SequencerError } from "../base/errors.ts";
import { keccak256 } from "../base/hash.ts";
import { addressOfPrivateKey } from "../base/secp256k1.ts";

/** The parameters that geth writes by default: about a second, 256 MiB. */
const SCRYPT = { n: 262_144, r: 8, p: 1, dklen: 32 };
/** Files of others may ask for no more than this much work and memory. */
const SCRYPT_MEMORY_BYTES_MAX = 1_024 ** 3;
const CIPHER = "aes-128-ctr";

/** Writes a private key of 32 bytes to a new file. @throws SequencerError `key` if the file exists */
export function writeKeystore(path: string, privateKey: Uint8Array, password: string): void {
  const salt = randomBytes(32);
  const iv = randomBytes(16);
  const derived = derive(password, salt, SCRYPT);
  const cipher = createCipheriv(CIPHER, derived.subarray(0, 16), iv);
  const ciphertext = concatBytes(cipher.update(privateKey), cipher.final());
  const file = {
    version: 3,
    id: randomUUID(),
    address: toHexDigits(addressOfPrivateKey(privateKey)),
    crypto: {
      cipher: CIPHER,
      cipherparams: { iv: toHexDigits(iv) },
      ciphertext: toHexDigits(ciphertext),
      kdf: "scrypt",
      kdfparams: { ...SCRYPT, salt: toHexDigits(salt) },
      mac: toHexDigits(macOf(derived, ciphertext)),
    },
  };
  try {
    writeFileSync(path, `${JSON.stringify(file, null, 2)}\n`, { mode: 0o600, flag: "wx" });
  } catch (cause) {
    throw new SequencerError("key", `cannot write ${path}`, {
      cause,
      hint: "Choose a file that does not exist yet",
    });
  }
}

/** @throws SequencerError `key` if the file is none of this kind, or the password is wrong */
export function readKeystore(path: string, password: string): Uint8Array {
  const { ciphertext, iv, salt, mac, params } = parseKeystore(path);
  const derived = derive(password, salt, params);
  if (!equalBytes(macOf(derived, ciphertext), mac)) throw keyError(path, "the password is wrong");
  const decipher = createDecipheriv(CIPHER, derived.subarray(0, 16), iv);
  return concatBytes(decipher.update(ciphertext), decipher.final());
}

/** The account of a key file, which needs no password. */
export function keystoreAddress(path: string): string {
  const { address } = parseKeystore(path);
  const prefixed = `0x${String(address).toLowerCase().replace(/^0x/, "")}`;
  if (isHex(prefixed) && prefixed.length === 42) return prefixed;
  throw keyError(path, "it does not state its address");
}

type ScryptParameters = typeof SCRYPT;

function derive(password: string, salt: Uint8Array, { n, r, p, dklen }: ScryptParameters): Uint8Array {
  const text = password.normalize("NFKC");
  const maxmem = SCRYPT_MEMORY_BYTES_MAX;
  // OpenSSL holds to RFC 7914, n < 2^(16 r), which the example of the definition itself does not.
  if (n >= 2 ** (16 * r)) return scrypt(text, salt, { N: n, r, p, dkLen: dklen, maxmem });
  return scryptSync(text, salt, dklen, { N: n, r, p, maxmem });
}

function macOf(derived: Uint8Array, ciphertext: Uint8Array): Uint8Array {
  return keccak256(concatBytes(derived.subarray(16, 32), ciphertext));
}

function parseKeystore(path: string) {
  try {
    const { version, address, crypto } = JSON.parse(readFileSync(path, "utf8"));
    const { cipher, cipherparams, ciphertext, kdf, kdfparams, mac } = crypto;
    if (version !== 3 || cipher !== CIPHER || kdf !== "scrypt")
      throw new Error("an unknown version, cipher or kdf");
    const params: ScryptParameters = {
      n: kdfparams.n,
      r: kdfparams.r,
      p: kdfparams.p,
      dklen: kdfparams.dklen,
    };
    if (!isBounded(params)) throw new Error("scrypt parameters out of bounds");
    const bytes = (digits: unknown, length?: number): Uint8Array => fromHex(`0x${digits}`, length);
    return {
      address,
      params,
      ciphertext: bytes(ciphertext, 32),
      iv: bytes(cipherparams.iv, 16),
      salt: bytes(kdfparams.salt),
      mac: bytes(mac, 32),
    };
  } catch (cause) {
    throw keyError(path, `it is no key file of Web3 Secret Storage version 3 (${(cause as Error).message})`);
  }
}

function isBounded({ n, r, p, dklen }: ScryptParameters): boolean {
  const isPositive = [n, r, p].every((value) => Number.isSafeInteger(value) && value > 0);
  if (!isPositive || n < 2 || !Number.isInteger(Math.log2(n)) || dklen !== 32) return false;
  return 128 * r * (n + p + 1) <= SCRYPT_MEMORY_BYTES_MAX && p <= 16;
}

function keyError(path: string, why: string): SequencerError {
  return new SequencerError("key", `cannot open the key file ${path}: ${why}`, {
    hint: "`sequencer key new -key FILE` makes one",
  });
}
