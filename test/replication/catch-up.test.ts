import assert from "node:assert/strict";
import { test } from "node:test";
import { toHex } from "../../src/base/bytes.ts";
import type { NodeReader } from "../../src/log/merkle.ts";
import { packEntries } from "../../src/log/packed-entries.ts";
import { catchUp } from "../../src/replication/catch-up.ts";
import { within } from "../helpers/cleanup.ts";
import { entryAt } from "../helpers/stored-log.ts";
import { emptyReplica, lie, otherEntryAt, peerOf, Source, silence } from "./logs.ts";

async function sourceOf(...blockSizes: readonly number[]): Promise<Source> {
  const source = await Source.begin();
  for (const count of blockSizes) await source.append(count);
  return source;
}

test("a catch-up stores every entry of the head's tree and publishes the head", async () => {
  for (const size of [1, 2, 255, 256, 257, 4_100, 10_000]) {
    const source = await sourceOf(
      ...(size > 1 ? [Math.min(size - 1, 4_000)] : []),
      ...(size > 4_001 ? [size - 4_001] : []),
    );
    const { log, follower } = await emptyReplica();
    const head = source.log.signed!;
    await catchUp({ log, follower, head, peers: () => [peerOf("a", source.log)] });
    assert.equal(log.signed!.size, size);
    assert.equal(toHex(log.committed.root), toHex(source.log.committed.root));
    if (size > 1) assert.deepEqual(log.entry(size - 1).entry, entryAt(size - 1));
  }
});

test("of four peers one lies and one never answers: all is stored, nothing of it false", async () => {
  const source = await sourceOf(4_096, 4_096, 4_096, 3_000);
  const { log, follower } = await emptyReplica();
  const liar = peerOf("liar", source.log, lie);
  const silent = peerOf("silent", source.log, (answer) =>
    answer.kind === "entries" ? silence(4_000) : answer,
  );
  const peers = [liar, silent, peerOf("a", source.log), peerOf("b", source.log)];
  const done = catchUp({ log, follower, head: source.log.signed!, peers: () => peers });
  await within(15_000, "the catch-up", done);
  assert.equal(toHex(log.committed.root), toHex(source.log.committed.root));
  for (let i = 1; i < log.committed.size; i++) assert.deepEqual(log.entry(i).entry, entryAt(i));
  assert.equal(liar.rejected.length, 1, "the liar is cut off at its first lie");
  assert.equal(silent.rejected.length, 0, "who is silent has not lied");
  assert.ok(
    silent.requests.length < 12,
    `the silent peer is asked ever less: ${silent.requests.length} times`,
  );
});

test("where everybody lies the catch-up fails and stores nothing", async () => {
  const source = await sourceOf(1_000);
  const { log, follower } = await emptyReplica();
  const peers = [peerOf("a", source.log, lie), peerOf("b", source.log, lie)];
  await assert.rejects(catchUp({ log, follower, head: source.log.signed!, peers: () => peers }), {
    code: "network",
  });
  assert.equal(log.committed.size, 1);
  assert.deepEqual(
    peers.map(({ rejected }) => rejected.length),
    [1, 1],
  );
});

test("a peer that is behind refuses, and is neither accused nor asked for ever", async () => {
  const source = await sourceOf(1_000);
  const behind = await sourceOf(10);
  const { log, follower } = await emptyReplica();
  const late = peerOf("behind", behind.log);
  await catchUp({ log, follower, head: source.log.signed!, peers: () => [late, peerOf("a", source.log)] });
  assert.equal(log.signed!.size, 1_001);
  assert.equal(late.rejected.length, 0);
  assert.ok(late.requests.length <= 8);
});

