/**
 * What comes of opening a database and reading every entry in it.
 */
import { SequencerError } from "../../src/base/errors.ts";
import { LmdbStore } from "../../src/log/lmdb-store.ts";
import { Log } from "../../src/log/log.ts";

export type StoreReading =
  | { readonly entries: number }
  | { readonly code: string; readonly message: string; readonly hint: string | undefined };

/** @throws whatever is no SequencerError */
export async function readWholeStore(path: string): Promise<StoreReading> {
  let store: LmdbStore | undefined;
  try {
    store = new LmdbStore({ path });
    const log = Log.open(store);
    let entries = 0;
    for (const _ of log?.entries(0, log.committed.size) ?? []) entries++;
    return { entries };
  } catch (error) {
    if (!(error instanceof SequencerError)) throw error;
    const { code, message, hint } = error;
    return { code, message, hint };
  } finally {
    await store?.close();
  }
}
