import assert from "node:assert/strict";
import { test } from "node:test";
import { concatBytes, toHex } from "../../src/base/bytes.ts";
import { SequencerError } from "../../src/base/errors.ts";
import type { Log } from "../../src/log/log.ts";
import type { StoredRole } from "../../src/log/store.ts";
import { catchUp } from "../../src/replication/catch-up.ts";
import { type EntryChecker, HeadChecker } from "../../src/replication/entry-checker.ts";
import { Follower, type Stretch } from "../../src/replication/follower.ts";
import { accountOf } from "../helpers/accounts.ts";
import { entryAt } from "../helpers/stored-log.ts";
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
