/**
 * `bench`: runs the project's benchmarks on this machine.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { SequencerError } from "../../base/errors.ts";
import type { Command } from "../command.ts";
import type { Flags } from "../flags.ts";

const PROGRAM = fileURLToPath(new URL("../../../bench/main.ts", import.meta.url));

const FLAGS: Flags = {
  seconds: { type: "string", value: "N", help: "seconds of one measurement" },
  repetitions: { type: "string", value: "N", help: "measurements of the same thing; the median counts" },
  minutes: { type: "string", value: "N", help: "minutes of the soak" },
  directory: {
    type: "string",
    value: "DIR",
    help: "where databases are made: on a real disk, or durability costs nothing",
  },
  rate: { type: "string", value: "TX", help: "replicas: transactions a second" },
  replicas: { type: "string", value: "N", help: "replicas: how many" },
  json: { type: "string", value: "FILE", help: "write the numbers there too" },
};

export const benchCommand: Command = {
  usage: "bench [flags] [NAME…]",
  description: `Runs the named benchmarks, or all of them, which takes half an hour, and prints conditions and medians. docs/benchmarks.md tells how
to read them. They are part of the source tree, not of the installed package.`,
  flags: FLAGS,
  examples: ["sequencer bench core http", "sequencer bench verify"],
  run: async (values) => {
    if (!existsSync(PROGRAM)) {
      throw new SequencerError("usage", "the benchmarks are part of the source tree, which this is not");
    }
    const flags = Object.keys(FLAGS).flatMap((name) => {
      const value = values.text(name);
      return value === undefined ? [] : [`--${name}`, value];
    });
    const child = spawn(process.execPath, [PROGRAM, ...flags, ...values.positionals], { stdio: "inherit" });
    const [code] = await once(child, "exit");
    if (code === 2) throw new SequencerError("usage", "there is no such benchmark");
    if (code !== 0) throw new SequencerError("internal", "the benchmark did not finish");
  },
};
