/**
 * A damaged database is refused with a hint, and never ends the process: LMDB reads through a memory map, so what is
 * cut off is a signal, not an error. The cut files are opened in a process of their own to prove it.
 */
import assert from "node:assert/strict";
import { statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { suite, test } from "node:test";
import { open } from "lmdb";
import { concatBytes, u64be, utf8 } from "../../src/base/bytes.ts";
import { LmdbStore } from "../../src/log/lmdb-store.ts";
import { runChild } from "../helpers/child.ts";
import { readWholeStore, type StoreReading } from "../helpers/read-store.ts";
import { storedLog } from "../helpers/stored-log.ts";
import { type Scope, temporaryDirectory } from "../helpers/temporary-directory.ts";

const PAGE = 4_096;

async function database(scope: Scope, blockSizes: readonly number[]): Promise<string> {
  const path = join(temporaryDirectory(scope), "database");
  const store = new LmdbStore({ path });
  await storedLog(store, blockSizes);
  await store.close();
  return path;
}

function isRefusal(reading: StoreReading): boolean {
  return "code" in reading && reading.code === "store" && reading.hint !== undefined;
}

suite("a file that was cut", () => {
  async function cutTo(
    path: string,
    lengths: readonly number[],
  ): Promise<(StoreReading & { length: number })[]> {
    const { code, signal, stdout, stderr } = await runChild(
      "open-cut-stores.ts",
      path,
      ...lengths.map(String),
    );
    assert.deepEqual({ code, signal }, { code: 0, signal: null }, stdout);
    // LMDB itself says so, once more.
    assert.match(stderr, /^(internal error, index points to a 00 page!\?\s*)*$/);
    return stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
  }

  test("at any page is refused, or has lost nothing", async (t) => {
    const blockSizes = [20, 600, 1, 3_000, 100, 100];
    const path = await database(t, blockSizes);
    const { size } = statSync(join(path, "data.mdb"));
    const lengths = [1, 100, PAGE - 1, PAGE, PAGE + 1, 2 * PAGE - 1, size - 1];
    for (let length = 2 * PAGE; length < size; length += 3 * PAGE) lengths.push(length);
    const entries = 1 + blockSizes.reduce((sum, count) => sum + count);
    for (const reading of await cutTo(path, lengths)) {
      const isWhole = "entries" in reading && reading.entries === entries;
      assert.ok(
        isRefusal(reading) || (isWhole && reading.length > size - 17 * PAGE),
        JSON.stringify(reading),
      );
    }
  });

  test("by a page that its last commit took and did not use has lost nothing", async (t) => {
    const path = await database(t, [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]);
    const { size } = statSync(join(path, "data.mdb"));
    const [reading] = await cutTo(path, [size - PAGE]);
    assert.deepEqual(reading, { length: size - PAGE, entries: 11 });
  });
});

suite("a file of something else", () => {
  const contents: Record<string, Uint8Array> = {
    text: utf8("not a database\n".repeat(1_000)),
    zeros: new Uint8Array(5 * PAGE),
    "random bytes": Uint8Array.from({ length: 5 * PAGE }, (_, i) => (i * 7_919) % 251),
  };
  for (const [what, bytes] of Object.entries(contents)) {
    test(`${what} is refused without a crash`, async (t) => {
      const path = temporaryDirectory(t);
      writeFileSync(join(path, "data.mdb"), bytes);
      const { code, signal, stdout } = await runChild("open-store.ts", path);
      assert.deepEqual({ code, signal }, { code: 0, signal: null });
      assert.ok(isRefusal(JSON.parse(stdout)), stdout);
    });
  }

  test("a database of another program, or of another release's format, is refused", async (t) => {
    for (const [key, value] of [
      ["greeting", "hello"],
      ["f", "sequencer-store/1"],
    ] as const) {
      const path = temporaryDirectory(t);
      const other = open({ path, encoding: "binary", keyEncoding: "binary" });
      await other.put(utf8(key), utf8(value));
      await other.close();
      const reading = await readWholeStore(path);
      assert.ok(isRefusal(reading));
      assert.ok(
        "message" in reading && reading.message.includes("another program or release"),
        JSON.stringify(reading),
      );
    }
  });
});

suite("content that changed", () => {
  const idsKey = (first: number): Uint8Array => concatBytes(utf8("d"), u64be(first));
  const blockKey = (first: number): Uint8Array => concatBytes(utf8("b"), u64be(first));
  const tileKey = (level: number, index: number): Uint8Array =>
    concatBytes(utf8("t"), Uint8Array.of(level), u64be(index));
  const flip = (at: number) => (bytes: Uint8Array) =>
    bytes.with(at < 0 ? bytes.length + at : at, bytes.at(at)! ^ 1);
  const cut = (length: number) => (bytes: Uint8Array) => bytes.slice(0, length);
  const remove = (): undefined => undefined;

  // Blocks begin at 0, 1, 201 and 251; the last one spans the tiles 0 and 1 of level 0.
  const cases: [what: string, key: Uint8Array, change: (bytes: Uint8Array) => Uint8Array | undefined][] = [
    ["a flipped bit in the head's root", utf8("h"), flip(-1)],
    ["a flipped bit in the head's size", utf8("h"), flip(7)],
    ["a head cut short", utf8("h"), cut(20)],
    ["a flipped bit in the head's last block", utf8("h"), flip(22)],
    ["a flipped bit in the last block's first entry", blockKey(251), flip(12)],
    ["a flipped bit in the last block's first length", blockKey(251), flip(1)],
    ["a last block cut short", blockKey(251), cut(1_000)],
    ["a last block without content", blockKey(251), cut(0)],
    ["no last block", blockKey(251), remove],
    ["a flipped bit in the unfinished tile", tileKey(0, 1), flip(0)],
    ["an unfinished tile cut short", tileKey(0, 1), cut(32)],
    ["no unfinished tile", tileKey(0, 1), remove],
    ["a flipped bit in the upper tile", tileKey(1, 0), flip(0)],
    ["no upper tile", tileKey(1, 0), remove],
    ["no full tile under the last block", tileKey(0, 0), remove],
    ["a flipped bit in the full tile under the last block", tileKey(0, 0), flip(-1)],
    ["no genesis", blockKey(0), remove],
    ["a genesis cut short", blockKey(0), cut(30)],
    ["a middle block without content", blockKey(1), cut(0)],
    ["a middle block with a wrong length inside", blockKey(1), flip(0)],
    ["no ids of a block", idsKey(1), remove],
    ["ids cut short", idsKey(251), cut(1_000)],
  ];
  for (const [what, key, change] of cases) {
    test(`${what} is refused`, async (t) => {
      const path = await database(t, [200, 50, 40]);
      const inside = open({ path, encoding: "binary", keyEncoding: "binary", noSubdir: false });
      const changed = change(Uint8Array.from(inside.getBinary(key)!));
      await (changed === undefined ? inside.remove(key) : inside.put(key, changed));
      await inside.close();
      const reading = await readWholeStore(path);
      assert.ok(isRefusal(reading), JSON.stringify(reading));
    });
  }
});
