/**
 * The store on disk with commits that its journal alone has: they are read and recovered like all others.
 */
import assert from "node:assert/strict";
import { cpSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { suite, test } from "node:test";
import fc from "fast-check";
import { JOURNAL_HALF_BYTES, JOURNALED_BYTES_MAX, JOURNALED_MS } from "../../src/base/limits.ts";
import { LmdbStore } from "../../src/log/lmdb-store.ts";
import { Log } from "../../src/log/log.ts";
import { MemoryStore } from "../../src/log/memory-store.ts";
import { stranger } from "../helpers/accounts.ts";
import {
  contentsAt,
  contentsInMemory,
  contentsOf,
  copyOf,
  large,
  openFrozen,
  sizeInDatabase,
} from "../helpers/frozen-store.ts";
import { genesisEntry, idAt, sealNext, storedLog } from "../helpers/stored-log.ts";
import { temporaryDirectory } from "../helpers/temporary-directory.ts";

suite("commits that the journal alone has", () => {
  test("are read like those in the database", async (t) => {
    const sizes = [20, 600, 1, 255];
    const { path, store } = await openFrozen(t, sizes);
    assert.equal(await sizeInDatabase(path), 1);
    assert.deepEqual(contentsOf(store), await contentsInMemory(sizes));
  });

  test("are there after the process was killed, at any commit of many turns of the halves", async (t) => {
    const { path, store, log } = await openFrozen(t);
    const perHalf = JOURNAL_HALF_BYTES / JOURNALED_BYTES_MAX;
    let [inDatabase, jumps] = [1, 0];
    for (let i = 0; i < 5 * perHalf; i++) {
      await log.commit(sealNext(log, 4, [], large));
      const size = await sizeInDatabase(path);
      const isNew = size > inDatabase;
      inDatabase = size;
      if (isNew) jumps++;
      if (isNew || i % 9 === 0) {
        assert.deepEqual(await contentsAt(copyOf(path)), contentsOf(store), `after commit ${i}`);
      }
    }
    assert.ok(jumps >= 2 && inDatabase < log.committed.size, `${jumps} writes to the database`);
  });

  test("are in the database a moment later", async (t) => {
    const { path } = await openFrozen(t, [3]);
    const file = join(path, "data.mdb");
    assert.ok(!readFileSync(file).includes("S entry 3 "));
    t.mock.timers.tick(JOURNALED_MS);
    const deadline = Date.now() + 10_000;
    while (!readFileSync(file).includes("S entry 3 ")) {
      assert.ok(Date.now() < deadline, "it is not written");
      await new Promise(setImmediate);
    }
  });

  test("stay there if they come while others are written to the database", async (t) => {
    const { path, store, log } = await openFrozen(t, [3]);
    for (let i = 0; i < 3; i++) {
      t.mock.timers.tick(JOURNALED_MS);
      await log.commit(sealNext(log, 2));
      // Time for the write to end: what it leaves in memory is what the database lacks.
      for (const end = Date.now() + 30; Date.now() < end; ) await new Promise(setImmediate);
      assert.equal(await sizeInDatabase(path), 4 + 2 * i);
      assert.deepEqual(contentsOf(store), await contentsInMemory([3, ...Array(i + 1).fill(2)]));
    }
    await store.close();
    assert.equal(await sizeInDatabase(path), 10);
  });

  test("are in the database once the store is closed, which needs no journal then", async (t) => {
    const { path, store } = await openFrozen(t, [20, 600]);
    await store.close();
    rmSync(join(path, "journal"));
    assert.deepEqual(await contentsAt(path), await contentsInMemory([20, 600]));
  });

  test("go to the database before a large one, and before one of roles", async (t) => {
    const { path, store, log } = await openFrozen(t, [3]);
    await log.commit(sealNext(log, 5, [], large));
    assert.equal(await sizeInDatabase(path), 9);
    await log.commit(sealNext(log, 2));
    assert.equal(await sizeInDatabase(path), 9);
    await log.commit(sealNext(log, 1, [{ account: stranger.address, role: 1 }]));
    assert.equal(await sizeInDatabase(path), 12);
    assert.deepEqual(await contentsAt(copyOf(path)), contentsOf(store));
  });

  test("carry the note of their head", async (t) => {
    const { path, store, log } = await openFrozen(t, [3]);
    await log.commit(sealNext(log, 2), "example.com/log\n4\n");
    assert.equal(store.note(), "example.com/log\n4\n");
    assert.deepEqual(await contentsAt(copyOf(path)), contentsOf(store));
  });
});

test("a store that indexes ids has all of them in its database", async (t) => {
  const path = join(temporaryDirectory(t), "database");
  const store = new LmdbStore({ path, idIndex: true });
  t.after(() => store.close());
  await storedLog(store, [3, 4]);
  assert.equal(await sizeInDatabase(path), 8);
  assert.equal(store.sequenceOf(idAt(7)), 7);
});

test("any commits, in any order, whenever the process is killed, are the same log as in memory", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const count = fc.integer({ min: 1, max: 300 });
  const commit = fc.record({
    count,
    kind: fc.constantFrom("small", "small", "small", "large", "role", "killed"),
  });
  const directory = temporaryDirectory(t);
  let runs = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(commit, { minLength: 1, maxLength: 12 }), async (commits) => {
      let path = join(directory, `${runs++}`);
      let store = new LmdbStore({ path });
      const memory = new MemoryStore();
      const expected = await Log.create(memory, genesisEntry);
      let log = await Log.create(store, genesisEntry);
      for (const { count, kind } of commits) {
        if (kind === "killed") {
          const copy = copyOf(path);
          await store.close();
          store = new LmdbStore({ path: copy });
          path = copy;
          log = Log.open(store)!;
        }
        const roles = kind === "role" ? [{ account: stranger.address, role: count % 3 }] : [];
        const entryOf = kind === "large" ? large : undefined;
        for (const each of [log, expected]) {
          await each.commit(sealNext(each, kind === "large" ? 1 + (count % 8) : count, roles, entryOf));
        }
      }
      assert.deepEqual(contentsOf(store), contentsOf(memory));
      await store.close();
      cpSync(path, `${path}-closed`, { recursive: true });
      assert.deepEqual(await contentsAt(`${path}-closed`), contentsOf(memory));
    }),
    { numRuns: 25 },
  );
});
