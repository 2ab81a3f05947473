/**
 * The command line, SPEC section 6: finds the command, parses its flags, and turns failures into one line that says
 * what to do next. Exit codes: 0 done, 1 failed, 2 wrong usage.
 */
import { describeError, SequencerError } from "../base/errors.ts";
import { VERSION } from "../node/version.ts";
import { CONFIG_FLAG, type Command, commandHelp } from "./command.ts";
import { appendCommand } from "./commands/append.ts";
import { benchCommand } from "./commands/bench.ts";
import { bondCommand } from "./commands/bond.ts";
import { evidenceCommand } from "./commands/evidence.ts";
import { infoCommand } from "./commands/info.ts";
import { initCommand } from "./commands/init.ts";
import { keyCommand } from "./commands/key.ts";
import { grantCommand, revokeCommand } from "./commands/permissions.ts";
import { readCommand } from "./commands/read.ts";
import { receiptCommand } from "./commands/receipt.ts";
import { startCommand } from "./commands/start.ts";
import { verifyCommand } from "./commands/verify.ts";
import { watchCommand } from "./commands/watch.ts";
import { parseFlags } from "./flags.ts";

const COMMANDS: readonly Command[] = [
  initCommand,
  startCommand,
  appendCommand,
  readCommand,
  infoCommand,
  receiptCommand,
  grantCommand,
  revokeCommand,
  keyCommand,
  verifyCommand,
  watchCommand,
  bondCommand,
  evidenceCommand,
  benchCommand,
];

async function main([name, ...args]: readonly string[]): Promise<number> {
  if (name === undefined || ["help", "-h", "-help", "--help"].includes(name)) {
    const command = COMMANDS.find((one) => one.name === args[0]);
    console.log(command === undefined ? overview() : commandHelp(command));
    return name === undefined ? 2 : 0;
  }
  if (["version", "-version", "--version"].includes(name)) {
    console.log(VERSION);
    return 0;
  }
  const command = COMMANDS.find((one) => one.name === name);
  if (command === undefined) throw new SequencerError("usage", `there is no command ${name}`);
  if (args.some((arg) => ["-h", "-help", "--help"].includes(arg))) {
    console.log(commandHelp(command));
    return 0;
  }
  await command.run(parseFlags(args, { ...command.flags, ...CONFIG_FLAG }, process.env));
  return 0;
}

function overview(): string {
  const width = Math.max(...COMMANDS.map(({ name }) => name.length)) + 2;
  return [
    "A permissioned transaction sequencer: one provable total order for all.",
    "",
    "Usage:",
    "  sequencer <command> [flags]",
    "",
    "Commands:",
    ...COMMANDS.map(({ name, summary }) => `  ${name.padEnd(width)}${summary}`),
    "",
    "`sequencer <command> --help` tells more. A first node:",
    "  sequencer start -dbpath tmp/db -mode primary",
  ].join("\n");
}

function report(error: unknown): number {
  if (error instanceof SequencerError && error.code === "usage") {
    console.error(`sequencer: ${error.message}. See sequencer --help.`);
    return 2;
  }
  console.error(`sequencer: ${describeError(error)}`);
  // What is not ours to expect is a bug: its stack helps whoever mends it.
  if (!(error instanceof SequencerError) && error instanceof Error) console.error(error.stack);
  return 1;
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  process.exitCode = report(error);
}
