/**
 * What a command is, and how its help reads.
 */
import { environmentName, type Flags, type Values } from "./flags.ts";

export interface Command {
  /** How it is called, without the program's name. */
  readonly usage: string;
  /** What it does and what to know, a few paragraphs. */
  readonly description: string;
  readonly flags: Flags;
  readonly examples: readonly string[];
  run(values: Values): Promise<void>;
}

export const CONFIG_FLAG: Flags = {
  config: {
    type: "string",
    value: "FILE",
    help: "JSON file with flags by name; flags and environment come first",
  },
};

/** @param summary one line, as in the list of commands */
export function commandHelp(summary: string, command: Command): string {
  const rows = Object.entries(command.flags).map(([name, { value, help, default: fallback }]) => {
    const suffix = fallback === undefined || fallback === "" ? "" : ` (default ${fallback})`;
    return [`  -${name}${value === undefined ? "" : ` ${value}`}`, `${help}${suffix}`] as const;
  });
  const width = Math.max(...rows.map(([left]) => left.length)) + 2;
  const lines = [
    `${summary}.`,
    "",
    "Usage:",
    `  sequencer ${command.usage}`,
    "",
    command.description,
    ...(rows.length === 0 ? [] : ["", "Flags:", ...rows.map(([left, right]) => left.padEnd(width) + right)]),
    "",
    "Examples:",
    ...command.examples.map((example) => `  ${example}`),
    "",
    `Each flag can also be set as ${environmentName("flag").replace("FLAG", "<FLAG>")} in the environment, or in the -config file.`,
  ];
  return lines.join("\n");
}
