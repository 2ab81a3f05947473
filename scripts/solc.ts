/**
 * `solc --version` and `solc --standard-json` for forge, which wants a compiler binary. Forge sends every source
 * inline, so nothing is read here and the path options are ignored.
 */
import { readFileSync } from "node:fs";
import solc from "solc";

const args = process.argv.slice(2);
if (args.includes("--version")) {
  process.stdout.write(`solc, the solidity compiler commandline interface\nVersion: ${solc.version()}\n`);
} else if (args.includes("--standard-json")) {
  process.stdout.write(solc.compile(readFileSync(0, "utf8")));
} else {
  process.stderr.write("solc: only --version and --standard-json are spoken here\n");
  process.exitCode = 1;
}
