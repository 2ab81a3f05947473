import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { toHex } from "../../src/base/bytes.ts";
import type { SignedHead } from "../../src/log/checkpoint.ts";
import type { Log, SealedBlock } from "../../src/log/log.ts";
import type { NodeReader } from "../../src/log/merkle.ts";
import type { EntryRun } from "../../src/log/packed-entries.ts";
import { HeadChecker } from "../../src/replication/entry-checker.ts";
import { Follower } from "../../src/replication/follower.ts";
import { blockMessage } from "../../src/replication/gossip.ts";
import type { SyncPeer } from "../../src/replication/panel.ts";
import { Replica } from "../../src/replication/replica.ts";
import { defer, within } from "../helpers/cleanup.ts";
import { entryAt } from "../helpers/stored-log.ts";
import { until } from "./episub/nodes.ts";
import { emptyReplica, flipped, otherEntryAt, peerOf, Source, silence } from "./logs.ts";

interface TestReplica {
  readonly log: Log;
  readonly follower: Follower;
  readonly replica: Replica;
  readonly conflicts: { head: SignedHead; node: NodeReader | undefined }[];
  readonly errors: unknown[];
  /** Resolves once the signed head has this size. */
  reached(size: number): Promise<void>;
  receive(payload: Uint8Array): string;
}

async function startReplica(
  t: TestContext,
  peers: () => readonly SyncPeer[],
  options: { readonly checker?: HeadChecker } = {},
): Promise<TestReplica> {
  const { log } = await emptyReplica();
  const follower = new Follower(log, options.checker ?? new HeadChecker(), () => undefined);
  const conflicts: TestReplica["conflicts"] = [];
  const errors: unknown[] = [];
  const replica = new Replica({
    log,
    follower,
    peers,
    onProgress: () => undefined,
    onConflict: (head, node) => conflicts.push({ head, node }),
    onEvidence: () => "ignore",
    onPrimary: () => undefined,
    onError: (error) => errors.push(error),
  });
  defer(t, () => replica.stop());
  const reached = (size: number): Promise<void> =>
    within(
      12_000,
      `a head of size ${size}`,
      new Promise<void>((resolve) => {
        if ((log.signed?.size ?? 0) >= size) return resolve();
        const stop = log.onPublish((head) => {
          if (head.size < size) return;
          stop();
          resolve();
        });
      }),
    );
  const receive = (payload: Uint8Array): string => {
    const verdict = replica.judge(payload);
    if (verdict === "accept") replica.deliver(payload);
    return verdict;
  };
  return { log, follower, replica, conflicts, errors, reached, receive };
}

test("blocks that come in order are stored as they come", async (t) => {
  const source = await Source.begin();
  const { receive, reached, log } = await startReplica(t, () => []);
  for (let i = 0; i < 5; i++) assert.equal(receive(await source.append(100)), "accept");
  await reached(501);
  assert.equal(toHex(log.committed.root), toHex(source.log.committed.root));
});

test("blocks that overtake each other are put in order without asking anybody", async (t) => {
  const source = await Source.begin();
  const peer = peerOf("a", source.log);
  const { receive, reached, log } = await startReplica(t, () => [peer]);
  await until("the first look at the peers is over", () => log.signed?.size === 1);
  const blocks = [await source.append(10), await source.append(10), await source.append(10)];
  for (const block of [blocks[2]!, blocks[1]!, blocks[0]!]) receive(block);
  await reached(31);
  assert.ok(peer.requests.every(({ kind }) => kind !== "entries"));
});

test("a gap is closed by range while later blocks wait, and they are stored after it", async (t) => {
  const source = await Source.begin();
  await source.append(3_000);
  const lost = await source.append(500);
  assert.ok(lost.length > 0);
  const behind = await Source.begin();
  await behind.append(3_000);
  await behind.append(500);
  const { receive, reached, log } = await startReplica(t, () => [peerOf("a", behind.log)]);
  receive(await source.append(10));
  await reached(3_511);
  assert.equal(toHex(log.committed.root), toHex(source.log.committed.root));
});

test("gossip is asked for no block that a catch-up brings, and for evidence all the same", async (t) => {
  const source = await Source.begin();
  await source.append(600);
  const served = Promise.withResolvers<void>();
  const peer = peerOf("a", source.log, async (answer) => {
    if (answer.kind === "entries") await served.promise;
    return answer;
  });
  const { replica, reached } = await startReplica(t, () => [peer]);
  const [block, evidence] = [900, 0].map((order) => ({ key: "", order }));
  await until("it catches up", () => replica.isKnown(block!));
  assert.equal(replica.isKnown(evidence!), false);
  served.resolve();
  await reached(601);
  await until("it has caught up", () => !replica.isKnown(block!));
});

test("a payload whose signature, entries or frontier are not right is rejected", async (t) => {
  const source = await Source.begin();
  await source.append(10);
  const block = await source.append(10);
  const { receive } = await startReplica(t, () => []);
  assert.equal(receive(flipped(block)), "reject");
  for (const at of [0, 8, 9, 10, 30, 200, 400]) {
    const changed = Uint8Array.from(block);
    changed[at]! ^= 1;
    assert.equal(receive(changed), "reject", `byte ${at}`);
  }
  assert.equal(receive(block), "accept");
});

