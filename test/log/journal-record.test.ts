/**
 * Commits as bytes: what goes in comes out, and nothing else is taken for one.
 */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import fc from "fast-check";
import { RlpError } from "../../src/base/rlp.ts";
import { decodeRecord, encodeRecord, type JournaledCommit } from "../../src/log/journal-record.ts";
import { bytesOf, hostile } from "../helpers/arbitraries.ts";

const bytes = fc.uint8Array({ maxLength: 300 });
const number = fc.nat({ max: 2 ** 40 });
const record = fc
  .record({
    rootBefore: bytesOf(32),
    first: number,
    count: fc.integer({ min: 1, max: 4 }),
    entries: bytes,
    tiles: fc.array(
      fc.record({ level: fc.nat(5), index: number, hashes: bytes }, { noNullPrototype: true }),
      {
        maxLength: 3,
      },
    ),
    root: bytesOf(32),
    lastTimestamp: number,
    lastBlock: number,
    note: fc.option(fc.string({ minLength: 1, maxLength: 50, unit: "grapheme" }), { nil: undefined }),
  })
  .map(
    ({ rootBefore, first, count, entries, tiles, root, lastTimestamp, lastBlock, note }): JournaledCommit => {
      const ids = Uint8Array.from({ length: 32 * count }, (_, i) => i);
      const head = { size: first + count, root, lastTimestamp, lastBlock };
      const block = { first, count, entries, ids };
      return { rootBefore, commit: { block, tiles, roles: [], head, ...(note !== undefined && { note }) } };
    },
  );

suite("a commit as a record", () => {
  test("is the same commit when it is read", () => {
    fc.assert(fc.property(record, (each) => assert.deepEqual(decodeRecord(encodeRecord(each)), each)));
  });

  test("has one form: other bytes are refused, or are another commit's", () => {
    fc.assert(
      fc.property(hostile(record.map(encodeRecord)), (any) => {
        let read: JournaledCommit;
        try {
          read = decodeRecord(any);
        } catch (error) {
          assert.ok(error instanceof RlpError, String(error));
          return;
        }
        assert.deepEqual(encodeRecord(read), any);
      }),
      { numRuns: 1_000 },
    );
  });

  test("has entries", () => {
    const [each] = fc.sample(record, 1);
    const block = { ...each!.commit.block, count: 0, ids: new Uint8Array(0) };
    const bytes = encodeRecord({ ...each!, commit: { ...each!.commit, block } });
    assert.throws(() => decodeRecord(bytes), RlpError);
  });

  test("has no place for roles", () => {
    const [each] = fc.sample(record, 1);
    const roles = [{ account: new Uint8Array(20), role: 1 }];
    const commit = { ...each!.commit, roles };
    assert.throws(() => encodeRecord({ ...each!, commit }), /not journaled/);
  });
});
