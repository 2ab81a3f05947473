/**
 * Key files: the example of the Web3 Secret Storage Definition, what others read, hostile files.
 */
import assert from "node:assert/strict";
import { createDecipheriv, scryptSync } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { test } from "node:test";
import { keccak256 } from "viem";
import { toHex } from "../../src/base/bytes.ts";
import { keystoreAddress, readKeystore, writeKeystore } from "../../src/cli/keystore.ts";
import { writer } from "../helpers/accounts.ts";
import { temporaryDirectory } from "../helpers/cleanup.ts";

/** The scrypt example of the Web3 Secret Storage Definition, version 3. */
const EXAMPLE = {
  crypto: {
    cipher: "aes-128-ctr",
    cipherparams: { iv: "83dbcc02d8ccb40e466191a123791e0e" },
    ciphertext: "d172bf743a674da9cdad04534d56926ef8358534d458fffccd4e6ad2fbde479c",
    kdf: "scrypt",
    kdfparams: {
      ...{ dklen: 32, n: 262_144, r: 1, p: 8 },
      salt: "ab0c7876052600dd703518d6fc3fe8984592145b591fc8fb5c6d43190334ba19",
    },
    mac: "2103ac29920d71da29f15d75b4a16dbe95cfd7ff8faea1056c33131d846e3097",
  },
  id: "3198bc9c-6672-5ab3-d995-4942343ae5b6",
  version: 3,
};
const EXAMPLE_KEY = "0x7a28b5ba57c53603b0b07b56bba752f7784bf506fa95edc395f5cf6c7514fe9d";

test("the example of the definition opens", (t) => {
  const file = `${temporaryDirectory(t)}/example.json`;
  writeFileSync(file, JSON.stringify(EXAMPLE));
  assert.equal(toHex(readKeystore(file, "testpassword")), EXAMPLE_KEY);
});

test("a file without an address, which is optional, says that it has none", (t) => {
  const file = `${temporaryDirectory(t)}/example.json`;
  writeFileSync(file, JSON.stringify(EXAMPLE));
  assert.throws(() => keystoreAddress(file), { code: "key" });
});

test("others can open what is written here", (t) => {
  const file = `${temporaryDirectory(t)}/key.json`;
  writeKeystore(file, writer.key, "p\u00e4ssword");
  const { crypto, version, address } = JSON.parse(readFileSync(file, "utf8"));
  const { n, r, p, dklen, salt } = crypto.kdfparams;
  assert.deepEqual(
    [version, crypto.kdf, crypto.cipher, n, r, p, dklen],
    [3, "scrypt", "aes-128-ctr", 262_144, 8, 1, 32],
  );
  assert.equal(`0x${address}`, toHex(writer.address));
  const derived = scryptSync("p\u00e4ssword", Buffer.from(salt, "hex"), dklen, {
    N: n,
    r,
    p,
    maxmem: 2 ** 29,
  });
  const ciphertext = Buffer.from(crypto.ciphertext, "hex");
  assert.equal(keccak256(Buffer.concat([derived.subarray(16), ciphertext])).slice(2), crypto.mac);
  const decipher = createDecipheriv(
    "aes-128-ctr",
    derived.subarray(0, 16),
    Buffer.from(crypto.cipherparams.iv, "hex"),
  );
  assert.equal(toHex(decipher.update(ciphertext)), toHex(writer.key));
  assert.throws(() => readKeystore(file, "passw\u00f6rd"), { code: "key" });
  assert.throws(() => writeKeystore(file, writer.key, "again"), { code: "key" });
});

test("files that ask for too much work, or are of another kind, are refused", (t) => {
  const file = `${temporaryDirectory(t)}/hostile.json`;
  const withParams = (params: object) => ({
    ...EXAMPLE,
    crypto: { ...EXAMPLE.crypto, kdfparams: { ...EXAMPLE.crypto.kdfparams, ...params } },
  });
  for (const one of [
    null,
    {},
    { ...EXAMPLE, version: 1 },
    { ...EXAMPLE, crypto: { ...EXAMPLE.crypto, kdf: "pbkdf2" } },
    { ...EXAMPLE, crypto: { ...EXAMPLE.crypto, cipher: "aes-256-ctr" } },
    { ...EXAMPLE, crypto: { ...EXAMPLE.crypto, ciphertext: "zz" } },
    { ...EXAMPLE, crypto: { ...EXAMPLE.crypto, cipherparams: { iv: "00" } } },
    { ...EXAMPLE, crypto: { ...EXAMPLE.crypto, mac: undefined } },
    ...[
      { n: 2 ** 40 },
      { n: 3 },
      { n: 0 },
      { n: -2 },
      { n: "262144" },
      { p: 1_000 },
      { p: 0 },
      { r: 0 },
      { r: 2 ** 31 },
    ].map(withParams),
    ...[{ dklen: 16 }, { dklen: 2 ** 31 }, { salt: 7 }, { n: null }, { n: 1.5 }].map(withParams),
  ]) {
    writeFileSync(file, JSON.stringify(one));
    assert.throws(() => readKeystore(file, "testpassword"), { code: "key" }, JSON.stringify(one));
  }
});
