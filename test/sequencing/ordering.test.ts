/**
 * The ordering point: role, expiry, duplicates and the last admin are decided there, against everything ordered
 * before. Signatures are none of its business: submissions come verified.
 */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import fc from "fast-check";
import { utf8 } from "../../src/base/bytes.ts";
import { BLOCK_BYTES_MAX, BLOCK_ENTRIES_MAX } from "../../src/base/limits.ts";
import type { SignedHead } from "../../src/log/checkpoint.ts";
import type { TreeGrowth } from "../../src/log/growth.ts";
import { MemoryStore } from "../../src/log/memory-store.ts";
import { Permissions, type Role } from "../../src/permission/policy.ts";
import { Clock } from "../../src/sequencing/clock.ts";
import { type OrderedRun, Ordering } from "../../src/sequencing/ordering.ts";
import type { Outcome } from "../../src/sequencing/outcome.ts";
import { packSubmissions } from "../../src/sequencing/submissions.ts";
import {
  encodeOperation,
  type Operation,
  operationId,
  type SignedOperation,
} from "../../src/sequencing/transaction.ts";
import {
  type Account,
  accountOf,
  newWriter,
  operator,
  permissionChangeOf,
  stranger,
  transactionOf,
  writer,
} from "../helpers/accounts.ts";
import { checkLog } from "../helpers/check-log.ts";
import { appended, LIFETIME_MS, ManualTime, refusal, settled, startPipeline } from "../helpers/pipeline.ts";
import { genesis, storedLog } from "../helpers/stored-log.ts";

async function orderingOf(time = new ManualTime()) {
  const store = new MemoryStore();
  const log = await storedLog(store, [], genesis);
  const ordering = new Ordering(log, Permissions.fromRoles(store.roles()), new Clock(time));
  let nonce = 0n;
  /** Orders the operation; the refusal if there is one, undefined if it waits for its block. */
  const order = (operation: Operation): Outcome | undefined => {
    let outcome: Outcome | undefined;
    const signed = { ...operation, signature: new Uint8Array(65) };
    const settle = (settledAs: Outcome): void => {
      outcome = settledAs;
    };
    const id = operationId(log.context, operation);
    ordering.order(packSubmissions([{ payload: encodeOperation(signed), operation: signed, id, settle }]), 0);
    return outcome;
  };
  const write = (
    from: Account,
    fields: { expires?: number; data?: Uint8Array } = {},
  ): Outcome | undefined => {
    const { expires = time.wall(), data = utf8("data") } = fields;
    return order({ type: "transaction", from: from.address, nonce: nonce++, expires, data });
  };
  const grant = (from: Account, account: Account, role: Role): Outcome | undefined =>
    order({
      type: "permission",
      from: from.address,
      nonce: nonce++,
      expires: time.wall(),
      account: account.address,
      role,
    });
  return { ordering, order, write, grant, time, log };
}

suite("roles", () => {
  test("a change counts for whatever is ordered behind it, committed or not", async () => {
    const { ordering, write, grant } = await orderingOf();
    assert.equal(refusal(write(newWriter)), "not-permitted");
    assert.equal(grant(operator, newWriter, "writer"), undefined);
    assert.equal(write(newWriter), undefined);
    assert.equal(grant(operator, newWriter, "none"), undefined);
    assert.equal(refusal(write(newWriter)), "not-permitted");
    assert.equal(ordering.queued, 3);
  });

  test("admins may write, writers may not administer", async () => {
    const { write, grant } = await orderingOf();
    assert.equal(write(operator), undefined);
    assert.equal(refusal(grant(writer, newWriter, "writer")), "not-permitted");
    assert.equal(refusal(grant(stranger, stranger, "admin")), "not-permitted");
  });

  test("a change that changes nothing is ordered", async () => {
    const { grant } = await orderingOf();
    assert.equal(grant(operator, writer, "writer"), undefined);
    assert.equal(grant(operator, stranger, "none"), undefined);
  });

  test("the last admin stays, whoever asks; of two that remove each other, the first one does", async () => {
    const { grant } = await orderingOf();
    for (const role of ["none", "writer"] as const)
      assert.equal(refusal(grant(operator, operator, role)), "last-admin");
    assert.equal(grant(operator, newWriter, "admin"), undefined);
    assert.equal(grant(operator, newWriter, "none"), undefined);
    assert.equal(refusal(grant(newWriter, operator, "none")), "not-permitted");
    assert.equal(refusal(grant(operator, operator, "none")), "last-admin");
  });
});

