/**
 * What every benchmark prints: the conditions it ran under, and a table of medians. The same goes into the JSON file.
 */
import { readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { availableParallelism, cpus, loadavg, release, totalmem } from "node:os";

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
}

export type Benchmark = (report: Report, options: BenchOptions) => Promise<void>;

/** One thing that was measured. */
export interface Row {
  readonly what: string;
  readonly unit: string;
  /** One value a repetition. */
  readonly values: readonly number[];
  /** What the median should reach, in words. */
  readonly bar?: string;
}

export class Report {
  readonly #benchmarks: Record<string, { conditions: Record<string, unknown>; rows: Row[] }> = {};
  #current: { conditions: Record<string, unknown>; rows: Row[] } | undefined;

  begin(name: string, options: BenchOptions): void {
    this.#current = { conditions: {}, rows: [] };
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

  /** Prints the rows of the benchmark that just ended. */
  end(): void {
    const cells = this.#current!.rows.map(({ what, unit, values, bar }) => [
      what,
      format(median(values)),
      unit,
      values.length > 1 ? `${format(Math.min(...values))} - ${format(Math.max(...values))}` : "",
      bar ?? "",
    ]);
    const table = [["", "median", "", "range", "bar"], ...cells];
    const widths = table[0]!.map((_, column) => Math.max(...table.map((row) => row[column]!.length)));
    console.log();
    for (const row of table) {
      console.log(
        `  ${row.map((cell, i) => (i === 1 || i === 3 ? cell.padStart(widths[i]!) : cell.padEnd(widths[i]!))).join("  ")}`.trimEnd(),
      );
    }
  }

  async save(path: string): Promise<void> {
    const benchmarks = Object.fromEntries(
      Object.entries(this.#benchmarks).map(([name, { conditions, rows }]) => [
        name,
        { conditions, rows: rows.map((row) => ({ ...row, median: median(row.values) })) },
      ]),
    );
    await writeFile(path, `${JSON.stringify({ benchmarks }, undefined, 2)}\n`);
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
