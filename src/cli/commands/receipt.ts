/**
 * `receipt`: fetches the receipt of an entry, verifies it, and prints it as a file that verifies offline.
 */
import { isHex } from "../../base/bytes.ts";
import { SequencerError } from "../../base/errors.ts";
import { toTlogProof } from "../../client/receipt.ts";
import type { Command } from "../command.ts";
import { connectReader, NODE_FLAGS } from "../connection.ts";

export const receiptCommand: Command = {
  usage: "receipt [flags] SEQUENCE | receipt [flags] ID",
  description: `The file holds genesis, entry, proof and signed note: \`sequencer verify -log 0x… FILE\` needs nothing else, ever.
-tlog-proof prints it as C2SP .tlog-proof instead, for transparency-log tools.`,
  flags: {
    ...NODE_FLAGS,
    "tlog-proof": { type: "boolean", help: "print a C2SP .tlog-proof with the entry as extra" },
  },
  examples: ["sequencer receipt 42 > receipt.json", "sequencer receipt 0x1f… -tlog-proof > 42.tlog-proof"],
  run: async (values) => {
    const [which, ...surplus] = values.positionals;
    const sequenceOrId = isHex(which) ? which : Number(which);
    if (surplus.length > 0 || (typeof sequenceOrId === "number" && !Number.isSafeInteger(sequenceOrId))) {
      throw new SequencerError("usage", "receipt takes one sequence number or one id");
    }
    const receipt = await (await connectReader(values)).receipt(sequenceOrId);
    console.log(
      values.isSet("tlog-proof") ? toTlogProof(receipt).trimEnd() : JSON.stringify(receipt, null, 2),
    );
  },
};
