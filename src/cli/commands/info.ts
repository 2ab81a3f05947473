/**
 * `info`: what a node says of itself and of its log.
 */
import type { Command } from "../command.ts";
import { connectReader, NODE_FLAGS } from "../connection.ts";

export const infoCommand: Command = {
  usage: "info [flags]",
  description:
    "Prints the answer of sequencer_info as JSON. The checkpoint in it carries valid signatures of the operator.\nverifierKeys are those signatures' keys as transparency-log tools take them.",
  flags: NODE_FLAGS,
  examples: ["sequencer info", "sequencer info -url http://127.0.0.1:25444"],
  run: async (values) => {
    const client = await connectReader(values);
    console.log(JSON.stringify({ ...(await client.info()), verifierKeys: client.verifierKeys }, null, 2));
  },
};
