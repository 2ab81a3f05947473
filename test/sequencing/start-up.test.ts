/**
 * How a primary starts: the log that it begins, and what it signs and refuses to sign in one that exists. SPEC
 * section 3, without the guard, which has `start-up-guard.test.ts`.
 */
import assert from "node:assert/strict";
import { suite, type TestContext, test } from "node:test";
import { toHex } from "../../src/base/bytes.ts";
import type { Genesis } from "../../src/log/genesis.ts";
import { MemoryStore } from "../../src/log/memory-store.ts";
import type { Store } from "../../src/log/store.ts";
import { type PeerCheck, type PrimaryStart, startPrimary } from "../../src/sequencing/start-up.ts";
import { accountOf, newWriter, operator, stranger, writer } from "../helpers/accounts.ts";
import { genesis, START, storedLog } from "../helpers/stored-log.ts";
import { temporaryDirectory } from "../helpers/temporary-directory.ts";

const HOUR = 3_600_000;
const bond = new Uint8Array(20).fill(0xbd);

/** Starts in a store with an own guard directory; the end of the test closes what was started. */
async function start(t: TestContext, store: Store, options: Partial<PrimaryStart> = {}) {
  const primary = await startPrimary({
    store,
    guardDirectory: temporaryDirectory(t),
    operatorKey: operator.key,
    genesis: {},
    now: START + 1_000,
    warn: (message) => assert.fail(`an unexpected warning: ${message}`),
    ...options,
  });
  t.after(() => primary.guard.close());
  return primary;
}

async function database(fields: Partial<Genesis> = {}): Promise<Store> {
  const store = new MemoryStore();
  await storedLog(store, [], { ...genesis, ...fields });
  return store;
}

suite("a new log", () => {
  test("has the defaults of the specification", async (t) => {
    const { log } = await start(t, new MemoryStore());
    assert.deepEqual(log.genesis, {
      origin: `localhost/sequencer/${toHex(operator.address)}/${START + 1_000}`,
      chainId: 1,
      bond: new Uint8Array(20),
      operator: genesis.operator,
      noteKey: genesis.noteKey,
      maxTransactionLifetimeMs: 120_000,
      admins: [operator.address],
      writers: [],
    });
    assert.equal(log.committed.lastTimestamp, START + 1_000);
  });

  test("has what was asked for", async (t) => {
    const wish = {
      origin: "example.com/mine",
      chainId: 7,
      maxTransactionLifetimeMs: 5_000,
      admins: [writer.address],
      writers: [newWriter.address],
      predecessor: { logId: new Uint8Array(32).fill(1), size: 9, root: new Uint8Array(32).fill(2) },
    };
    const { log } = await start(t, new MemoryStore(), { genesis: wish });
    for (const [name, value] of Object.entries(wish))
      assert.deepEqual(log.genesis[name as keyof Genesis], value);
  });

  test("is signed at size 1, with the guard at that head", async (t) => {
    const { log, guard } = await start(t, new MemoryStore());
    assert.equal(log.signed?.size, 1);
    assert.equal(toHex(log.signed.root), toHex(log.logId));
    assert.ok(log.checkpoints.open(log.signed.note));
    assert.equal(guard.head.size, 1);
  });

  test("is not begun where -log names one", async (t) => {
    const store = new MemoryStore();
    const refused = start(t, store, { expectedLog: new Uint8Array(32) });
    await assert.rejects(refused, { code: "configuration", message: /database is empty/, hint: /volume/ });
    assert.equal(store.head, undefined);
  });

  test("is not begun from a wish that genesis forbids", async (t) => {
    for (const wish of [
      { origin: "two words" },
      { maxTransactionLifetimeMs: 10 },
      { admins: [] },
      { writers: [operator.address] },
    ]) {
      const store = new MemoryStore();
      await assert.rejects(start(t, store, { genesis: wish }), { code: "verification" });
      assert.equal(store.head, undefined);
    }
  });
});

