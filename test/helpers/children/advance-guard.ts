/**
 * Advances a guard in the given directory without end, and writes down each size once it is allowed.
 */
import { renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { FileGuard } from "../../../src/sequencing/sign-guard.ts";
import { EMPTY_HEAD, headOf } from "../../sequencing/guard-compliance.ts";

const directory = process.argv[2] ?? "";
const log = {
  logId: new Uint8Array(32).fill(1),
  operator: new Uint8Array(20).fill(2),
  origin: "example.com/log",
};
const guard = await FileGuard.create(directory, log, EMPTY_HEAD);
for (let size = 1; ; size++) {
  await guard.advance(headOf(size - 1), headOf(size));
  writeFileSync(join(directory, "allowed.new"), String(size));
  renameSync(join(directory, "allowed.new"), join(directory, "allowed"));
  if (size === 20) console.log("advancing");
}
