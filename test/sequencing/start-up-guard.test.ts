/**
 * Start-up and the sign guard: a database that does not reproduce what was signed is never signed from, and what was
 * committed without a signature gets it. SPEC section 3.
 */
import assert from "node:assert/strict";
import { readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { suite, type TestContext, test } from "node:test";
import { toHex } from "../../src/base/bytes.ts";
import type { Head } from "../../src/log/checkpoint.ts";
import type { Log } from "../../src/log/log.ts";
import { MemoryStore } from "../../src/log/memory-store.ts";
import { type Primary, type PrimaryStart, startPrimary } from "../../src/sequencing/start-up.ts";
import { operator } from "../helpers/accounts.ts";
import { entryAt, genesis, START, sealNext, storedLog } from "../helpers/stored-log.ts";
import { temporaryDirectory } from "../helpers/temporary-directory.ts";

/** The same log every time, as far as these blocks. */
async function database(...blockSizes: readonly number[]): Promise<{ store: MemoryStore; log: Log }> {
  const store = new MemoryStore();
  return { store, log: await storedLog(store, blockSizes, genesis) };
}

async function start(
  store: MemoryStore,
  guardDirectory: string,
  options: Partial<PrimaryStart> = {},
): Promise<Primary> {
  return await startPrimary({
    store,
    guardDirectory,
    operatorKey: operator.key,
    genesis: {},
    now: START + 60_000,
    warn: () => undefined,
    ...options,
  });
}

/** A directory whose guard stands at the end of a log of these blocks, and that head. */
async function guardAfter(
  t: TestContext,
  ...blockSizes: readonly number[]
): Promise<{ directory: string; head: Head }> {
  const directory = temporaryDirectory(t);
  const { store } = await database();
  const { log, guard } = await start(store, directory);
  for (const count of blockSizes) {
    const block = sealNext(log, count);
    await log.commit(block);
    await guard.advance(guard.head, block.growth);
  }
  await guard.close();
  return { directory, head: log.committed };
}

function forgetGuard(directory: string): void {
  for (const name of readdirSync(directory)) rmSync(join(directory, name));
}

suite("entries committed and not signed", () => {
  test("are signed by the next start, which moves the guard first", async (t) => {
    const { directory } = await guardAfter(t, 3);
    const { store, log: before } = await database(3, 5, 2);
    const { log, guard } = await start(store, directory);
    t.after(() => guard.close());
    assert.equal(log.signed?.size, 11);
    assert.equal(toHex(log.signed.root), toHex(before.committed.root));
    assert.ok(log.checkpoints.open(log.signed.note));
    assert.equal(guard.head.size, 11);
    assert.equal(toHex(guard.head.root), toHex(before.committed.root));
  });

  test("of a first start that ended before its guard was made are signed too", async (t) => {
    const { store } = await database();
    const { log, guard } = await start(store, temporaryDirectory(t));
    t.after(() => guard.close());
    assert.equal(log.signed?.size, 1);
    assert.equal(guard.head.size, 1);
  });
});

suite("a database that is not what was signed", () => {
  const refusal = { code: "guard", hint: /Restore the/ };

  test("yesterday's copy beside today's guard is refused, and the guard stays", async (t) => {
    const { directory, head } = await guardAfter(t, 3, 5);
    const { store } = await database(3);
    await assert.rejects(start(store, directory), { ...refusal, message: /old copy/, hint: /equivocation/ });
    assert.equal(store.head?.size, 4);
    const { guard } = await start((await database(3, 5)).store, directory);
    t.after(() => guard.close());
    assert.equal(guard.head.size, head.size);
  });

  test("a copy that went on by itself is refused: its root at the guard's size is another", async (t) => {
    const { directory, head } = await guardAfter(t, 3, 5);
    const store = new MemoryStore();
    const log = await storedLog(store, [3]);
    await log.commit(sealNext(log, 7, [], (sequence) => entryAt(sequence + 1)));
    assert.ok(log.committed.size > head.size);
    await assert.rejects(start(store, directory), { ...refusal, message: /another root at size 9/ });
  });
});

suite("a guard that is missing", () => {
  test("is refused where the log has more than its genesis", async (t) => {
    const { directory } = await guardAfter(t, 3);
    forgetGuard(directory);
    const { store } = await database(3);
    await assert.rejects(start(store, directory), {
      code: "guard",
      message: /is not in/,
      hint: /-recover-guard.*-trust-head/,
    });
    assert.deepEqual(readdirSync(directory), []);
  });

  test("is replaced by a trusted head that the database reproduces, and signing goes on from there", async (t) => {
    const { directory, head } = await guardAfter(t, 3);
    forgetGuard(directory);
    const { store } = await database(3, 5);
    const { log, guard } = await start(store, directory, { trustedHead: head });
    t.after(() => guard.close());
    assert.equal(log.signed?.size, 9);
    assert.equal(guard.head.size, 9);
  });

  test("is not replaced by a trusted head that the database does not reproduce", async (t) => {
    const { directory, head } = await guardAfter(t, 3, 5);
    forgetGuard(directory);
    const { store } = await database(3);
    await assert.rejects(start(store, directory, { trustedHead: head }), {
      code: "guard",
      message: /trusted head .* old copy/,
    });
    const wrongRoot = { size: 3, root: head.root };
    await assert.rejects(start(store, directory, { trustedHead: wrongRoot }), {
      code: "guard",
      message: /another root/,
    });
    assert.deepEqual(readdirSync(directory), []);
  });

  test("a trusted head does not overrule a guard that is there", async (t) => {
    const { directory, head } = await guardAfter(t, 3, 5);
    const { store, log } = await database(3);
    assert.ok(log.committed.size < head.size);
    await assert.rejects(start(store, directory, { trustedHead: log.committed }), {
      code: "guard",
      message: /old copy/,
    });
  });
});

suite("a guard in use", () => {
  test("another process of the same log is refused, and a failed start gives the guard back", async (t) => {
    const { directory } = await guardAfter(t, 3);
    const { store } = await database(3);
    const { guard } = await start(store, directory);
    await assert.rejects(start((await database(3)).store, directory), { code: "locked" });
    await guard.close();
    await assert.rejects(start((await database()).store, directory), { code: "guard" });
    await (await start(store, directory)).guard.close();
  });
});