suite("time", () => {
  test("expiry is decided when it is ordered, to the millisecond", async () => {
    const { write, time } = await orderingOf();
    const expires = time.wall() + 10;
    time.advance(10);
    assert.equal(write(writer, { expires }), undefined);
    time.advance(1);
    const expired = write(writer, { expires });
    assert.equal(refusal(expired), "expired");
    const now = time.wall();
    const times = { serverTime: now, maxExpires: now + LIFETIME_MS };
    assert.ok(expired instanceof Error);
    assert.deepEqual(expired.data, { reason: "expired", ...times });
    assert.equal(write(writer, { expires: now + LIFETIME_MS }), undefined);
    const tooLate = write(writer, { expires: now + LIFETIME_MS + 1 });
    assert.ok(tooLate instanceof Error);
    assert.deepEqual(tooLate.data, { reason: "expires-too-late", ...times });
  });

  test("timestamps never decrease, though the clock went back a little", async () => {
    const { ordering, write, time } = await orderingOf();
    const expires = time.wall() + 5_000;
    for (const ms of [100, -50, 20, 0, 40]) {
      time.jump(ms);
      assert.equal(write(writer, { expires }), undefined);
    }
    const { log } = await orderingOf();
    const base = log.committed.lastTimestamp;
    assert.deepEqual(
      ordering.takeBlock().map(({ timestamp }) => timestamp - base),
      [100, 100, 100, 100, 110],
    );
  });

  test("what expired before the last entry's timestamp is expired, whatever the clock says", async () => {
    const { write, time } = await orderingOf();
    const expires = time.wall() + 50;
    time.jump(100);
    assert.equal(write(writer), undefined);
    time.jump(-100);
    assert.equal(refusal(write(writer, { expires })), "expired");
  });

  test("nothing is ordered while the clocks part, and again once they agree", async () => {
    const { write, time } = await orderingOf();
    for (const ms of [1_001, -1_001]) {
      time.jump(ms);
      assert.equal(refusal(write(writer)), "clock-jump");
      time.jump(-ms);
    }
    assert.equal(write(writer), undefined);
  });
});

suite("blocks", () => {
  test("hold at most 4,096 entries", async () => {
    const { ordering, write } = await orderingOf();
    for (let i = 0; i < BLOCK_ENTRIES_MAX + 3; i++) assert.equal(write(writer), undefined);
    assert.deepEqual(
      [ordering.takeBlock(), ordering.takeBlock(), ordering.takeBlock()].map(({ length }) => length),
      [4_096, 3, 0],
    );
  });

  test("hold at most 1 MiB, in order and without gaps", async () => {
    const { ordering, write } = await orderingOf();
    for (let i = 0; i < 40; i++) assert.equal(write(writer, { data: new Uint8Array(65_400) }), undefined);
    let next = 1;
    while (ordering.queued > 0) {
      const runs = ordering.takeBlock();
      assert.ok(runs.length > 0);
      const bytes = runs.map(({ submissions, from, to }) => submissions.batch.payloadBytes(from, to) + 8);
      assert.ok(bytes.reduce((sum, length) => sum + length, 0) <= BLOCK_BYTES_MAX);
      for (const { sequence } of runs) assert.equal(sequence, next++);
    }
    assert.equal(next, 41);
  });
});

