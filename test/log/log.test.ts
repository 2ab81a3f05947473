/**
 * The log over its store: heads, reading, proofs, and who hears of what.
 */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import fc from "fast-check";
import { concatBytes, toHex } from "../../src/base/bytes.ts";
import type { SignedHead } from "../../src/log/checkpoint.ts";
import { Log } from "../../src/log/log.ts";
import { MemoryStore } from "../../src/log/memory-store.ts";
import { EMPTY_ROOT, leafHash } from "../../src/log/merkle.ts";
import { packEntries } from "../../src/log/packed-entries.ts";
import { verifyConsistency, verifyInclusion } from "../../src/log/proof.ts";
import { CheckpointSigner } from "../../src/sequencing/checkpoint-signer.ts";
import { operator } from "../helpers/accounts.ts";
import { referenceRoot } from "../helpers/merkle-reference.ts";
import { entryAt, genesis, genesisEntry, idAt, START, sealNext, storedLog } from "../helpers/stored-log.ts";

const sign = (log: Log): SignedHead =>
  new CheckpointSigner(log.genesis, log.context, operator.key).sign(log.committed);
const entries = [genesisEntry, ...Array.from({ length: 699 }, (_, i) => entryAt(i + 1))];

suite("a new log", () => {
  test("has genesis as its only entry, whose leaf hash is its id and root", async () => {
    const log = await storedLog(new MemoryStore(), []);
    assert.equal(log.committed.size, 1);
    assert.equal(log.committed.lastTimestamp, START);
    assert.equal(toHex(log.logId), toHex(leafHash(genesisEntry)));
    assert.equal(toHex(log.committed.root), toHex(log.logId));
    assert.deepEqual(log.genesis, genesis);
    assert.equal(toHex(log.idOf(0)), `0x${"00".repeat(32)}`);
    assert.equal(log.signed, undefined);
  });
});

suite("reading", () => {
  test("entries come back from any range, whole or in stored pieces, whatever the blocks are", async () => {
    const blockSizes = fc.array(fc.integer({ min: 1, max: 120 }), { minLength: 1, maxLength: 5 });
    await fc.assert(
      fc.asyncProperty(blockSizes, fc.nat(), fc.nat(), async (sizes, a, b) => {
        const log = await storedLog(new MemoryStore(), sizes);
        const { size } = log.committed;
        const [from = 0, to = 0] = [a % (size + 1), b % (size + 1)].sort((x, y) => x - y);
        const read = [...log.entries(from, to)];
        assert.deepEqual(
          read.map(({ sequence }) => sequence),
          Array.from({ length: to - from }, (_, i) => from + i),
        );
        assert.equal(
          toHex(packEntries(read.map(({ entry }) => entry))),
          toHex(packEntries(entries.slice(from, to))),
        );
        assert.equal(
          toHex(concatBytes(...Array.from(log.pieces(from, to), (piece) => piece.entries))),
          toHex(packEntries(entries.slice(from, to))),
        );
      }),
      { numRuns: 20 },
    );
  });

  test("a piece ends with its block or where it was asked to", async () => {
    const log = await storedLog(new MemoryStore(), [3, 10, 1]);
    const sizes = [0, 1, 3, 4, 13, 14].map((sequence) => log.piece(sequence, 15).count);
    assert.deepEqual(sizes, [1, 3, 1, 10, 1, 1]);
    assert.equal(log.piece(5, 9).count, 4);
  });

  test("an entry beyond the committed log is damage, not a wrong answer", async () => {
    const log = await storedLog(new MemoryStore(), [3]);
    assert.throws(() => log.entry(4), { code: "store" });
  });
});

suite("proofs", () => {
  test("every size has its root, and any two sizes their proofs", async () => {
    const log = await storedLog(new MemoryStore(), [100, 200, 1, 300]);
    const leaves = entries.map(leafHash);
    const sizes = fc.tuple(fc.nat(602), fc.nat(602)).map((pair) => pair.sort((x, y) => x - y));
    assert.equal(toHex(log.rootAt(0)), toHex(EMPTY_ROOT));
    fc.assert(
      fc.property(sizes, fc.nat(), ([from = 0, to = 0], pick) => {
        assert.equal(toHex(log.rootAt(to)), toHex(referenceRoot(leaves.slice(0, to))));
        const consistency = log.consistencyProof(from, to);
        assert.ok(verifyConsistency(from, to, log.rootAt(from), log.rootAt(to), consistency));
        if (to === 0) return;
        const index = pick % to;
        assert.ok(verifyInclusion(index, to, leaves[index]!, log.inclusionProof(index, to), log.rootAt(to)));
      }),
      { numRuns: 40 },
    );
  });
});

suite("heads", () => {
  test("listeners hear of every published block, in order, until they stop", async () => {
    const log = await storedLog(new MemoryStore(), []);
    const heard: number[] = [];
    const stop = log.onPublish((head, { growth }) => {
      assert.equal(log.signed, head, "what a listener hears of is served already");
      heard.push(growth.first, head.size);
    });
    for (const count of [2, 5]) {
      const block = sealNext(log, count);
      await log.commit(block);
      log.publish(sign(log), block);
    }
    stop();
    const block = sealNext(log, 1);
    await log.commit(block);
    log.publish(sign(log), block);
    assert.deepEqual(heard, [1, 3, 3, 8]);
    assert.equal(log.signed?.size, 9);
  });

  test("a head beyond what is committed is never served", async () => {
    const log = await storedLog(new MemoryStore(), [3]);
    const head = sign(log);
    assert.throws(() => log.restore({ ...head, size: 5 }), { name: "AssertionError" });
    assert.equal(log.signed, undefined);
  });

  test("ids are answered only under the signed head", async () => {
    const log = await storedLog(new MemoryStore({ idIndex: true }), [3]);
    assert.equal(log.sequenceOf(idAt(2)), undefined);
    log.restore(sign(log));
    assert.equal(log.sequenceOf(idAt(2)), 2);
    await log.commit(sealNext(log, 2));
    assert.equal(log.sequenceOf(idAt(5)), undefined);
  });

  test("a stored note is read back if it is this log's", async () => {
    const store = new MemoryStore();
    const log = await storedLog(store, []);
    const { note } = sign(log);
    await log.commit(sealNext(log, 1), note);
    assert.equal(Log.open(store)!.storedHead()?.note, note);
    await log.commit(sealNext(log, 1), note.replace("\n1\n", "\n2\n"));
    assert.equal(Log.open(store)!.storedHead(), undefined);
  });
});
