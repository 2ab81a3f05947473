/**
 * The index of recent ids against a map that forgets nothing.
 */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import fc from "fast-check";
import { concatBytes, u64be } from "../../src/base/bytes.ts";
import { sha256 } from "../../src/base/hash.ts";
import { MemoryStore } from "../../src/log/memory-store.ts";
import { Permissions } from "../../src/permission/policy.ts";
import { Clock } from "../../src/sequencing/clock.ts";
import { IdIndex } from "../../src/sequencing/id-index.ts";
import { Ordering } from "../../src/sequencing/ordering.ts";
import { packSubmissions } from "../../src/sequencing/submissions.ts";
import { decodeOperation } from "../../src/sequencing/transaction.ts";
import { transactionOf, writer } from "../helpers/accounts.ts";
import { ManualTime } from "../helpers/pipeline.ts";
import { genesis, idAt, storedLog } from "../helpers/stored-log.ts";

const RETENTION_MS = 1_000;
const hashed = (n: number): Uint8Array => sha256(u64be(n));

/** An index over a log of ids, and its entry's id by sequence number. */
function indexOf(retentionMs = RETENTION_MS) {
  const log: Uint8Array[] = [];
  const index = new IdIndex(retentionMs, (sequence) => log[sequence]!);
  const add = (id: Uint8Array, timestamp: number): void => {
    index.add(id, log.length, timestamp);
    log.push(id);
  };
  return { index, add, log };
}

suite("finding", () => {
  test("every id within the retention is found at its sequence number, and no other", () => {
    const { index, add, log } = indexOf();
    for (let i = 0; i < 30_000; i++) add(hashed(i), i / 100);
    for (const [sequence, id] of log.entries()) assert.equal(index.find(id), sequence);
    for (let i = 30_000; i < 40_000; i++) assert.equal(index.find(hashed(i)), undefined);
    assert.equal(index.size, 30_000);
  });

  test("ids that collide in fingerprint, slot or both are told apart", () => {
    const part = (n: number): Uint8Array => u64be(n).subarray(4);
    const id = fc
      .tuple(fc.constantFrom(0, 1, 2), fc.constantFrom(0, 1, 4_095, 4_096, 2 ** 32 - 1), fc.nat(9))
      .map(([fingerprint, slot, rest]) =>
        concatBytes(part(fingerprint), part(slot), new Uint8Array(24).fill(rest)),
      );
    fc.assert(
      fc.property(fc.array(id, { maxLength: 60 }), fc.array(id, { maxLength: 20 }), (ids, others) => {
        const { index, add } = indexOf();
        const expected = new Map<string, number>();
        for (const each of ids) {
          if (expected.has(String(each))) continue;
          expected.set(String(each), expected.size);
          add(each, 0);
        }
        for (const each of [...ids, ...others]) assert.equal(index.find(each), expected.get(String(each)));
      }),
    );
  });
});

suite("forgetting", () => {
  test("nothing within the retention is ever forgotten, whatever the traffic", () => {
    const burst = fc.record({ count: fc.integer({ min: 1, max: 4_000 }), pause: fc.nat(1_500) });
    fc.assert(
      fc.property(fc.array(burst, { minLength: 1, maxLength: 12 }), (bursts) => {
        const { index, add, log } = indexOf();
        const times: number[] = [];
        let now = 0;
        for (const { count, pause } of bursts) {
          now += pause;
          for (let i = 0; i < count; i++) {
            add(hashed(log.length), now);
            times.push(now);
          }
        }
        log.forEach((id, sequence) => {
          const found = index.find(id);
          assert.ok(found === sequence || (found === undefined && times[sequence]! < now - RETENTION_MS));
        });
      }),
      { numRuns: 12 },
    );
  });

  test("what is older is given up, so that it does not grow with the log", () => {
    const { index, add } = indexOf();
    for (let i = 0; i < 200_000; i++) add(hashed(i), i);
    assert.ok(index.size < 20_000, String(index.size));
    assert.equal(index.find(hashed(0)), undefined);
    assert.equal(index.find(hashed(199_999)), 199_999);
  });
});

suite("rebuilding from a log", () => {
  const orderingOver = async (...blockSizes: readonly number[]) => {
    const store = new MemoryStore();
    const log = await storedLog(store, blockSizes, { ...genesis, maxTransactionLifetimeMs: 1_000 });
    const time = new ManualTime();
    const ordering = new Ordering(log, Permissions.fromRoles(store.roles()), new Clock(time));
    return { log, time, ordering };
  };

  test("finds every entry of twice the lifetime, and not genesis", async () => {
    const { ordering } = await orderingOver(1_000, 1, 1_500, 700);
    for (const sequence of [1_201, 1_202, 2_501, 2_502, 3_201]) {
      assert.equal(ordering.sequenceOf(idAt(sequence)), sequence);
    }
    assert.equal(ordering.sequenceOf(idAt(3_202)), undefined);
    assert.equal(ordering.sequenceOf(new Uint8Array(32)), undefined);
  });

  test("counts each entry of a block by its own timestamp, so that none is forgotten early", async () => {
    // One block spans more than the retention of two seconds: its first entries are old when its last are new.
    const { ordering, log, time } = await orderingOver(1, 2_100);
    const recent = 2_040;
    time.advance(recent + 1_000);
    const operation = decodeOperation(
      transactionOf(log.context, writer, { nonce: 0n, expires: time.wall(), data: new Uint8Array(1) }),
    );
    const settle = (): void => assert.fail("refused");
    for (let i = 0; i < 4_100; i++) {
      ordering.order(packSubmissions([{ payload: new Uint8Array(1), operation, id: hashed(i), settle }]), 0);
    }
    assert.equal(ordering.queued, 4_100);
    assert.equal(ordering.sequenceOf(idAt(recent)), recent);
  });
});
