/**
 * The journal by itself: what was appended comes back byte for byte, and nothing else does.
 */
import assert from "node:assert/strict";
import { readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { suite, test } from "node:test";
import fc from "fast-check";
import { concatBytes } from "../../src/base/bytes.ts";
import { sha256 } from "../../src/base/hash.ts";
import { Journal, readJournal } from "../../src/log/journal.ts";
import { type Scope, temporaryDirectory } from "../helpers/temporary-directory.ts";

const PAGE = 4_096;
const HEADER = 36;
const HALF = 8 * PAGE;
const FILE = PAGE + 2 * HALF;

/** A record that is unlike any other one of the same length. */
const record = (length: number, seed = length): Uint8Array =>
  Uint8Array.from({ length }, (_, i) => (7 * i + 31 * seed + (i >> 8)) % 256);

/** Pages full but for `spare` bytes. */
const fills = (pages: number, spare = 0): number => pages * PAGE - HEADER - spare;

async function journalOf(scope: Scope, records: readonly Uint8Array[]): Promise<string> {
  const path = join(temporaryDirectory(scope), "journal");
  const journal = new Journal(path, HALF);
  for (const each of records) {
    if (!journal.fits(each.length)) journal.turn();
    await journal.append(each);
  }
  await journal.close();
  return path;
}

/** What is read of a journal with these bytes. */
function readBytes(path: string, bytes: Uint8Array): Uint8Array[] {
  writeFileSync(path, bytes);
  return readJournal(path, HALF);
}

suite("records", () => {
  test("come back in order, whatever their lengths", async (t) => {
    const lengths = [1, 100, fills(1, 1), fills(1), fills(1) + 1, fills(2) - 1, fills(2)];
    for (const length of lengths) {
      const records = [record(3), record(length), record(5)];
      assert.deepEqual(readJournal(await journalOf(t, records), HALF), records);
    }
  });

  test("that fill a half fit, and one byte more does not", async (t) => {
    const path = join(temporaryDirectory(t), "journal");
    const journal = new Journal(path, HALF);
    t.after(() => journal.close());
    assert.ok(journal.fits(fills(8)) && !journal.fits(fills(8) + 1));
    await journal.append(record(fills(3) + 1));
    assert.ok(journal.fits(fills(4)) && !journal.fits(fills(4) + 1));
    await assert.rejects(journal.append(record(fills(4) + 1)), /fits into its half/);
    journal.turn();
    assert.equal(journal.half, 1);
    assert.ok(journal.fits(fills(8)));
  });

  test("of one half stay while the other is filled, and make way when it is their turn again", async (t) => {
    const halves = [1, 2, 3].map((seed) => [record(fills(3), seed), record(fills(4), seed)]);
    assert.deepEqual(
      readJournal(await journalOf(t, halves.slice(0, 2).flat()), HALF),
      halves.slice(0, 2).flat(),
    );
    assert.deepEqual(readJournal(await journalOf(t, halves.flat()), HALF), [...halves[2]!, ...halves[1]!]);
  });

  test("that are older than what lies before them are whole, or not there", async (t) => {
    const older = Array.from({ length: 16 }, (_, seed) => record(100, seed));
    for (let pages = 1; pages <= 8; pages++) {
      const newer = record(fills(pages), 99);
      const read = readJournal(await journalOf(t, [...older, newer]), HALF);
      assert.deepEqual(read, [newer, ...older.slice(pages, 8), ...older.slice(8)]);
    }
  });
});

test("a record that somebody planted in another one is none, wherever the journal ends", async (t) => {
  const other = new Uint8Array(readFileSync(await journalOf(t, [record(100)])));
  const planted = other.subarray(PAGE, 2 * PAGE);
  const unsealed = record(100);
  const hash = concatBytes(sha256(unsealed), Uint8Array.of(0, 0, 0, 100), unsealed);
  for (const page of [planted, concatBytes(hash, new Uint8Array(PAGE - hash.length))]) {
    // From the second page of the record on, each begins with a record.
    const carrier = concatBytes(record(PAGE - HEADER), ...Array<Uint8Array>(6).fill(page), record(1));
    const half = record(fills(8), 7);
    const path = await journalOf(t, [carrier, half, record(10)]);
    assert.deepEqual(readJournal(path, HALF), [record(10), half]);
  }
});

test("the file has its size from the first record on, and is for its owner alone", async (t) => {
  const path = await journalOf(t, [record(1)]);
  assert.equal(statSync(path).size, FILE);
  assert.equal(statSync(path).mode & 0o777, 0o600);
});

test("a journal that is used again has nothing of the one before", async (t) => {
  const path = await journalOf(
    t,
    Array.from({ length: 16 }, (_, seed) => record(100, seed)),
  );
  const journal = new Journal(path, HALF);
  assert.equal(readJournal(path, HALF).length, 16);
  await journal.append(record(7));
  await journal.close();
  assert.deepEqual(readJournal(path, HALF), [record(7)]);
});

test("where there is no file there are no records", (t) => {
  assert.deepEqual(readJournal(join(temporaryDirectory(t), "journal"), HALF), []);
});

suite("damage", () => {
  const first = record(fills(2), 1);
  const torn = record(fills(3), 2);
  const behind = record(50, 3);
  const otherHalf = record(fills(8), 4);

  async function written(scope: Scope): Promise<{ path: string; bytes: Uint8Array }> {
    const path = await journalOf(scope, [first, torn, behind, otherHalf]);
    return { path, bytes: new Uint8Array(readFileSync(path)) };
  }

  test("a record of which a part was written is not there, and all others are", async (t) => {
    const { path, bytes } = await written(t);
    const [begin, end] = [3 * PAGE, 6 * PAGE];
    for (const was of [new Uint8Array(3 * PAGE), record(3 * PAGE, 5)]) {
      for (let sectors = 0; sectors < 24; sectors++) {
        const cut = begin + 512 * sectors;
        const half = concatBytes(bytes.subarray(0, cut), was.subarray(cut - begin), bytes.subarray(end));
        assert.deepEqual(readBytes(path, half), [first, behind, otherHalf]);
      }
    }
  });

  test("a bit that is not what it was hides its record, and no other one", async (t) => {
    const { path, bytes } = await written(t);
    const inHeader = fc.integer({ min: 0, max: 8 * HEADER - 1 });
    const anywhere = fc.integer({ min: 0, max: 8 * (HEADER + torn.length) - 1 });
    fc.assert(
      fc.property(fc.oneof(inHeader, anywhere), (bit) => {
        const at = 3 * PAGE + (bit >> 3);
        const flipped = bytes.with(at, bytes[at]! ^ (1 << (bit & 7)));
        assert.deepEqual(readBytes(path, flipped), [first, behind, otherHalf]);
      }),
    );
  });

  test("of a file that was cut, all whole records before the cut are there", async (t) => {
    const { path, bytes } = await written(t);
    const ends = [3 * PAGE, 6 * PAGE, 6 * PAGE + HEADER + behind.length, FILE];
    const lengths = [0, 1, PAGE, PAGE + HEADER - 1, PAGE + HEADER, PAGE + HEADER + 1];
    for (const end of ends) lengths.push(end - 1, end, end + 1);
    for (const length of lengths) {
      const whole = ends.filter((end) => end <= length).length;
      const read = readBytes(path, bytes.subarray(0, length));
      assert.deepEqual(read, [first, torn, behind, otherHalf].slice(0, whole), `${length} bytes`);
    }
  });

  test("a file of any other bytes has no records", (t) => {
    const path = join(temporaryDirectory(t), "journal");
    const any = fc.oneof(
      fc.uint8Array({ maxLength: 200 }),
      fc.uint8Array({ minLength: HALF, maxLength: 3 * HALF }),
    );
    fc.assert(
      fc.property(any, (bytes) => assert.deepEqual(readBytes(path, bytes), [])),
      { numRuns: 50 },
    );
    assert.deepEqual(readBytes(path, new Uint8Array(FILE)), []);
    assert.deepEqual(readBytes(path, new Uint8Array(FILE).fill(0xff)), []);
  });
});
