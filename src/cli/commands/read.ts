/**
 * `read`: prints verified entries, one line of JSON each, and follows the log if asked to.
 */
import { once } from "node:events";
import { SequencerError } from "../../base/errors.ts";
import type { Command } from "../command.ts";
import { connectReader, NODE_FLAGS } from "../connection.ts";

export const readCommand: Command = {
  usage: "read [-from N] [-count N] [-follow] [flags]",
  description: `Every entry is proved under a head that the operator signed, and carries its sender's valid signature, before it
is printed. -follow waits for new entries until it is interrupted, and survives lost connections.`,
  flags: {
    ...NODE_FLAGS,
    from: { type: "string", value: "N", help: "first sequence number", default: "0" },
    count: { type: "string", value: "N", help: "stop after this many entries" },
    follow: { type: "boolean", help: "go on with entries as they are appended" },
  },
  examples: ["sequencer read -from 100 -count 10", "sequencer read -follow | jq .data"],
  run: async (values) => {
    if (values.positionals.length > 0) throw new SequencerError("usage", "read takes flags only");
    const from = values.number("from")!;
    let remaining = values.number("count", 1) ?? Number.POSITIVE_INFINITY;
    const interrupted = new AbortController();
    process.once("SIGINT", () => interrupted.abort());
    process.once("SIGTERM", () => interrupted.abort());
    // A reader that closes the pipe, like head, has what it wanted.
    process.stdout.on("error", () => process.exit(0));
    const client = await connectReader(values);
    const options = { from, follow: values.isSet("follow"), signal: interrupted.signal };
    for await (const entry of client.entries(options)) {
      if (!process.stdout.write(`${JSON.stringify(entry)}\n`)) await once(process.stdout, "drain");
      if (--remaining === 0) break;
    }
  },
};
