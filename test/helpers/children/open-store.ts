/**
 * Opens the database in the given directory, reads it whole, and prints what came of it as one line of JSON.
 */
import { readWholeStore } from "../read-store.ts";

console.log(JSON.stringify(await readWholeStore(process.argv[2] ?? "")));
