/**
 * The store on disk is a store, survives its process, and belongs to one process at a time.
 */
import assert from "node:assert/strict";
import { mkdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { suite, test } from "node:test";
import { toHex } from "../../src/base/bytes.ts";
import { LmdbStore } from "../../src/log/lmdb-store.ts";
import { Log } from "../../src/log/log.ts";
import { killChild, runChild, startChild } from "../helpers/child.ts";
import { entryAt, sealNext, storedLog } from "../helpers/stored-log.ts";
import { temporaryDirectory } from "../helpers/temporary-directory.ts";
import { storeCompliance } from "./store-compliance.ts";

storeCompliance("LmdbStore", (t, options) => {
  const path = temporaryDirectory(t);
  const store = new LmdbStore({ path, ...options });
  t.after(() => store.close());
  return store;
});

suite("reopening", () => {
  test("a closed store opens with everything that was committed, and goes on from there", async (t) => {
    const path = temporaryDirectory(t);
    const first = new LmdbStore({ path, idIndex: true });
    const before = await storedLog(first, [20, 600]);
    await first.close();

    const second = new LmdbStore({ path, idIndex: true });
    t.after(() => second.close());
    const log = Log.open(second)!;
    assert.equal(toHex(log.committed.root), toHex(before.committed.root));
    assert.equal(toHex(log.logId), toHex(before.logId));
    for (const sequence of [1, 255, 256, 620]) {
      assert.equal(toHex(log.entry(sequence).entry), toHex(entryAt(sequence)));
    }
    await log.commit(sealNext(log, 3));
    assert.equal(toHex(log.rootAt(621)), toHex(before.committed.root));
  });

  test("the directory is made, only for its owner, and its name may look like a file's", async (t) => {
    const path = join(temporaryDirectory(t), "data.v1", "node.db");
    const store = new LmdbStore({ path });
    t.after(() => store.close());
    assert.equal(statSync(path).mode & 0o777, 0o700);
    await storedLog(store, [3]);
    assert.equal(store.head?.size, 4);
  });

  test("a path that cannot be a directory is refused with a hint", (t) => {
    const path = join(temporaryDirectory(t), "file");
    writeFileSync(path, "not a directory");
    assert.throws(() => new LmdbStore({ path: join(path, "below") }), { code: "store", hint: /-dbpath/ });
  });
});

suite("one process at a time", () => {
  const locked = { code: "locked", hint: /Stop that process/ };

  test("a second store on the same directory is refused, until the first one is closed", async (t) => {
    const path = temporaryDirectory(t);
    const first = new LmdbStore({ path });
    assert.throws(() => new LmdbStore({ path }), locked);
    assert.throws(() => new LmdbStore({ path: join(path, "..", path.split("/").at(-1)!) }), locked);
    await first.close();
    await new LmdbStore({ path }).close();
  });

  test("another process is refused while this one has it", async (t) => {
    const path = temporaryDirectory(t);
    const store = new LmdbStore({ path });
    t.after(() => store.close());
    const { code, stdout } = await runChild("open-store.ts", path);
    assert.equal(code, 0);
    assert.equal(JSON.parse(stdout).code, "locked");
  });

  test("a killed process gives the lock back and has lost nothing that it had committed", async (t) => {
    const path = temporaryDirectory(t);
    const child = await startChild(t, "commit-and-wait.ts", path, "7", "300");
    assert.throws(() => new LmdbStore({ path }), locked);
    await killChild(child);

    const store = new LmdbStore({ path });
    t.after(() => store.close());
    const log = Log.open(store)!;
    assert.equal(log.committed.size, 308);
    for (const sequence of [1, 7, 8, 307])
      assert.equal(toHex(log.entry(sequence).entry), toHex(entryAt(sequence)));
  });
});

test("a store in a directory with other things in it leaves them alone", async (t) => {
  const path = temporaryDirectory(t);
  mkdirSync(join(path, "keys"));
  writeFileSync(join(path, "keys", "key"), "secret");
  const store = new LmdbStore({ path });
  t.after(() => store.close());
  assert.equal(statSync(join(path, "keys", "key")).size, 6);
});
