/**
 * A store on disk whose clock stands still: what it has in its journal alone stays there. What a process that was killed
 * would have left is a copy of its files.
 */
import assert from "node:assert/strict";
import { copyFileSync, existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { toHex, toHexDigits, utf8 } from "../../src/base/bytes.ts";
import { HASH_BYTES } from "../../src/base/hash.ts";
import { Database } from "../../src/log/database.ts";
import { encodeEntry } from "../../src/log/entry.ts";
import { LmdbStore } from "../../src/log/lmdb-store.ts";
import { Log } from "../../src/log/log.ts";
import { MemoryStore } from "../../src/log/memory-store.ts";
import type { Store } from "../../src/log/store.ts";
import { START, storedLog } from "./stored-log.ts";
import { temporaryDirectory } from "./temporary-directory.ts";

const LARGE = utf8("large ".repeat(10_000));

/** Entries of 60 KB: four of them still go through the journal, five do not. */
export const large = (sequence: number): Uint8Array =>
  encodeEntry({ timestamp: START + sequence, payload: LARGE });

export interface FrozenStore {
  readonly path: string;
  readonly store: LmdbStore;
  readonly log: Log;
}

/** A store with genesis in its database, whose clock stands still. */
export async function openFrozen(t: TestContext, blockSizes: readonly number[] = []): Promise<FrozenStore> {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const path = join(temporaryDirectory(t), "database");
  const store = new LmdbStore({ path });
  t.after(() => store.close());
  return { path, store, log: await storedLog(store, blockSizes) };
}

let copies = 0;

/** The files as they are now, or some of them. */
export function copyOf(path: string, files: readonly string[] = ["data.mdb", "journal"]): string {
  const copy = `${path}-${copies++}`;
  mkdirSync(copy);
  for (const file of files) {
    if (existsSync(join(path, file))) copyFileSync(join(path, file), join(copy, file));
  }
  return copy;
}

/** Entries in the database itself. */
export async function sizeInDatabase(path: string): Promise<number> {
  const database = new Database({ path: copyOf(path, ["data.mdb"]) });
  const { head } = database;
  await database.close();
  return head?.size ?? 0;
}

/** All that a store has. */
export function contentsOf(store: Store): object {
  const { size } = store.head!;
  let [entries, ids] = ["", ""];
  for (let at = 0; at < size; ) {
    const { first, count, entries: bytes } = store.piece(at, size)!;
    assert.equal(first, at);
    entries += toHexDigits(bytes);
    at += count;
  }
  for (let at = 0; at < size; ) {
    const bytes = store.ids(at, size)!;
    ids += toHexDigits(bytes);
    at += bytes.length / HASH_BYTES;
  }
  const tiles = [0, 1, 2].flatMap((level) =>
    Array.from({ length: 1 + Math.floor(size / 256) }, (_, i) =>
      toHex(store.tile(level, i) ?? new Uint8Array()),
    ),
  );
  const roles = [...store.roles()].map(({ account, role }) => [toHex(account), role]).sort();
  return { head: store.head, note: store.note(), entries, ids, tiles, roles };
}

/** What a store has that is opened on these files. */
export async function contentsAt(path: string): Promise<object> {
  const store = new LmdbStore({ path });
  try {
    Log.open(store);
    return contentsOf(store);
  } finally {
    await store.close();
  }
}

/** The same log in memory. */
export async function contentsInMemory(blockSizes: readonly number[]): Promise<object> {
  const store = new MemoryStore();
  await storedLog(store, blockSizes);
  return contentsOf(store);
}