suite("a second log of one operator and origin", () => {
  const wish = { origin: "example.com/mine" };

  test("is refused while the guard of the first one exists, unless -new-log is given", async (t) => {
    const guardDirectory = temporaryDirectory(t);
    const first = await start(t, new MemoryStore(), { guardDirectory, genesis: wish });
    const store = new MemoryStore();
    const again = { guardDirectory, genesis: wish, now: START + 5_000 };
    await assert.rejects(start(t, store, again), {
      code: "guard",
      message: /already signs/,
      hint: /-new-log/,
    });
    assert.equal(store.head, undefined);
    const second = await start(t, store, { ...again, newLog: true });
    assert.notEqual(toHex(second.log.logId), toHex(first.log.logId));
  });

  test("is another matter with another origin or operator", async (t) => {
    const guardDirectory = temporaryDirectory(t);
    await start(t, new MemoryStore(), { guardDirectory, genesis: wish });
    await start(t, new MemoryStore(), { guardDirectory, genesis: { origin: "example.com/other" } });
    await start(t, new MemoryStore(), { guardDirectory, genesis: wish, operatorKey: stranger.key });
  });

  test("is warned of without an origin of its own while any guard of the operator exists", async (t) => {
    const guardDirectory = temporaryDirectory(t);
    const first = await start(t, new MemoryStore(), { guardDirectory, genesis: wish });
    const warnings: string[] = [];
    const warn = (message: string): void => void warnings.push(message);
    await start(t, new MemoryStore(), { guardDirectory, operatorKey: stranger.key, warn });
    assert.deepEqual(warnings, []);
    await start(t, new MemoryStore(), { guardDirectory, warn });
    assert.equal(warnings.length, 1);
    assert.match(String(warnings), new RegExp(`-log ${toHex(first.log.logId)}`));
  });
});

suite("a new log beside peers", () => {
  /** Peers that say this, and nothing after the log is begun: nobody can know it yet. */
  function peersSaying(logs: Uint8Array[], silent: readonly string[] = []): PeerCheck {
    return {
      logsOf: async (address) => {
        assert.equal(toHex(address), toHex(operator.address));
        return { logs, silent };
      },
      newestHeads: () => assert.fail("a log that was just begun is asked for"),
      catchUp: () => assert.fail("a log that was just begun is caught up with"),
    };
  }
  const known = new Uint8Array(32).fill(0x4b);

  test("is refused if one of them serves a log of this operator, unless -new-log is given", async (t) => {
    const store = new MemoryStore();
    const peers = peersSaying([known], ["/ip4/192.0.2.1/tcp/1"]);
    for (const solo of [false, true]) {
      await assert.rejects(start(t, store, { peers, solo, genesis: { origin: "example.com/new" } }), {
        code: "configuration",
        message: `a peer serves a log of this operator, ${toHex(known)}, and the database is empty`,
        hint: /Restore .*-log 0x….*-new-log/,
      });
    }
    assert.equal(store.head, undefined);
    await start(t, store, { peers, newLog: true });
  });

  test("begins after a warning if some do not answer, and without one if all do", async (t) => {
    const warnings: string[] = [];
    const warn = (message: string): void => void warnings.push(message);
    await start(t, new MemoryStore(), { peers: peersSaying([], ["/ip4/192.0.2.1/tcp/1"]), warn });
    assert.equal(warnings.length, 1);
    assert.match(warnings[0]!, /192\.0\.2\.1.*did not answer/);
    await start(t, new MemoryStore(), { peers: peersSaying([]) });
  });

  test("is not begun for a bond before -solo says that no peer has to know it", async (t) => {
    const store = new MemoryStore();
    const peers = peersSaying([], ["/ip4/192.0.2.1/tcp/1"]);
    const bonded = { genesis: { bond }, peers, warn: () => undefined };
    await assert.rejects(start(t, store, bonded), { code: "configuration", hint: /-solo/ });
    assert.equal(store.head, undefined);
    await start(t, store, { ...bonded, solo: true });
  });
});

