/**
 * What every store has to do, as the contract in `src/log/store.ts` says it.
 */
import assert from "node:assert/strict";
import { suite, type TestContext, test } from "node:test";
import { concatBytes, toHex, utf8 } from "../../src/base/bytes.ts";
import { HASH_BYTES } from "../../src/base/hash.ts";
import { encodeEntry } from "../../src/log/entry.ts";
import { Log } from "../../src/log/log.ts";
import { packEntries } from "../../src/log/packed-entries.ts";
import type { Store } from "../../src/log/store.ts";
import { operator, stranger, writer } from "../helpers/accounts.ts";
import { entryAt, genesisEntry, idAt, START, sealNext, storedLog } from "../helpers/stored-log.ts";

export interface StoreOptions {
  readonly idIndex: boolean;
}

/** @param open makes a new, empty store that ends with the test */
export function storeCompliance(name: string, open: (t: TestContext, options: StoreOptions) => Store): void {
  suite(`${name} as a store`, () => {
    test("a new store is empty", (t) => {
      const store = open(t, { idIndex: true });
      assert.equal(store.head, undefined);
      assert.equal(store.piece(0, 1), undefined);
      assert.equal(store.ids(0, 1), undefined);
      assert.equal(store.tile(0, 0), undefined);
      assert.equal(store.note(), undefined);
      assert.equal(store.sequenceOf(idAt(1)), undefined);
      assert.deepEqual([...store.roles()], []);
      assert.equal(Log.open(store), undefined);
    });

    test("its head is the last commit's", async (t) => {
      const store = open(t, { idIndex: false });
      const log = await storedLog(store, [3]);
      assert.equal(store.head?.size, 4);
      assert.equal(store.head.lastTimestamp, START + 3);
      await log.commit(sealNext(log, 5));
      assert.equal(store.head.size, 9);
      assert.equal(toHex(store.head.root), toHex(log.committed.root));
    });

    test("every entry and id is read from any place on, in pieces that have at least one", async (t) => {
      const store = open(t, { idIndex: false });
      const long = utf8("long ".repeat(10_000));
      const entryOf = (sequence: number): Uint8Array =>
        sequence % 100 === 7
          ? encodeEntry({ timestamp: START + sequence, payload: long })
          : entryAt(sequence);
      const log = await storedLog(store, [3, 1]);
      for (const count of [1_200, 300, 7]) await log.commit(sealNext(log, count, [], entryOf));
      const size = 1_512;
      await store.fetchIds(0, size);
      for (const start of [1, 2, 6, 7, 8, 500, 515, 516, 1_204, 1_205, size - 1]) {
        for (let from = start; from < size; ) {
          const { first, count, entries } = store.piece(from, size)!;
          assert.equal(first, from);
          assert.ok(count > 0);
          const expected = Array.from({ length: count }, (_, i) => entryOf(from + i));
          assert.deepEqual(entries, packEntries(expected));
          from += count;
        }
        for (let from = start; from < size; ) {
          const ids = store.ids(from, size)!;
          const count = ids.length / HASH_BYTES;
          assert.ok(count > 0);
          assert.deepEqual(ids, concatBytes(...Array.from({ length: count }, (_, i) => idAt(from + i))));
          from += count;
        }
      }
      for (const beyond of [size, size + 1, 2 ** 40]) {
        assert.equal(store.piece(beyond, beyond + 1), undefined);
        assert.equal(store.ids(beyond, beyond + 1), undefined);
      }
    });

    test("entries, ids and tiles are read as they were committed", async (t) => {
      const store = open(t, { idIndex: false });
      await storedLog(store, [20, 600, 1]);
      const log = Log.open(store)!;
      assert.equal(toHex(log.entry(0).entry), toHex(genesisEntry));
      for (const sequence of [1, 20, 21, 255, 256, 620, 621]) {
        const { entry, id } = log.entry(sequence);
        assert.equal(toHex(entry), toHex(entryAt(sequence)));
        assert.equal(toHex(id), toHex(idAt(sequence)));
      }
      assert.equal(store.tile(0, 0)?.length, 256 * 32);
      assert.equal(store.tile(0, 2)?.length, (622 - 512) * 32);
      assert.equal(store.tile(1, 0)?.length, 2 * 32);
      assert.equal(store.tile(0, 3), undefined);
      assert.equal(store.tile(1, 1), undefined);
    });

    test("a piece is the entries of one block from a place on", async (t) => {
      const store = open(t, { idIndex: false });
      await storedLog(store, [3, 300]);
      for (const [from, to, end] of [
        [0, 9, 1],
        [1, 4, 4],
        [2, 3, 3],
        [4, 5, 5],
        [100, 1_000, 304],
      ] as const) {
        const { first, count, entries } = store.piece(from, to)!;
        const ids = store.ids(from, to)!;
        const sequences = Array.from({ length: end - from }, (_, i) => from + i);
        assert.deepEqual([first, count], [from, sequences.length]);
        if (from === 0) continue;
        assert.equal(toHex(entries), toHex(packEntries(sequences.map(entryAt))));
        assert.equal(toHex(ids), toHex(concatBytes(...sequences.map(idAt))));
      }
      assert.equal(store.piece(304, 305), undefined);
    });

    test("what it returned stays as it was after later commits and reads", async (t) => {
      const store = open(t, { idIndex: false });
      const log = await storedLog(store, [3, 5]);
      const pieces = [store.piece(1, 4)!, store.piece(5, 8)!].map(({ entries }) => entries);
      const returned = [...pieces, store.ids(1, 4)!, store.ids(5, 8)!, store.tile(0, 0)!];
      const before = returned.map(toHex);
      for (let i = 0; i < 5; i++) await log.commit(sealNext(log, 40));
      for (let sequence = 0; sequence < 200; sequence += 7) store.piece(sequence, sequence + 3);
      assert.deepEqual(returned.map(toHex), before);
    });

    test("roles are those of genesis and of all changes since, the last one of a block for each account", async (t) => {
      const store = open(t, { idIndex: false });
      const log = await storedLog(store, []);
      const roles = (): string[] =>
        [...store.roles()].map(({ account, role }) => `${toHex(account)} ${role}`).sort();
      const is = (...expected: readonly (readonly [Uint8Array, number])[]): void =>
        assert.deepEqual(roles(), expected.map(([account, role]) => `${toHex(account)} ${role}`).sort());
      is([operator.address, 2], [writer.address, 1]);
      await log.commit(
        sealNext(log, 1, [
          { account: stranger.address, role: 1 },
          { account: writer.address, role: 0 },
        ]),
      );
      is([operator.address, 2], [stranger.address, 1]);
      const back = [2, 0, 1].map((role) => ({ account: writer.address, role }));
      await log.commit(sealNext(log, 3, back));
      is([operator.address, 2], [stranger.address, 1], [writer.address, 1]);
    });

    test("ids are found if it indexes them, and only then", async (t) => {
      const indexed = open(t, { idIndex: true });
      const plain = open(t, { idIndex: false });
      for (const store of [indexed, plain]) await storedLog(store, [3, 30]);
      for (const sequence of [1, 3, 4, 33]) {
        assert.equal(indexed.sequenceOf(idAt(sequence)), sequence);
        assert.equal(plain.sequenceOf(idAt(sequence)), undefined);
      }
      assert.equal(indexed.sequenceOf(idAt(34)), undefined);
    });

    test("the note is the newest that came with a commit", async (t) => {
      const store = open(t, { idIndex: false });
      const log = await storedLog(store, [1]);
      assert.equal(store.note(), undefined);
      await log.commit(sealNext(log, 1), "first — note\n");
      await log.commit(sealNext(log, 1));
      assert.equal(store.note(), "first — note\n");
      await log.commit(sealNext(log, 1), "second\n");
      assert.equal(store.note(), "second\n");
    });

    test("a block that does not follow the last one is the programmer's error, and changes nothing", async (t) => {
      const store = open(t, { idIndex: false });
      const log = await storedLog(store, [3]);
      const block = { first: 9, count: 1, entries: new Uint8Array(2), ids: new Uint8Array(32) };
      const head = { size: 10, root: new Uint8Array(32), lastTimestamp: START, lastBlock: 9 };
      await assert.rejects(store.commit({ block, tiles: [], roles: [], head }), { name: "AssertionError" });
      assert.equal(store.head?.size, 4);
      await log.commit(sealNext(log, 1));
      assert.equal(store.head.size, 5);
    });

    test("there is room for another commit", async (t) => {
      assert.ok((await open(t, { idIndex: false }).freeBytes()) > 0);
    });
  });
}
