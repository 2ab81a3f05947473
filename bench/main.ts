/**
 * `npm run bench -- [name…] [--seconds N] [--repetitions N] [--minutes N] [--directory DIR] [--json FILE]
 * [--plot FILE]`, for `soak` also `[--rate TX_PER_SECOND]`, for `replicas` that and `[--replicas N] [--kill]`.
 * Benchmarks print numbers and never fail on one: docs/benchmarks.md says how to read them.
 */
import { tmpdir } from "node:os";
import { parseArgs } from "node:util";
import { catchUp } from "./catch-up.ts";
import { core } from "./core.ts";
import { http } from "./http.ts";
import { knee } from "./knee.ts";
import { largeLog } from "./large-log.ts";
import { latency } from "./latency.ts";
import { merkle } from "./merkle.ts";
import { read } from "./read.ts";
import { replicas } from "./replicas.ts";
import { type Benchmark, type BenchOptions, Report } from "./report.ts";
import { soak } from "./soak.ts";
import { benchVerify } from "./verify.ts";

/** Prints its own table: it compares variants, not medians of one thing. */
const verify: Benchmark = async () => {
  await benchVerify();
};

const BENCHMARKS: Readonly<Record<string, Benchmark>> = {
  merkle,
  verify,
  core,
  http,
  latency,
  knee,
  read,
  soak,
  replicas,
  "catch-up": catchUp,
  "large-log": largeLog,
};
/** What only runs when it is asked for: it takes 20 GB and more time than all the others. */
const BY_NAME_ALONE = ["large-log"];

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seconds: { type: "string", default: "3" },
    repetitions: { type: "string", default: "5" },
    minutes: { type: "string", default: "10" },
    directory: { type: "string", default: tmpdir() },
    rate: { type: "string" },
    replicas: { type: "string", default: "16" },
    kill: { type: "boolean", default: false },
    entries: { type: "string", default: "100000000" },
    log: { type: "string" },
    json: { type: "string" },
    plot: { type: "string" },
  },
});
const options: BenchOptions = {
  seconds: Number(values.seconds),
  repetitions: Number(values.repetitions),
  minutes: Number(values.minutes),
  directory: values.directory,
  replicas: Number(values.replicas),
  kill: values.kill,
  entries: Number(values.entries),
  ...(values.log !== undefined && { log: values.log }),
  ...(values.rate !== undefined && { rate: Number(values.rate) }),
};
const names =
  positionals.length > 0
    ? positionals
    : Object.keys(BENCHMARKS).filter((name) => !BY_NAME_ALONE.includes(name));
const unknown = names.find((name) => !(name in BENCHMARKS));
if (unknown !== undefined) {
  console.error(`There is no benchmark ${unknown}: ${Object.keys(BENCHMARKS).join(", ")}`);
  process.exit(2);
}

for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(1));
const report = new Report({ json: values.json, plot: values.plot });
for (const name of names) {
  report.begin(name, options);
  await BENCHMARKS[name]!(report, options);
  await report.end();
}
report.summary();
