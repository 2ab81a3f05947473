/**
 * Flags, Go style and GNU style alike: `-dbpath X`, `--dbpath X`, `-dbpath=X`. Precedence: flag, environment
 * `SEQUENCER_<FLAG>`, `-config` file, default. SPEC section 6.
 */
import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { SequencerError } from "../base/errors.ts";

export interface Flag {
  readonly type: "string" | "boolean";
  /** What it stands for in the help: `DIR`, `N`, … */
  readonly value?: string;
  readonly help: string;
  readonly default?: string;
}

export type Flags = Readonly<Record<string, Flag>>;

/** The values that were given, by flag name, and what is no flag. */
export class Values {
  readonly positionals: readonly string[];
  readonly #values: ReadonlyMap<string, string>;

  constructor(values: ReadonlyMap<string, string>, positionals: readonly string[]) {
    this.#values = values;
    this.positionals = positionals;
  }

  /** The value, or its default; undefined if there is neither. Empty strings count as given. */
  text(name: string): string | undefined {
    return this.#values.get(name);
  }

  /** As `text`, and there must be one. */
  required(name: string): string {
    return this.text(name) ?? fail(`-${name} is missing`);
  }

  isSet(name: string): boolean {
    const value = this.text(name);
    if (value === undefined || value === "false" || value === "0" || value === "") return false;
    return value === "true" || value === "1" || fail(`-${name} is a switch: leave the value out`);
  }

  /** A whole number of at least `min`. */
  number(name: string, min = 0): number | undefined {
    const text = this.text(name);
    if (text === undefined) return undefined;
    const value = Number(text);
    if (/^\d+$/.test(text) && Number.isSafeInteger(value) && value >= min) return value;
    return fail(`-${name} must be a whole number of at least ${min}, not "${text}"`);
  }

  /** Parts of a comma-separated value; empty if there is none. */
  list(name: string): string[] {
    return (this.text(name) ?? "").split(",").flatMap((part) => (part.trim() === "" ? [] : [part.trim()]));
  }
}

/** @throws SequencerError `usage` */
export function parseFlags(args: readonly string[], flags: Flags, environment: NodeJS.ProcessEnv): Values {
  const { values: given, positionals } = parseGiven(args, flags);
  const config = readConfig(given.get("config") ?? environment.SEQUENCER_CONFIG, flags);
  const values = new Map<string, string>();
  for (const [name, flag] of Object.entries(flags)) {
    const value = given.get(name) ?? environment[environmentName(name)] ?? config.get(name) ?? flag.default;
    if (value !== undefined) values.set(name, value);
  }
  return new Values(values, positionals);
}

export function environmentName(flag: string): string {
  return `SEQUENCER_${flag.toUpperCase().replaceAll("-", "_")}`;
}

function parseGiven(
  args: readonly string[],
  flags: Flags,
): { values: Map<string, string>; positionals: string[] } {
  const options = Object.fromEntries(Object.entries(flags).map(([name, { type }]) => [name, { type }]));
  try {
    const parsed = parseArgs({
      args: args.map((arg) => normalise(arg, flags)),
      options,
      allowPositionals: true,
      allowNegative: true,
    });
    const values = new Map(Object.entries(parsed.values).map(([name, value]) => [name, String(value)]));
    return { values, positionals: parsed.positionals };
  } catch (error) {
    // Its first sentence says what is wrong; the others explain parseArgs.
    return fail((error as Error).message.split(". ")[0]!);
  }
}

/** `-flag` becomes `--flag`; `-switch=true` becomes `--switch`, `-switch=false` `--no-switch`. */
function normalise(arg: string, flags: Flags): string {
  const match = /^--?([a-z][a-z0-9-]+)(=.*)?$/s.exec(arg);
  if (match === null) return arg;
  const [, name = "", value = ""] = match;
  if (flags[name]?.type === "boolean" && value === "=true") return `--${name}`;
  if (flags[name]?.type === "boolean" && value === "=false") return `--no-${name}`;
  return `--${name}${value}`;
}

function readConfig(path: string | undefined, flags: Flags): Map<string, string> {
  if (path === undefined || path === "") return new Map();
  let config: unknown;
  try {
    config = JSON.parse(readFileSync(path, "utf8"));
  } catch (error) {
    return fail(`cannot read the configuration ${path}: ${(error as Error).message}`);
  }
  if (typeof config !== "object" || config === null || Array.isArray(config))
    return fail(`${path} is no JSON object`);
  const unknown = Object.keys(config).find((name) => !(name in flags));
  if (unknown !== undefined) return fail(`${path} sets ${unknown}, which this command does not know`);
  return new Map(
    Object.entries(config).map(([name, value]) => [
      name,
      Array.isArray(value) ? value.join(",") : String(value),
    ]),
  );
}

function fail(message: string): never {
  throw new SequencerError("usage", message);
}
