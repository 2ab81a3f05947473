/**
 * Commits to a database until a commit is refused, and closes it: prints the size of the log as each commit is durable,
 * and last, as JSON, what the commit, and the close if it was, were refused with.
 */
import { SequencerError } from "../../../src/base/errors.ts";
import { LmdbStore } from "../../../src/log/lmdb-store.ts";
import { large } from "../frozen-store.ts";
import { sealNext, storedLog } from "../stored-log.ts";

const [path = ""] = process.argv.slice(2);
const store = new LmdbStore({ path });
const log = await storedLog(store, []);

async function refusalOf(work: () => Promise<void>): Promise<object | undefined> {
  try {
    await work();
    return undefined;
  } catch (error) {
    if (!(error instanceof SequencerError)) throw error;
    return { code: error.code, hint: error.hint };
  }
}

const commit = await refusalOf(async () => {
  for (;;) {
    await log.commit(sealNext(log, 4, [], large));
    console.log(log.committed.size);
  }
});
console.log(JSON.stringify({ commit, close: await refusalOf(() => store.close()) }));
