/**
 * Cuts copies of a database to the given lengths, opens each and reads it whole: one line of JSON for each of them.
 */
import { copyFileSync, mkdirSync, truncateSync } from "node:fs";
import { join } from "node:path";
import { readWholeStore } from "../read-store.ts";

const [path = "", ...lengths] = process.argv.slice(2);
for (const length of lengths.map(Number)) {
  const copy = `${path}-${length}`;
  mkdirSync(copy);
  copyFileSync(join(path, "data.mdb"), join(copy, "data.mdb"));
  truncateSync(join(copy, "data.mdb"), length);
  console.log(JSON.stringify({ length, ...(await readWholeStore(copy)) }));
}
