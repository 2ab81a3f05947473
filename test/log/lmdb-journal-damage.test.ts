/**
 * A journal that does not belong to its database is refused, and where a file cannot be written all commits end.
 */
import assert from "node:assert/strict";
import { copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { suite, type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import { u64be } from "../../src/base/bytes.ts";
import { JOURNAL_HALF_BYTES } from "../../src/base/limits.ts";
import { rlpBytes, rlpList } from "../../src/base/rlp.ts";
import { Journal } from "../../src/log/journal.ts";
import { LmdbStore } from "../../src/log/lmdb-store.ts";
import { Log } from "../../src/log/log.ts";
import {
  contentsAt,
  contentsInMemory,
  contentsOf,
  copyOf,
  large,
  openFrozen,
  sizeInDatabase,
} from "../helpers/frozen-store.ts";
import { Running } from "../helpers/process.ts";
import { genesis, sealNext, storedLog } from "../helpers/stored-log.ts";
import { temporaryDirectory } from "../helpers/temporary-directory.ts";

const PAGE = 4_096;

suite("a journal that", () => {
  const gap = {
    code: "store",
    message: /ends at entry \d+, and its journal goes on from a later one/,
    hint: /restore it/,
  };

  function assertRefused(path: string, expected: object): void {
    const before = readFileSync(join(path, "data.mdb"));
    assert.throws(() => new LmdbStore({ path }), expected);
    assert.ok(readFileSync(join(path, "data.mdb")).equals(before), "the database is as it was");
  }

  test("lost its last record to a crash leaves the log that was before it", async (t) => {
    const { path } = await openFrozen(t, [5, 6]);
    const copy = copyOf(path);
    const bytes = readFileSync(join(copy, "journal"));
    bytes.fill(0, 2 * PAGE + 100, 3 * PAGE);
    writeFileSync(join(copy, "journal"), bytes);
    assert.deepEqual(await contentsAt(copy), await contentsInMemory([5]));
  });

  test("lost a record that others follow, in its half or in the other, is refused", async (t) => {
    const { path, log } = await openFrozen(t);
    for (let i = 0; i < 20; i++) {
      await log.commit(sealNext(log, 4, [], large));
      if (i !== 1 && i !== 19) continue;
      const copy = copyOf(path);
      const bytes = readFileSync(join(copy, "journal"));
      const hasBoth = bytes.subarray(PAGE + JOURNAL_HALF_BYTES).some((byte) => byte !== 0);
      assert.equal(hasBoth, i === 19);
      bytes[PAGE + 1_000]! ^= 1;
      writeFileSync(join(copy, "journal"), bytes);
      assertRefused(copy, gap);
    }
  });

  test("is newer than the database is refused", async (t) => {
    const { path, log } = await openFrozen(t, [3]);
    const older = copyOf(path, ["data.mdb"]);
    await log.commit(sealNext(log, 5, [], large));
    await log.commit(sealNext(log, 1));
    copyFileSync(join(path, "journal"), join(older, "journal"));
    assertRefused(older, gap);
  });

  test("is older than the database changes nothing", async (t) => {
    const { path, store, log } = await openFrozen(t, [3, 4]);
    const older = copyOf(path, ["journal"]);
    await log.commit(sealNext(log, 5, [], large));
    copyFileSync(join(path, "data.mdb"), join(older, "data.mdb"));
    assert.deepEqual(await contentsAt(older), contentsOf(store));
  });

  test("continues another log is refused", async (t) => {
    const { path } = await openFrozen(t, [3]);
    const other = join(temporaryDirectory(t), "database");
    const store = new LmdbStore({ path: other });
    await storedLog(store, [], { ...genesis, origin: "example.com/other" });
    await store.close();
    copyFileSync(join(path, "journal"), join(other, "journal"));
    assertRefused(other, gap);
  });

  test("is no file is refused", async (t) => {
    const { path } = await openFrozen(t);
    const copy = copyOf(path, ["data.mdb"]);
    mkdirSync(join(copy, "journal"));
    assertRefused(copy, { code: "store", message: /its journal cannot be read/, hint: /restore it/ });
  });

  test("has whole records of something else is refused", async (t) => {
    const { path } = await openFrozen(t, [3]);
    const copy = copyOf(path, ["data.mdb"]);
    const journal = new Journal(join(copy, "journal"), JOURNAL_HALF_BYTES);
    await journal.append(rlpList([rlpBytes(u64be(1))]));
    await journal.close();
    assertRefused(copy, { code: "store", message: /written by another release/, hint: /Start that release/ });
  });
});

test("where the journal cannot be written nothing is committed any more", async (t) => {
  const { path, log } = await openFrozen(t);
  mkdirSync(join(path, "journal"));
  const refused = { code: "store", message: /refused a commit/, hint: /Look at the disk/ };
  await assert.rejects(log.commit(sealNext(log, 1)), refused);
  rmSync(join(path, "journal"), { recursive: true });
  await assert.rejects(log.commit(sealNext(log, 1)), refused);
  assert.equal(log.committed.size, 1);
});

suite("a file that cannot grow", () => {
  /** What a process prints whose files are bounded to so many bytes. */
  async function commitWithin(t: TestContext, path: string, bytes: number): Promise<string[]> {
    const script = fileURLToPath(new URL("../helpers/children/commit-until-refused.ts", import.meta.url));
    const command = `ulimit -f ${bytes / 512} && exec "$0" "$@"`;
    const running = new Running("sh", ["-c", command, process.execPath, script, path]);
    t.after(() => running.kill());
    const { code, stdout } = await running.finished();
    assert.equal(code, 0);
    return stdout.trim().split("\n");
  }

  test("ends all commits with an error; what was durable before is there", async (t) => {
    const path = temporaryDirectory(t);
    const lines = await commitWithin(t, path, 3 * JOURNAL_HALF_BYTES);
    const refusal = {
      code: "store",
      hint: "Look at the disk (space, health) before starting again; nothing acknowledged is lost",
    };
    assert.deepEqual(JSON.parse(lines.pop()!), { commit: refusal, close: refusal });
    const acknowledged = Number(lines.at(-1));
    assert.ok((await sizeInDatabase(path)) < acknowledged, "some of it is in the journal alone");
    const store = new LmdbStore({ path });
    t.after(() => store.close());
    assert.ok(store.head!.size >= acknowledged);
    assert.equal(Log.open(store)!.entry(acknowledged - 1).entry.length, large(0).length);
  });

  test("is refused where it is the journal, which the next process does without", async (t) => {
    const path = temporaryDirectory(t);
    const lines = await commitWithin(t, path, JOURNAL_HALF_BYTES / 2);
    assert.equal(lines.length, 1);
    assert.equal(JSON.parse(lines[0]!).commit.code, "store");
    const store = new LmdbStore({ path });
    t.after(() => store.close());
    assert.equal(store.head!.size, 1);
  });
});
