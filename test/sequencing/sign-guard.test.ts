/**
 * The guard on disk: what it allowed survives everything but the loss of the file, and it never allows more.
 */
import assert from "node:assert/strict";
import { readdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { suite, test } from "node:test";
import { toHex, toHexDigits } from "../../src/base/bytes.ts";
import { FileGuard, type Guard, guardedLogs, MemoryGuard } from "../../src/sequencing/sign-guard.ts";
import { killChild, startChild } from "../helpers/child.ts";
import { type Scope, temporaryDirectory } from "../helpers/temporary-directory.ts";
import { EMPTY_HEAD, guardCompliance, headOf, sameHead } from "./guard-compliance.ts";

const log = {
  logId: new Uint8Array(32).fill(1),
  operator: new Uint8Array(20).fill(2),
  origin: "example.com/log",
};

guardCompliance("MemoryGuard", async () => new MemoryGuard());
guardCompliance("FileGuard", async (t) => {
  const guard = await FileGuard.create(temporaryDirectory(t), log, EMPTY_HEAD);
  t.after(() => guard.close());
  return guard;
});

/** Opens a guard until the end of the test. */
async function reopen(scope: Scope, directory: string): Promise<Guard> {
  const guard = await FileGuard.open(directory, log.logId);
  assert.ok(guard !== undefined);
  scope.after(() => guard.close());
  return guard;
}

/** A directory with a guard that was advanced to these sizes, one after the other. */
async function guarded(
  scope: Scope,
  ...sizes: readonly number[]
): Promise<{ directory: string; path: string }> {
  const directory = temporaryDirectory(scope);
  const guard = await FileGuard.create(directory, log, EMPTY_HEAD);
  for (const [i, size] of sizes.entries()) await guard.advance(headOf(sizes[i - 1] ?? 0), headOf(size));
  await guard.close();
  return { directory, path: join(directory, `${toHexDigits(log.logId)}.guard`) };
}

suite("the file", () => {
  test("a reopened guard stands where it stood, after any number of advances", async (t) => {
    const directory = temporaryDirectory(t);
    await (await FileGuard.create(directory, log, headOf(3))).close();
    for (let size = 3; size < 8; size++) {
      const guard = (await FileGuard.open(directory, log.logId))!;
      sameHead(guard.head, headOf(size));
      await guard.advance(headOf(size), headOf(size + 1));
      await guard.setPeers([`/ip4/10.0.0.${size}/tcp/1`]);
      await guard.close();
    }
    const guard = await reopen(t, directory);
    sameHead(guard.head, headOf(8));
    assert.deepEqual(guard.peers, ["/ip4/10.0.0.7/tcp/1"]);
  });

  test("a log without one has none, and it is only for its owner", async (t) => {
    const { directory, path } = await guarded(t, 1);
    assert.equal(await FileGuard.open(directory, new Uint8Array(32)), undefined);
    assert.equal(await FileGuard.open(join(directory, "nowhere"), log.logId), undefined);
    assert.equal(statSync(path).mode & 0o777, 0o600);
  });

  test("it is not made a second time", async (t) => {
    const { directory } = await guarded(t, 1);
    await assert.rejects(FileGuard.create(directory, log, EMPTY_HEAD), { name: "AssertionError" });
  });

  test("one process has it at a time", async (t) => {
    const { directory } = await guarded(t, 1);
    const guard = (await FileGuard.open(directory, log.logId))!;
    await assert.rejects(FileGuard.open(directory, log.logId), { code: "locked", hint: /Stop that process/ });
    await guard.close();
    await reopen(t, directory);
  });

  test("a killed process gives it back, at least as far as it had been allowed to sign", async (t) => {
    const directory = temporaryDirectory(t);
    const child = await startChild(t, "advance-guard.ts", directory);
    await assert.rejects(FileGuard.open(directory, log.logId), { code: "locked" });
    await killChild(child);
    const allowed = Number(readFileSync(join(directory, "allowed"), "utf8"));
    const guard = await reopen(t, directory);
    assert.ok(allowed >= 1 && guard.head.size >= allowed, `${guard.head.size} after ${allowed}`);
  });
});

suite("damage", () => {
  const damaged = { code: "guard", hint: /-recover-guard/ };

  test("any byte of either slot may be wrong: it opens at the last or the last but one head", async (t) => {
    const { directory, path } = await guarded(t, 10, 20, 30);
    const sound = readFileSync(path);
    const sizes = new Set<number>();
    // Beyond the JSON and its checksum a slot is filled with spaces: a few of them stand for all.
    const used = sound.indexOf("  ");
    const offsets = [...Array(used).keys(), 4_000, 8_190, 8_191];
    for (const slot of [0, 8_192]) {
      for (const offset of offsets) {
        for (const bit of [0x01, 0x80]) {
          const torn = Buffer.from(sound);
          torn[slot + offset]! ^= bit;
          writeFileSync(path, torn);
          const guard = (await FileGuard.open(directory, log.logId))!;
          assert.ok(
            guard.head.size === 20 || guard.head.size === 30,
            `byte ${slot + offset}: ${guard.head.size}`,
          );
          sameHead(guard.head, headOf(guard.head.size));
          sizes.add(guard.head.size);
          await guard.close();
        }
      }
    }
    assert.deepEqual([...sizes].sort(), [20, 30]);
  });

  test("a write torn at any length leaves the head before it", async (t) => {
    const { directory, path } = await guarded(t, 10, 20);
    const before = readFileSync(path);
    const guard = (await FileGuard.open(directory, log.logId))!;
    await guard.advance(headOf(20), headOf(30));
    await guard.close();
    const after = readFileSync(path);
    for (let length = 0; length <= 8_192; length += 41) {
      const torn = Buffer.from(before);
      const slot = before.subarray(0, 8_192).equals(after.subarray(0, 8_192)) ? 8_192 : 0;
      after.copy(torn, slot, slot, slot + length);
      writeFileSync(path, torn);
      const opened = (await FileGuard.open(directory, log.logId))!;
      assert.ok(opened.head.size === 20 || (opened.head.size === 30 && length > 200), `${length}`);
      await opened.close();
    }
  });

  test("after a torn slot it goes on, and never loses the head that it opened with", async (t) => {
    const { directory, path } = await guarded(t, 10, 20, 30);
    for (const slot of [0, 8_192]) {
      const bytes = readFileSync(path);
      bytes.fill(0, slot, slot + 100);
      writeFileSync(path, bytes);
      const guard = (await FileGuard.open(directory, log.logId))!;
      const { size } = guard.head;
      await guard.advance(guard.head, headOf(size + 1));
      await guard.close();
      const again = (await FileGuard.open(directory, log.logId))!;
      sameHead(again.head, headOf(size + 1));
      await again.close();
    }
  });

  test("with both slots damaged, or empty, it is refused", async (t) => {
    const { directory, path } = await guarded(t, 10, 20);
    const sound = readFileSync(path);
    for (const offset of [0, 5, 100, 200]) {
      const torn = Buffer.from(sound);
      torn[offset]! ^= 1;
      torn[8_192 + offset]! ^= 1;
      writeFileSync(path, torn);
      await assert.rejects(FileGuard.open(directory, log.logId), damaged);
    }
    for (const length of [100, 0]) {
      truncateSync(path, length);
      await assert.rejects(FileGuard.open(directory, log.logId), damaged);
    }
  });

  test("another log's guard under this log's name is refused", async (t) => {
    const { directory, path } = await guarded(t, 10);
    const other = { ...log, logId: new Uint8Array(32).fill(9) };
    const guard = await FileGuard.create(directory, other, headOf(5));
    await guard.close();
    writeFileSync(path, readFileSync(join(directory, `${toHexDigits(other.logId)}.guard`)));
    await assert.rejects(FileGuard.open(directory, log.logId), damaged);
  });

  test("once a write failed, nothing more is allowed", async (t) => {
    const { directory, path } = await guarded(t, 10);
    const guard = await reopen(t, directory);
    await assert.rejects(guard.advance(headOf(9), headOf(11)), { code: "guard" });
    await assert.rejects(guard.advance(headOf(10), headOf(11)), { code: "guard" });
    assert.ok(readFileSync(path).includes('"size":10'));
  });
});

suite("which logs an operator guards", () => {
  test("those of its key and origin in the directory", async (t) => {
    const directory = temporaryDirectory(t);
    assert.deepEqual(guardedLogs(join(directory, "nowhere"), log.operator, log.origin), []);
    const others = [
      { ...log, logId: new Uint8Array(32).fill(3) },
      { ...log, logId: new Uint8Array(32).fill(4), origin: "example.com/other" },
      { ...log, logId: new Uint8Array(32).fill(5), operator: new Uint8Array(20).fill(9) },
    ];
    for (const each of [log, ...others]) await (await FileGuard.create(directory, each, EMPTY_HEAD)).close();
    const found = guardedLogs(directory, log.operator, log.origin).map(toHex).sort();
    assert.deepEqual(found, [log.logId, others[0]!.logId].map(toHex));
  });

  test("also while the guard is in use, and not once it is gone", async (t) => {
    const { directory } = await guarded(t, 1);
    await reopen(t, directory);
    assert.equal(guardedLogs(directory, log.operator, log.origin).length, 1);
    for (const name of readdirSync(directory)) rmSync(join(directory, name));
    assert.deepEqual(guardedLogs(directory, log.operator, log.origin), []);
  });
});
