/**
 * `key new`, `key import` and `key show`: encrypted key files.
 */
import { secp256k1 } from "@noble/curves/secp256k1.js";
import { toHex } from "../../base/bytes.ts";
import { SequencerError } from "../../base/errors.ts";
import { addressOfPrivateKey } from "../../base/secp256k1.ts";
import type { Command } from "../command.ts";
import { KEY_FLAGS, parseOperatorKey, password } from "../keys.ts";
import { keystoreAddress, writeKeystore } from "../keystore.ts";

export const keyCommand: Command = {
  usage: "key new -key FILE | key import -key FILE | key show -key FILE",
  description: `Key files are Web3 Secret Storage version 3, as Ethereum's tools have them, with mode 0600. \`key new\` makes a random
key, \`key import\` encrypts the one in OPERATOR_PRIVATE_KEY. \`key show\` needs no password.`,
  flags: KEY_FLAGS,
  examples: ["sequencer key new -key writer.json", "sequencer key show -key writer.json"],
  run: async (values) => {
    const [action, ...surplus] = values.positionals;
    const file = values.required("key");
    if (surplus.length > 0 || (action !== "new" && action !== "import" && action !== "show")) {
      throw new SequencerError("usage", "expected `key new`, `key import` or `key show`");
    }
    if (action === "show") {
      console.log(keystoreAddress(file));
      return;
    }
    // The environment may hold the operator's key for other commands: what is new is never that one.
    const key =
      action === "new"
        ? secp256k1.utils.randomSecretKey()
        : parseOperatorKey(process.env.OPERATOR_PRIVATE_KEY ?? "");
    const chosen = await password(values, `New password of ${file}: `);
    if (chosen === "") throw new SequencerError("key", "an empty password protects nothing");
    writeKeystore(file, key, chosen);
    console.log(toHex(addressOfPrivateKey(key)));
  },
};
