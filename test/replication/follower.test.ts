import assert from "node:assert/strict";
import { test } from "node:test";
import { concatBytes, toHex } from "../../src/base/bytes.ts";
import { SequencerError } from "../../src/base/errors.ts";
import { Log } from "../../src/log/log.ts";
import { MemoryStore } from "../../src/log/memory-store.ts";
import type { Commit, StoredRole } from "../../src/log/store.ts";
import { openBlock } from "../../src/replication/block-messages.ts";
import { catchUp } from "../../src/replication/catch-up.ts";
import { type EntryChecker, HeadChecker } from "../../src/replication/entry-checker.ts";
import { Follower, type Stretch } from "../../src/replication/follower.ts";
import { accountOf } from "../helpers/accounts.ts";
import { entryAt, storedLog } from "../helpers/stored-log.ts";
import { emptyReplica, otherEntryAt, peerOf, Source } from "./logs.ts";

function stretch(log: Log, first: number, end: number): Stretch {
  const pieces = Array.from(log.pieces(first, end), ({ entries }) => entries);
  return { first, count: end - first, entries: concatBytes(...pieces) };
}

test("stretches that overlap what is stored add only what is new", async () => {
  const source = await Source.begin();
  await source.append(20);
  const { log, follower } = await emptyReplica();
  await follower.extend(stretch(source.log, 1, 11));
  await follower.extend(stretch(source.log, 5, 9));
  await follower.extend({ ...stretch(source.log, 3, 21), head: source.log.signed! });
  assert.equal(log.committed.size, 21);
  assert.equal(toHex(log.signed!.root), toHex(source.log.committed.root));
});

test("a stretch behind a gap is refused, and the follower goes on", async () => {
  const source = await Source.begin();
  await source.append(20);
  const { log, follower } = await emptyReplica();
  await assert.rejects(follower.extend(stretch(source.log, 5, 9)), { code: "internal" });
  await follower.extend(stretch(source.log, 1, 9));
  assert.equal(log.committed.size, 9);
});

test("entries that do not give the head are not stored, and nothing is stored after them", async () => {
  const source = await Source.begin();
  const other = await Source.begin();
  await source.append(5);
  await other.append(5, otherEntryAt);
  const { log, follower } = await emptyReplica();
  await assert.rejects(follower.extend({ ...stretch(source.log, 1, 6), head: other.log.signed! }), {
    code: "equivocation",
  });
  assert.equal(log.committed.size, 1);
  await assert.rejects(follower.extend(stretch(source.log, 1, 6)), { code: "equivocation" });
});

test("a head within the log that is not its own is a contradiction", async () => {
  const source = await Source.begin();
  const other = await Source.begin();
  await source.append(5);
  await other.append(3, otherEntryAt);
  const { follower } = await emptyReplica();
  await follower.extend({ ...stretch(source.log, 1, 6), head: source.log.signed! });
  await assert.rejects(follower.publish(other.log.signed!), { code: "equivocation" });
});

test("an entry that is not valid halts the follower before it is stored", async () => {
  const source = await Source.begin();
  await source.append(5);
  const { log } = await emptyReplica();
  const checker: EntryChecker = {
    check: ({ first }) => Promise.reject(new SequencerError("verification", `entry ${first} is wrong`)),
  };
  const follower = new Follower(log, checker, () => assert.fail("nothing is stored"));
  await assert.rejects(follower.extend(stretch(source.log, 1, 3)), { code: "verification" });
  assert.equal((follower.halted as SequencerError).code, "verification");
  assert.equal(log.committed.size, 1);
});

test("roles that were set in blocks without a head of their own are told with the head that covers them", async () => {
  const source = await Source.begin();
  await source.append(4_096);
  await source.append(4_096);
  const { log } = await emptyReplica();
  const [one, two] = [accountOf(1).address, accountOf(2).address];
  const changes = new Map<number, StoredRole>([
    [10, { account: one, role: 1 }],
    [20, { account: two, role: 1 }],
    [5_000, { account: one, role: 0 }],
  ]);
  const checker = new HeadChecker();
  const follower = new Follower(
    log,
    {
      check: async (run) => ({
        ...(await checker.check(run)),
        roles: [...changes].flatMap(([at, role]) =>
          at >= run.first && at < run.first + run.count ? [role] : [],
        ),
      }),
    },
    () => undefined,
  );
  const told: StoredRole[] = [];
  log.onPublish((_, { roles }) => told.push(...roles));
  await catchUp({ log, follower, head: source.log.signed!, peers: () => [peerOf("a", source.log)] });
  assert.deepEqual(told, [
    { account: one, role: 0 },
    { account: two, role: 1 },
  ]);
});

