/**
 * Where a command's keys come from: an encrypted key file, the environment, or, for a node's first start, chance.
 * Keys never appear in logs; files have mode 0600.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { stdin, stdout } from "node:process";
import { createInterface } from "node:readline/promises";
import { Writable } from "node:stream";
import { secp256k1 } from "@noble/curves/secp256k1.js";
import { fromHex, isHex, toHex } from "../base/bytes.ts";
import { SequencerError } from "../base/errors.ts";
import { readGivenFile } from "./files.ts";
import type { Flags, Values } from "./flags.ts";
import { readKeystore } from "./keystore.ts";

const PASSWORD_VARIABLE = "SEQUENCER_KEY_PASSWORD";
const CHAIN_KEY_VARIABLE = "CHAIN_PRIVATE_KEY";

/** Flags of every command that signs. */
export const KEY_FLAGS: Flags = {
  key: {
    type: "string",
    value: "FILE",
    help: "encrypted key file; else the private key comes from OPERATOR_PRIVATE_KEY",
  },
  "password-file": {
    type: "string",
    value: "FILE",
    help: `file with the key file's password; else ${PASSWORD_VARIABLE}, else it is asked for`,
  },
};

/** Flags of whatever sends transactions to the bond's chain. */
export const CHAIN_KEY_FLAGS: Flags = {
  "chain-key": {
    type: "string",
    value: "FILE",
    help: `encrypted key file of the account that pays on the chain; else ${CHAIN_KEY_VARIABLE}`,
  },
  "chain-password-file": {
    type: "string",
    value: "FILE",
    help: `file with its password; else ${PASSWORD_VARIABLE}, else it is asked for`,
  },
};

/** The key of the account that pays on the chain, if one is given. */
export async function chainKey(values: Values): Promise<Uint8Array | undefined> {
  const file = values.text("chain-key");
  if (file !== undefined) {
    return readKeystore(file, await password(values, `Password of ${file}: `, "chain-password-file"));
  }
  const given = process.env[CHAIN_KEY_VARIABLE];
  return given === undefined || given === "" ? undefined : parseAccountKey(given, CHAIN_KEY_VARIABLE);
}

/** As `chainKey`, and there must be one. @throws SequencerError `key` */
export async function requiredChainKey(values: Values): Promise<Uint8Array> {
  const key = await chainKey(values);
  if (key !== undefined) return key;
  throw new SequencerError("key", "there is no key to pay on the chain with", {
    hint: `Pass -chain-key FILE (make one with \`sequencer key new -key FILE\`), or set ${CHAIN_KEY_VARIABLE}`,
  });
}

/** The key that a command signs with. @throws SequencerError `key` if there is none */
export async function signingKey(values: Values): Promise<Uint8Array> {
  const key = await givenKey(values);
  if (key !== undefined) return key;
  throw new SequencerError("key", "there is no key to sign with", {
    hint: "Pass -key FILE (make one with `sequencer key new -key FILE`), or set OPERATOR_PRIVATE_KEY",
  });
}

/** The operator's key of a node: given, kept beside its database, or made now. */
export async function operatorKey(
  values: Values,
  dbPath: string,
  say: (line: string) => void,
): Promise<Uint8Array> {
  const given = await givenKey(values);
  if (given !== undefined) return given;
  const make = (): Uint8Array => secp256k1.utils.randomSecretKey();
  return await keptKey(dbPath, "operator.key", make, parseOperatorKey, "operator key", say);
}

/** A secp256k1 key, hexadecimal with or without 0x. @throws SequencerError `key` */
export function parseOperatorKey(text: string): Uint8Array {
  return parseAccountKey(text, "OPERATOR_PRIVATE_KEY");
}

function parseAccountKey(text: string, variable: string): Uint8Array {
  const prefixed = text.startsWith("0x") ? text : `0x${text}`;
  const key = isHex(prefixed) ? fromHex(prefixed) : new Uint8Array(0);
  if (key.length === 32 && secp256k1.utils.isValidSecretKey(key)) return key;
  throw new SequencerError("key", `${variable} is not a secp256k1 private key of 32 bytes in hexadecimal`, {
    hint: "`sequencer init` prints one",
  });
}

/** The password of a key file. */
export async function password(
  values: Values,
  prompt: string,
  flag: "password-file" | "chain-password-file" = "password-file",
): Promise<string> {
  const file = values.text(flag);
  if (file !== undefined) return new TextDecoder().decode(readGivenFile(file)).replace(/\r?\n$/, "");
  const given = process.env[PASSWORD_VARIABLE];
  if (given !== undefined) return given;
  if (!stdin.isTTY) {
    throw new SequencerError("key", "the key file's password is missing", {
      hint: `Set ${PASSWORD_VARIABLE}, or pass -${flag} FILE`,
    });
  }
  stdout.write(prompt);
  // Nothing that is typed appears.
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() });
  const terminal = createInterface({ input: stdin, output: silent, terminal: true });
  const typed = await terminal.question("");
  terminal.close();
  stdout.write("\n");
  return typed;
}

async function givenKey(values: Values): Promise<Uint8Array | undefined> {
  const file = values.text("key");
  if (file !== undefined) return readKeystore(file, await password(values, `Password of ${file}: `));
  const given = process.env.OPERATOR_PRIVATE_KEY;
  return given === undefined || given === "" ? undefined : parseOperatorKey(given);
}

/** The key that a file beside the database holds; made there if there is none. */
export async function keptKey(
  dbPath: string,
  name: string,
  make: () => Uint8Array,
  parse: (text: string) => Uint8Array,
  what: string,
  say: (line: string) => void,
): Promise<Uint8Array> {
  if (dbPath === "") {
    say(`No ${what} was given: made one that ends with this process.`);
    return make();
  }
  const path = join(dbPath, name);
  if (existsSync(path)) return readKept(path, parse, what);
  mkdirSync(dbPath, { recursive: true, mode: 0o700 });
  const key = make();
  writeFileSync(path, `${toHex(key)}\n`, { mode: 0o600, flag: "wx", flush: true });
  say(`No ${what} was given: made one and kept it in ${path}.`);
  return key;
}

function readKept(path: string, parse: (text: string) => Uint8Array, what: string): Uint8Array {
  try {
    return parse(readFileSync(path, "utf8").trim());
  } catch (cause) {
    throw new SequencerError("key", `${path} does not hold the ${what} that was kept there`, {
      cause,
      hint: "Put the right one back from a backup; what is lost cannot be made again",
    });
  }
}