test("a fork of a block that is stored is refused and accused; the log stays as it is", async (t) => {
  const source = await Source.begin();
  const other = await Source.begin();
  const { receive, reached, conflicts, log } = await startReplica(t, () => []);
  receive(await source.append(10));
  await reached(11);
  assert.equal(receive(await other.append(10, otherEntryAt)), "ignore");
  assert.equal(toHex(conflicts[0]!.head.root), toHex(other.log.signed!.root));
  assert.equal(receive(await other.append(10, otherEntryAt)), "ignore", "nor is what builds on it");
  assert.equal(toHex(log.committed.root), toHex(source.log.committed.root));
});

test("a gathered block whose entries differ from what is stored is accused and not stored", async (t) => {
  const source = await Source.begin();
  const other = await Source.begin();
  const { receive, reached, conflicts, log, follower } = await startReplica(t, () => []);
  receive(await source.append(10));
  await reached(11);
  const gathered: SealedBlock[] = [];
  other.log.onPublish((_, block) => gathered.push(block));
  await other.append(10, (sequence) => (sequence === 5 ? otherEntryAt(sequence) : entryAt(sequence)));
  await other.append(10);
  assert.equal(receive(blockMessage(other.log.signed!, gathered)), "accept");
  await until("the replica halts", () => follower.halted !== undefined);
  assert.equal(toHex(conflicts[0]!.head.root), toHex(other.log.signed!.root));
  assert.equal(toHex(log.committed.root), toHex(source.log.committed.root));
});

test("of two forks that arrive before either is stored one is stored and the other accused", async (t) => {
  const source = await Source.begin();
  const other = await Source.begin();
  const { receive, follower, conflicts, log } = await startReplica(t, () => []);
  receive(await source.append(10));
  receive(await other.append(10, otherEntryAt));
  await follower.idle();
  await within(1_000, "the accusation", new Promise((resolve) => setImmediate(resolve)));
  assert.equal(toHex(log.committed.root), toHex(source.log.committed.root));
  assert.deepEqual(
    conflicts.map(({ head }) => toHex(head.root)),
    [toHex(other.log.signed!.root)],
  );
});

test("a fork of a block that waits behind a gap is accused once the gap is closed", async (t) => {
  const source = await Source.begin();
  const other = await Source.begin();
  const first = await source.append(10);
  await other.append(10);
  const { receive, conflicts, reached } = await startReplica(t, () => []);
  receive(await source.append(10));
  receive(await other.append(10, otherEntryAt));
  receive(first);
  await reached(21);
  await within(1_000, "the accusation", new Promise((resolve) => setImmediate(resolve)));
  assert.equal(conflicts.length, 1);
});

test("a peer's head of another history is accused with the proof, and the replica stops following", async (t) => {
  const source = await Source.begin();
  const other = await Source.begin();
  const peers: SyncPeer[] = [];
  const { receive, reached, conflicts, follower, replica, errors } = await startReplica(t, () => peers);
  receive(await source.append(100));
  await other.append(50);
  await other.append(150, otherEntryAt);
  await reached(101);
  peers.push(peerOf("b", other.log));
  replica.catchUp();
  await until("the replica halts", () => follower.halted !== undefined);
  assert.deepEqual(
    conflicts.map(({ head, node }) => [head.size, node !== undefined]),
    [[201, true]],
  );
  assert.equal(errors.length, 1);
});

test("a writer that is slower than the network holds a bounded number of bytes, and gets everything in the end", async (t) => {
  const source = await Source.begin();
  const open = Promise.withResolvers<void>();
  class SlowChecker extends HeadChecker {
    override async check(run: EntryRun) {
      await open.promise;
      return await super.check(run);
    }
  }
  const peer = peerOf("a", source.log, async (answer) => {
    await open.promise;
    return answer;
  });
  const { receive, reached, log } = await startReplica(t, () => [peer], { checker: new SlowChecker() });
  const large = (sequence: number): Uint8Array => {
    const entry = new Uint8Array(60_000);
    entry.set(otherEntryAt(sequence).subarray(0, 9));
    return entry;
  };
  // 140 MB of live blocks: more than the queue of the writer and the waiting blocks may hold together.
  for (let i = 0; i < 140; i++) receive(await source.append(17, large));
  open.resolve();
  await reached(source.log.committed.size);
  assert.equal(toHex(log.committed.root), toHex(source.log.committed.root));
  assert.ok(
    peer.requests.some(({ kind }) => kind === "entries"),
    "what found no room was asked for again",
  );
});

test("a peer that never answers does not keep the replica from the others, nor from stopping", async (t) => {
  const source = await Source.begin();
  await source.append(300);
  const silent = peerOf("silent", source.log, () => silence(3_000));
  const { reached, replica } = await startReplica(t, () => [silent, peerOf("a", source.log)]);
  await reached(301);
  replica.catchUp();
  await within(1_000, "the end", replica.stop());
});

test("where no peer can serve the head that one of them shows, asking goes on without haste", async (t) => {
  const source = await Source.begin();
  await source.append(300);
  const peer = peerOf("a", source.log, (answer) =>
    answer.kind === "head" ? answer : { kind: "refusal", reason: "busy" },
  );
  const { log } = await startReplica(t, () => [peer]);
  await new Promise((resolve) => setTimeout(resolve, 2_500));
  assert.equal(log.signed, undefined);
  assert.ok(peer.requests.length <= 16, `${peer.requests.length} requests in two seconds and a half`);
});