test("a head that is published after its entries are stored tells the listeners too", async () => {
  const source = await Source.begin();
  await source.append(5);
  const { log, follower } = await emptyReplica();
  await follower.extend(stretch(source.log, 1, 6));
  const told: number[] = [];
  log.onPublish(({ size }) => told.push(size));
  await follower.publish(source.log.signed!);
  await follower.publish(source.log.signed!);
  assert.deepEqual(told, [6]);
  assert.deepEqual(log.entry(5).entry, entryAt(5));
});

/** The blocks of a source as a replica hands them to its writer. */
async function liveBlocks(source: Source, counts: readonly number[]): Promise<Stretch[]> {
  const blocks: Stretch[] = [];
  for (const count of counts) {
    const { block, head, growth } = openBlock(await source.append(count), source.log.checkpoints)!;
    blocks.push({ ...block, head, growth });
  }
  return blocks;
}

test("live blocks that queue up behind a commit are stored in one, under the newest head", async () => {
  const source = await Source.begin();
  const { log, follower, stored } = await emptyReplica();
  const heads: number[] = [];
  log.onPublish(({ size }) => heads.push(size));
  const [first, ...others] = await liveBlocks(source, [5, 6, 7, 8]);
  const extended = [follower.extend(stretch(source.log, 1, 2)), follower.extend(first!)];
  extended.push(...others.map((block) => follower.extend(block)));
  await Promise.all(extended);
  assert.deepEqual(
    stored.map(({ growth }) => [growth.first, growth.size]),
    [
      [1, 2],
      [2, 6],
      [6, 27],
    ],
  );
  assert.deepEqual(heads, [6, 27]);
  assert.equal(toHex(log.committed.root), toHex(source.log.committed.root));
  for (let i = 1; i < 27; i++) assert.deepEqual(log.entry(i).entry, entryAt(i));
  assert.equal(toHex(log.rootAt(12)), toHex(source.log.rootAt(12)));
});

test("blocks are stored together up to what one block may hold", async () => {
  const source = await Source.begin();
  const { log, follower, stored } = await emptyReplica();
  const blocks = await liveBlocks(source, [2_000, 2_000, 97, 4_000, 96]);
  await Promise.all(blocks.map((block) => follower.extend(block)));
  assert.deepEqual(
    stored.map(({ growth }) => growth.size - growth.first),
    [4_000, 4_097 - 4_000, 4_096],
  );
  assert.equal(toHex(log.committed.root), toHex(source.log.committed.root));
});

test("a block of another history in the queue is not stored with those before it, nor is what follows it", async () => {
  const source = await Source.begin();
  const other = await Source.begin();
  const { log, follower } = await emptyReplica();
  const [one, two] = await liveBlocks(source, [5, 5]);
  await other.append(10, otherEntryAt);
  const [fork] = await liveBlocks(other, [5]);
  const results = [one!, two!, fork!, fork!].map((block) => follower.extend(block));
  await results[0];
  await results[1];
  await assert.rejects(results[2]!, { code: "equivocation" });
  await assert.rejects(results[3]!, { code: "equivocation" });
  assert.equal(toHex(log.committed.root), toHex(source.log.rootAt(11)));
});

test("an entry that is not valid keeps its block out, and lets those before it in", async () => {
  const source = await Source.begin();
  const { log } = await emptyReplica();
  const checker = new HeadChecker();
  const follower = new Follower(
    log,
    {
      check: async (run) => {
        if (run.first === 11) throw new SequencerError("verification", "entry 11 is wrong");
        return await checker.check(run);
      },
    },
    () => undefined,
  );
  const results = (await liveBlocks(source, [5, 5, 5, 5])).map((block) => follower.extend(block));
  await results[0];
  await results[1];
  await assert.rejects(results[2]!, { code: "verification" });
  await assert.rejects(results[3]!, { code: "verification" });
  assert.equal(log.signed?.size, 11);
});

test("a commit that fails in the middle leaves the log at the one before, and nothing is said to be stored", async () => {
  const source = await Source.begin();
  class FailingStore extends MemoryStore {
    override async commit(commit: Commit): Promise<void> {
      if (commit.head.size > 6) throw new SequencerError("store", "the disk is gone");
      await super.commit(commit);
    }
  }
  const store = new FailingStore();
  const log = await storedLog(store, []);
  const told: number[] = [];
  const follower = new Follower(log, new HeadChecker(), ({ growth }) => told.push(growth.size));
  const [first, ...others] = await liveBlocks(source, [5, 5, 5]);
  await follower.extend(first!);
  const results = others.map((block) => follower.extend(block));
  for (const result of results) await assert.rejects(result, { code: "store" });
  assert.deepEqual(told, [6]);
  assert.equal(log.signed?.size, 6);
  const reopened = Log.open(store)!;
  assert.equal(toHex(reopened.committed.root), toHex(source.log.rootAt(6)));
  assert.equal(reopened.storedHead()?.size, 6);
});
