/**
 * `append`: signs data, appends it, and prints the verified receipt.
 */
import { fromHex, isHex, utf8 } from "../../base/bytes.ts";
import { SequencerError } from "../../base/errors.ts";
import type { Command } from "../command.ts";
import { connectWriter, NODE_FLAGS } from "../connection.ts";
import { readGivenFile } from "../files.ts";
import type { Values } from "../flags.ts";
import { KEY_FLAGS } from "../keys.ts";

export const appendCommand: Command = {
  usage: "append [flags] DATA | append [flags] -file FILE",
  description: `DATA is 0x-hex, or any other text, which is appended as UTF-8. The receipt is verified before it is printed:
the entry is included under a head that the operator signed. Appending again with the same -nonce and -expires is safe.`,
  flags: {
    ...NODE_FLAGS,
    ...KEY_FLAGS,
    file: { type: "string", value: "FILE", help: "append what this file holds; - is standard input" },
    nonce: { type: "string", value: "N", help: "makes the transaction unique (default random)" },
    expires: {
      type: "string",
      value: "MS",
      help: "Unix milliseconds after which it may no longer be ordered",
    },
  },
  examples: [
    'sequencer append -key writer.json "hello"',
    "sequencer append -key writer.json -file block.bin",
  ],
  run: async (values) => {
    const data = dataOf(values);
    const nonce = values.text("nonce");
    const expires = values.number("expires");
    if (nonce !== undefined && !/^\d{1,20}$/.test(nonce))
      throw new SequencerError("usage", "-nonce must be a whole number");
    const client = await connectWriter(values);
    const receipt = await client.append(data, {
      ...(nonce !== undefined && { nonce: BigInt(nonce) }),
      ...(expires !== undefined && { expires }),
    });
    console.log(JSON.stringify(receipt, null, 2));
  },
};

function dataOf(values: Values): Uint8Array {
  const file = values.text("file");
  const [text, ...surplus] = values.positionals;
  if ((file === undefined) === (text === undefined) || surplus.length > 0) {
    throw new SequencerError("usage", "append takes DATA or -file FILE");
  }
  if (file !== undefined) return readGivenFile(file);
  return isHex(text) ? fromHex(text) : utf8(text!);
}
