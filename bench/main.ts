/** npm run bench -- <name>: runs one benchmark. */
import { benchVerify } from "./verify.ts";

const BENCHMARKS: Readonly<Record<string, () => Promise<unknown>>> = { verify: benchVerify };

const name = process.argv[2] ?? "";
const benchmark = BENCHMARKS[name];
if (benchmark === undefined) {
  process.stderr.write(`no benchmark "${name}"; there are: ${Object.keys(BENCHMARKS).join(", ")}\n`);
  process.exitCode = 1;
} else {
  await benchmark();
}