suite("runs", () => {
  /** Orders all of a request with as many writes as there are flags, and a permission change wherever one is set. */
  async function ordered(changes: readonly boolean[], dataBytes = 1) {
    const { ordering, log, time } = await orderingOf();
    const outcomes: Outcome[] = [];
    const fields = { expires: time.wall(), data: new Uint8Array(dataBytes) };
    const submissions = packSubmissions(
      changes.map((isChange, i) => {
        const operation: SignedOperation = {
          ...(isChange
            ? { type: "permission", from: operator.address, account: newWriter.address, role: "writer" }
            : { type: "transaction", from: writer.address, data: fields.data }),
          nonce: BigInt(i),
          expires: fields.expires,
          signature: new Uint8Array(65),
        };
        return {
          payload: encodeOperation(operation),
          operation,
          id: operationId(log.context, operation),
          settle: (outcome) => {
            outcomes[i] = outcome;
          },
        };
      }),
    );
    const order = (from = 0, to = changes.length): void => {
      for (let i = from; i < to; i++) ordering.order(submissions, i);
    };
    return { ordering, order, outcomes, submissions, time };
  }
  const placesOf = (runs: readonly OrderedRun[]): number[][] =>
    runs.map(({ from, to, sequence }) => [from, to, sequence]);

  test("hold neighbours of a request of one moment; a permission change is one of its own", async () => {
    const { ordering, order } = await ordered([false, false, true, false, false]);
    order();
    assert.equal(ordering.queued, 5);
    assert.deepEqual(placesOf(ordering.takeBlock()), [
      [0, 2, 1],
      [2, 3, 3],
      [3, 5, 4],
    ]);
  });

  test("end where a place was refused, where time went on, and where a block was taken", async () => {
    const { ordering, order, time } = await ordered(new Array(6).fill(false));
    order(0, 1);
    assert.deepEqual(placesOf(ordering.takeBlock()), [[0, 1, 1]]);
    order(0, 3);
    time.jump(2_000);
    order(3, 4);
    time.jump(-2_000);
    order(4, 5);
    assert.deepEqual(placesOf(ordering.takeBlock()), [
      [1, 3, 2],
      [4, 5, 4],
    ]);
  });

  test("are cut where a block is full, and nothing is lost", async () => {
    const { ordering, order } = await ordered(new Array(40).fill(false), 65_400);
    order();
    assert.equal(ordering.hasFullBlock, true);
    assert.deepEqual([ordering.takeBlock(), ordering.takeBlock(), ordering.takeBlock()].map(placesOf), [
      [[0, 16, 1]],
      [[16, 32, 17]],
      [[32, 40, 33]],
    ]);
    assert.equal(ordering.queued, 0);
  });

  test("answer repeats of any of their entries together with it", async () => {
    const { ordering, order, outcomes, submissions } = await ordered(new Array(5).fill(false));
    order();
    const answers: Outcome[] = [];
    for (const i of [3, 1, 3]) {
      assert.ok(ordering.answerRepeat(submissions.batch.id(i), (outcome) => answers.push(outcome)));
    }
    const head = { size: 6 } as SignedHead;
    ordering.published(ordering.takeBlock(), { head, growth: { size: 6 } as TreeGrowth });
    assert.deepEqual(
      outcomes.map((outcome) => appended(outcome).sequence),
      [1, 2, 3, 4, 5],
    );
    assert.deepEqual(answers, [outcomes[1], outcomes[3], outcomes[3]]);
  });
});

suite("any operations of any accounts", () => {
  const accounts = [operator, writer, newWriter, accountOf(0x66)];
  const step = fc.record({
    from: fc.nat(3),
    to: fc.nat(3),
    role: fc.constantFrom<Role>("none", "writer", "admin"),
    isChange: fc.boolean(),
    nonce: fc.bigInt(0n, 1n),
    advance: fc.nat(30),
    expiresIn: fc.integer({ min: -20, max: 60 }),
  });

  test("leave a log that an auditor finds valid, and the permissions that its entries give", async (t) => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 25 }), async (steps) => {
        const pipeline = await startPipeline(t);
        const { log, time, store, ordering } = pipeline;
        for (const { from, to, role, isChange, nonce, advance, expiresIn } of steps) {
          time.advance(advance);
          const signed = { nonce, expires: time.wall() + expiresIn };
          const payload = isChange
            ? permissionChangeOf(log.context, accounts[from]!, {
                ...signed,
                account: accounts[to]!.address,
                role,
              })
            : transactionOf(log.context, accounts[from]!, { ...signed, data: new Uint8Array(1) });
          void pipeline.submit(payload);
        }
        await settled();
        assert.equal(pipeline.intake.transactions, 0);
        checkLog(log);
        const listing = (permissions: Permissions): string[] =>
          [...permissions].map(({ account, role }) => `${account} ${role}`).sort();
        assert.deepEqual(listing(ordering.permissions), listing(Permissions.fromRoles(store.roles())));
      }),
      { numRuns: 25 },
    );
  });
});