test("what a catch-up had stored when its peers left is where the next one begins", async () => {
  const source = await sourceOf(4_096, 4_096, 4_096);
  const { log, follower } = await emptyReplica();
  let answers = 4;
  const leaving = peerOf("a", source.log, (answer) => {
    if (answer.kind === "entries" && --answers < 0) return silence(0);
    return answer;
  });
  const head = source.log.signed!;
  await assert.rejects(catchUp({ log, follower, head, peers: () => [leaving] }), { code: "network" });
  const { size } = log.committed;
  assert.ok(size > 1 && size < head.size, `${size} entries were stored`);
  assert.equal(log.signed, undefined, "and none of them is served");
  const peer = peerOf("b", source.log);
  const begun: number[] = [];
  await catchUp({ log, follower, head, peers: () => [peer], onProgress: (stored) => begun.push(stored) });
  const asked = peer.requests.flatMap((request) => (request.kind === "entries" ? [request.first] : []));
  assert.equal(Math.min(...asked), size - (size % 256));
  assert.equal(begun.at(-1), head.size);
  assert.equal(log.signed!.size, head.size);
});

test("an aborted catch-up ends at once, whatever its peers do", async () => {
  const source = await sourceOf(4_096);
  const { log, follower } = await emptyReplica();
  const stop = new AbortController();
  const peer = peerOf("a", source.log, (answer) => {
    if (answer.kind !== "entries") return answer;
    stop.abort();
    return silence(2_000);
  });
  const done = catchUp({ log, follower, head: source.log.signed!, peers: () => [peer], signal: stop.signal });
  await within(1_000, "its end", assert.rejects(done, { code: "network" }));
});

test("a head that does not extend what is stored is refused, and its tree's nodes are handed over as proof", async () => {
  const source = await sourceOf(1_000);
  const { log, follower } = await emptyReplica();
  await catchUp({ log, follower, head: source.log.signed!, peers: () => [peerOf("a", source.log)] });
  const other = await sourceOf(500);
  await other.append(900, otherEntryAt);
  const forked = other.log;
  let node: NodeReader | undefined;
  const done = catchUp({
    ...{ log, follower, head: forked.signed!, peers: () => [peerOf("b", forked)] },
    onFork: (nodes) => {
      node = nodes;
    },
  });
  await assert.rejects(done, { code: "equivocation" });
  assert.equal(log.committed.size, 1_001);
  assert.deepEqual(node!(0, 1_000), forked.node(0, 1_000));
});

test("a live block of another history, stored while a catch-up runs, does not mix with it", async () => {
  const source = await sourceOf(4_096, 4_096);
  const other = await Source.begin();
  const { log, follower } = await emptyReplica();
  const forked = await other.append(10, otherEntryAt);
  const peer = peerOf("a", source.log, async (answer, request) => {
    if (request.kind === "entries" && request.first === 0) {
      // The first range is on its way, and the fork comes before it.
      const entries = packEntries(Array.from({ length: 10 }, (_, i) => otherEntryAt(i + 1)));
      await follower.extend({ first: 1, count: 10, entries, head: other.log.signed! });
    }
    return answer;
  });
  await assert.rejects(catchUp({ log, follower, head: source.log.signed!, peers: () => [peer] }), {
    code: "equivocation",
  });
  assert.ok(forked.length > 0);
  assert.equal(
    toHex(log.committed.root),
    toHex(other.log.committed.root),
    "what is stored is one of the histories",
  );
});

test("a peer that gives entries one by one, each too late, is left for one that does not", async () => {
  const source = await sourceOf(600);
  const { log, follower } = await emptyReplica();
  const drip = peerOf("drip", source.log, async (answer) => {
    if (answer.kind !== "entries") return answer;
    await new Promise((resolve) => setTimeout(resolve, 500));
    return {
      kind: "entries",
      packed: answer.packed.subarray(
        0,
        2 + new DataView(answer.packed.buffer, answer.packed.byteOffset).getUint16(0),
      ),
    };
  });
  let peers = [drip];
  const started = Date.now();
  const done = catchUp({ log, follower, head: source.log.signed!, peers: () => peers });
  peers = [drip, peerOf("a", source.log)];
  await within(10_000, "the catch-up", done);
  const asked = drip.requests.length;
  assert.ok(Date.now() - started < 9_000);
  await new Promise((resolve) => setTimeout(resolve, 700));
  assert.ok(drip.requests.length <= asked + 1, "once somebody else has answered it is asked no more");
});
