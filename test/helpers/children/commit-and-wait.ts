/**
 * Commits blocks of the given sizes to the given directory, says so, and then waits to be killed.
 */
import { LmdbStore } from "../../../src/log/lmdb-store.ts";
import { storedLog } from "../stored-log.ts";

const [path = "", ...sizes] = process.argv.slice(2);
await storedLog(new LmdbStore({ path }), sizes.map(Number));
console.log("committed");
setInterval(() => undefined, 60_000);
