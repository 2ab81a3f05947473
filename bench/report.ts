/**
 * What every benchmark prints: the conditions it ran under, and a table of medians. The same goes into the JSON file.
 */
import { readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { availableParallelism, cpus, loadavg, release, totalmem } from "node:os";
import { join, parse } from "node:path";

/** How much to measure. */
export interface BenchOptions {
  /** Seconds of one measurement. */
  readonly seconds: number;
  /** Measurements of the same thing; the median counts. */
  readonly repetitions: number;
  /** Minutes of the soak test. */
  readonly minutes: number;
  /** Directory for databases: on a real disk, or durability costs nothing. */
  readonly directory: string;
  /** Transactions a second offered to a network of nodes; undefined takes the benchmark's own. */
  readonly rate?: number;
  /** Replicas in that network. */
  readonly replicas: number;
  /** Kill a replica every so often, and start it again. */
  readonly kill: boolean;
  /** Entries of the large log. */
  readonly entries: number;
  /** Where a large log is made, or was, and stays; undefined makes one that goes away. */
  readonly log?: string;
}

/** Where results are kept besides the terminal. */
export interface ReportFiles {
  readonly json?: string | undefined;
  /** SVG; a second plot of the same run gets the benchmark's name before the extension. */
  readonly plot?: string | undefined;
}

export type Benchmark = (report: Report, options: BenchOptions) => Promise<void>;

/** One thing that was measured. */
export interface Row {
  readonly what: string;
  readonly unit: string;
  /** One value a repetition. */
  readonly values: readonly number[];
  /** What the median should reach: `>= 60`, `<= 15` or `0`. */
  readonly bar?: string;
}

interface Results {
  readonly conditions: Record<string, unknown>;
  readonly rows: Row[];
  readonly tables: Record<string, { readonly header: readonly string[]; readonly rows: readonly string[][] }>;
}

export class Report {
  readonly #files: ReportFiles;
  readonly #benchmarks: Record<string, Results> = {};
  #current: Results | undefined;
  #plots = 0;

  constructor(files: ReportFiles) {
    this.#files = files;
  }

  begin(name: string, options: BenchOptions): void {
    this.#current = { conditions: {}, rows: [], tables: {} };
    this.#benchmarks[name] = this.#current;
    console.log(`\n${name}\n${"=".repeat(name.length)}`);
    this.conditions({
      ...machine(),
      "load average before": loadavg()[0]!.toFixed(2),
      seconds: options.seconds,
      repetitions: options.repetitions,
    });
  }

  conditions(conditions: Record<string, unknown>): void {
    Object.assign(this.#current!.conditions, conditions);
    for (const [name, value] of Object.entries(conditions)) console.log(`  ${name}: ${value}`);
  }

  row(row: Row): void {
    this.#current!.rows.push(row);
  }

  /** Prints a table of its own, for what is no single number: a curve, or the minutes of a run. */
  table(title: string, header: readonly string[], rows: readonly string[][]): void {
    this.#current!.tables[title] = { header, rows };
    console.log(`\n  ${title}`);
    print([header, ...rows], () => true);
  }

  /** The conditions so far, for captions. */
  conditionLines(): string[] {
    const { conditions } = this.#current!;
    return [
      Object.entries(conditions)
        .map(([name, value]) => `${name}: ${value}`)
        .join("; "),
    ];
  }

  /** Keeps a plot, if plots are wanted. */
  async plot(name: string, svg: string): Promise<void> {
    if (this.#files.plot === undefined) return;
    const { dir, name: stem, ext } = parse(this.#files.plot);
    const path = this.#plots++ === 0 ? this.#files.plot : join(dir, `${stem}-${name}${ext}`);
    await writeFile(path, svg);
    console.log(`\n  plot: ${path}`);
  }

  /** Prints the rows of the benchmark that just ended, and keeps the results: an interrupted run leaves what it has. */
  async end(): Promise<void> {
    const cells = this.#current!.rows.map(({ what, unit, values, bar }) => [
      what,
      format(median(values)),
      unit,
      values.length > 1 ? `${format(Math.min(...values))} - ${format(Math.max(...values))}` : "",
      bar ?? "",
    ]);
    console.log();
    print([["", "median", "", "range", "bar"], ...cells], (column) => column === 1 || column === 3);
    if (this.#files.json !== undefined) await this.#save(this.#files.json);
  }

  /** Prints every row that has a bar, and whether it was reached. */
  summary(): void {
    const rows = Object.entries(this.#benchmarks).flatMap(([name, results]) =>
      results.rows
        .filter(({ bar }) => bar !== undefined)
        .map(({ what, unit, values, bar }) => {
          const verdict = reaches(median(values), bar!) ? "reached" : "SHORT";
          return [name, what.trim(), format(median(values)), unit, bar!, verdict];
        }),
    );
    if (rows.length === 0) return;
    console.log("\nbars\n====\n");
    print([["", "", "median", "", "bar", ""], ...rows], (column) => column === 2);
  }

  async #save(path: string): Promise<void> {
    const benchmarks = Object.fromEntries(
      Object.entries(this.#benchmarks).map(([name, { rows, ...rest }]) => [
        name,
        { ...rest, rows: rows.map((row) => ({ ...row, median: median(row.values) })) },
      ]),
    );
    await writeFile(path, `${JSON.stringify({ benchmarks }, undefined, 2)}\n`);
  }
}

function reaches(value: number, bar: string): boolean {
  const [, comparison, limit] = /^(>=|<=)?\s*([\d.,]+)/.exec(bar) ?? [];
  const number = Number(limit?.replaceAll(",", ""));
  if (comparison === ">=") return value >= number;
  return comparison === "<=" ? value <= number : value === number;
}

function print(table: readonly (readonly string[])[], isNumber: (column: number) => boolean): void {
  const widths = table[0]!.map((_, column) => Math.max(...table.map((row) => row[column]!.length)));
  for (const row of table) {
    const cells = row.map((cell, i) => (isNumber(i) ? cell.padStart(widths[i]!) : cell.padEnd(widths[i]!)));
    console.log(`  ${cells.join("  ")}`.trimEnd());
  }
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

function machine(): Record<string, unknown> {
  return {
    processor: cpus()[0]?.model ?? "unknown",
    cores: availableParallelism(),
    "threads per physical core": threadsPerCore(),
    memory: `${(totalmem() / 2 ** 30).toFixed(1)} GiB`,
    kernel: release(),
    node: process.version,
  };
}

/** Two hardware threads share one core's arithmetic: no two of them ever give twice one's rate. */
function threadsPerCore(): string {
  try {
    const path = "/sys/devices/system/cpu/cpu0/topology/thread_siblings_list";
    return String(readFileSync(path, "utf8").trim().split(/[,-]/).length);
  } catch {
    return "unknown";
  }
}

function format(value: number): string {
  if (Math.abs(value) >= 100) return Math.round(value).toLocaleString("en-US");
  return String(Number(value.toPrecision(3)));
}
