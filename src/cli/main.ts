/**
 * The command line, SPEC section 6: finds the command, parses its flags, and turns failures into one line that says
 * what to do next. Exit codes: 0 done, 1 failed, 2 wrong usage.
 */
import { describeError, SequencerError } from "../base/errors.ts";
import { VERSION } from "../node/version.ts";
import { CONFIG_FLAG, type Command, commandHelp } from "./command.ts";
import { parseFlags } from "./flags.ts";

interface ListedCommand {
  readonly name: string;
  /** One line, for the list of commands. */
  readonly summary: string;
  /** Its code is loaded when it is called: that of all commands together takes a second. */
  load(): Promise<Command>;
}

const COMMANDS: readonly ListedCommand[] = [
  {
    name: "init",
    summary: "Make the keys of a new primary and print them",
    load: async () => (await import("./commands/init.ts")).initCommand,
  },
  {
    name: "start",
    summary: "Run a node",
    load: async () => (await import("./commands/start.ts")).startCommand,
  },
  {
    name: "append",
    summary: "Sign data, append it to the log, and verify the receipt",
    load: async () => (await import("./commands/append.ts")).appendCommand,
  },
  {
    name: "read",
    summary: "Print entries, each verified, one line of JSON each",
    load: async () => (await import("./commands/read.ts")).readCommand,
  },
  {
    name: "info",
    summary: "Show what a node says of itself, its checkpoint verified",
    load: async () => (await import("./commands/info.ts")).infoCommand,
  },
  {
    name: "receipt",
    summary: "Print the receipt of an entry, verified, as a file that verifies offline",
    load: async () => (await import("./commands/receipt.ts")).receiptCommand,
  },
  {
    name: "grant",
    summary: "Give an account the role of writer or admin",
    load: async () => (await import("./commands/permissions.ts")).grantCommand,
  },
  {
    name: "revoke",
    summary: "Take an account's role away",
    load: async () => (await import("./commands/permissions.ts")).revokeCommand,
  },
  {
    name: "key",
    summary: "Make an encrypted key file, or show its address",
    load: async () => (await import("./commands/key.ts")).keyCommand,
  },
  {
    name: "verify",
    summary: "Verify a whole log, or a receipt file offline",
    load: async () => (await import("./commands/verify.ts")).verifyCommand,
  },
  {
    name: "watch",
    summary: "Watch an operator, and slash it when it signs two histories",
    load: async () => (await import("./commands/watch.ts")).watchCommand,
  },
  {
    name: "bond",
    summary: "Put up, look at and take back the stake behind a log",
    load: async () => (await import("./commands/bond.ts")).bondCommand,
  },
  {
    name: "evidence",
    summary: "Check evidence of equivocation, or slash the stake with it",
    load: async () => (await import("./commands/evidence.ts")).evidenceCommand,
  },
  {
    name: "bench",
    summary: "Measure this machine",
    load: async () => (await import("./commands/bench.ts")).benchCommand,
  },
];

async function main([name, ...args]: readonly string[]): Promise<number> {
  if (name === undefined || ["help", "-h", "-help", "--help"].includes(name)) {
    const listed = COMMANDS.find((one) => one.name === args[0]);
    console.log(listed === undefined ? overview() : commandHelp(listed.summary, await listed.load()));
    return name === undefined ? 2 : 0;
  }
  if (["version", "-version", "--version"].includes(name)) {
    console.log(VERSION);
    return 0;
  }
  const listed = COMMANDS.find((one) => one.name === name);
  if (listed === undefined) throw new SequencerError("usage", `there is no command ${name}`);
  const command = await listed.load();
  if (args.some((arg) => ["-h", "-help", "--help"].includes(arg))) {
    console.log(commandHelp(listed.summary, command));
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
