/**
 * `grant` and `revoke`: permission changes, signed by an admin and written to the log.
 */
import { type Hex, isHex } from "../../base/bytes.ts";
import { SequencerError } from "../../base/errors.ts";
import type { Command } from "../command.ts";
import { connectWriter, NODE_FLAGS } from "../connection.ts";
import type { Values } from "../flags.ts";
import { KEY_FLAGS } from "../keys.ts";

export const grantCommand: Command = {
  usage: "grant [flags] ADDRESS",
  description:
    "Signs a permission change with an admin's key and appends it. It holds from its place in the log on.",
  flags: {
    ...NODE_FLAGS,
    ...KEY_FLAGS,
    role: { type: "string", value: "ROLE", help: "writer, or admin, who may write too", default: "writer" },
  },
  examples: ["sequencer grant -key admin.json 0x19e7e376e7c213b7e7e7e46cc70a5dd086daff2a"],
  run: async (values) => {
    const role = values.required("role");
    if (role !== "writer" && role !== "admin")
      throw new SequencerError("usage", "-role must be writer or admin");
    const account = accountOf(values);
    const client = await connectWriter(values);
    console.log(JSON.stringify(await client.grant(account, role), null, 2));
  },
};

export const revokeCommand: Command = {
  usage: "revoke [flags] ADDRESS",
  description:
    "Signs a permission change with an admin's key and appends it. The last admin cannot be removed.",
  flags: { ...NODE_FLAGS, ...KEY_FLAGS },
  examples: ["sequencer revoke -key admin.json 0x19e7e376e7c213b7e7e7e46cc70a5dd086daff2a"],
  run: async (values) => {
    const account = accountOf(values);
    const client = await connectWriter(values);
    console.log(JSON.stringify(await client.revoke(account), null, 2));
  },
};

function accountOf(values: Values): Hex {
  const [account, ...surplus] = values.positionals;
  if (isHex(account) && account.length === 42 && surplus.length === 0) return account;
  throw new SequencerError("usage", "expected one address: 0x and 40 hexadecimal digits");
}