suite("a log that exists", () => {
  test("starts with nothing asked for, or with what its genesis says", async (t) => {
    const { operator: _, noteKey: __, ...wish } = genesis;
    await start(t, await database());
    const { log } = await start(t, await database(), { genesis: wish });
    await start(t, await database(), { expectedLog: log.logId });
  });

  test("is refused if it is not the one that -log names", async (t) => {
    const refused = start(t, await database(), { expectedLog: new Uint8Array(32).fill(1) });
    await assert.rejects(refused, {
      code: "configuration",
      message: /database holds log/,
      hint: /-dbpath and -log/,
    });
  });

  for (const [name, value] of Object.entries({
    origin: "example.com/other",
    chainId: 2,
    bond,
    maxTransactionLifetimeMs: 61_000,
    admins: [stranger.address],
    writers: [],
    predecessor: { logId: new Uint8Array(32), size: 1, root: new Uint8Array(32) },
  })) {
    test(`is refused with another ${name} than its genesis says`, async (t) => {
      const refused = start(t, await database(), { genesis: { [name]: value } });
      await assert.rejects(refused, {
        code: "configuration",
        message: new RegExp(`^${name} is `),
        hint: /Genesis never changes/,
      });
    });
  }

  test("is refused with another operator's key", async (t) => {
    const refused = start(t, await database(), { operatorKey: accountOf(0x55).key });
    await assert.rejects(refused, { code: "key", hint: /OPERATOR_PRIVATE_KEY/ });
  });
});

suite("the clock", () => {
  test("may stand up to two seconds before the last entry, not more", async (t) => {
    await start(t, await database(), { now: START - 2_000 });
    const refused = start(t, await database(), { now: START - 2_001 });
    await assert.rejects(refused, {
      code: "configuration",
      message: /2001 ms before/,
      hint: /Set the clock right/,
    });
  });

  test("a day ahead of the last entry warns where nothing is bonded", async (t) => {
    const warnings: string[] = [];
    const warn = (message: string): void => void warnings.push(message);
    await start(t, await database(), { now: START + 24 * HOUR, warn });
    assert.deepEqual(warnings, []);
    await start(t, await database(), { now: START + 30 * HOUR, warn });
    assert.deepEqual(warnings, ["the clock stands 30 hours after the last entry"]);
  });

  test("a day ahead of the last entry refuses a bonded log, until -accept-time", async (t) => {
    const late = { now: START + 24 * HOUR + 1, solo: true };
    await assert.rejects(start(t, await database({ bond }), late), {
      code: "configuration",
      hint: /-accept-time/,
    });
    const { log } = await start(t, await database({ bond }), { ...late, acceptTime: true });
    assert.equal(log.signed?.size, 1);
  });
});

suite("a bonded log", () => {
  test("is not kept in memory, and no genesis is written for one", async (t) => {
    const inMemory = { guardDirectory: undefined, solo: true };
    const refusal = { code: "configuration", message: /cannot be kept in memory/, hint: /-dbpath/ };
    const store = new MemoryStore();
    await assert.rejects(start(t, store, { ...inMemory, genesis: { bond } }), refusal);
    assert.equal(store.head, undefined);
    await assert.rejects(start(t, await database({ bond }), inMemory), refusal);
  });

  test("signs nothing before a peer was asked, unless -solo is given", async (t) => {
    await assert.rejects(start(t, await database({ bond })), { code: "configuration", hint: /-solo/ });
    await assert.rejects(start(t, new MemoryStore(), { genesis: { bond } }), {
      code: "configuration",
      hint: /-solo/,
    });
    const { log } = await start(t, await database({ bond }), { solo: true });
    assert.equal(log.signed?.size, 1);
  });
});
