import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { test } from "node:test";
import { pino } from "pino";
import { toHex } from "../../src/base/bytes.ts";
import { startReplicaNode } from "../../src/node/replica-node.ts";
import { accountOf } from "../helpers/accounts.ts";
import { checkLog } from "../helpers/check-log.ts";
import { temporaryDirectory, within } from "../helpers/cleanup.ts";
import { startTestPrimary } from "../helpers/primary.ts";
import { loopback, peeringOf, startTestReplica } from "../helpers/replica.ts";
import { call, failure } from "../helpers/rpc.ts";
import { until } from "../replication/episub/nodes.ts";

test("replicas follow the primary, pass its blocks on, and serve what it serves", async (t) => {
  const primary = await startTestPrimary(t, { peering: await peeringOf() });
  for (let i = 0; i < 3; i++) await call(primary.url, "sequencer_append", [primary.transaction()]);
  const first = await startTestReplica(t, [loopback(primary.node)]);
  // The second one knows the first alone.
  const second = await startTestReplica(t, [loopback(first)]);
  for (let i = 0; i < 5; i++) await call(primary.url, "sequencer_append", [primary.transaction()]);
  for (const replica of [first, second]) {
    await replica.reached(9);
    checkLog(replica.log);
    const [ours, theirs] = await Promise.all(
      [replica.url, primary.url].map((url) => call(url, "sequencer_read", { from: 0 })),
    );
    assert.deepEqual(ours, theirs);
    const info = await call(replica.url, "sequencer_info");
    assert.deepEqual([info.mode, info.size], ["replica", 9]);
  }
});

test("permissions that changed before a replica came are the replica's too", async (t) => {
  const primary = await startTestPrimary(t, { peering: await peeringOf() });
  const { address } = accountOf(0x31);
  const change = primary.permissionChange({ account: address, role: "writer" });
  await call(primary.url, "sequencer_append", [change]);
  for (let i = 0; i < 3; i++) await call(primary.url, "sequencer_append", [primary.transaction()]);
  for (const verify of ["full", "head"] as const) {
    const replica = await startTestReplica(t, [loopback(primary.node)], { verify });
    await replica.reached(5);
    const { role } = await call(replica.url, "sequencer_permissions", [toHex(address)]);
    assert.equal(role, "writer");
  }
});

test("an append to a replica is answered with the primary's receipt, its refusals with the primary's reasons", async (t) => {
  const primary = await startTestPrimary(t, { peering: await peeringOf() });
  const replica = await startTestReplica(t, [loopback(primary.node)]);
  const receipt = await call(replica.url, "sequencer_append", [primary.transaction()]);
  assert.equal(receipt.sequence, 1);
  await replica.reached(2);
  const own = await call(replica.url, "sequencer_receipt", [receipt.id]);
  assert.deepEqual([own.sequence, own.proof], [1, receipt.proof]);
  const refused = await failure(replica.url, "sequencer_append", [primary.transaction({ by: accountOf(9) })]);
  assert.deepEqual([refused.code, refused.data?.reason], [-32003, "not-permitted"]);
});

test("an append without a primary is -32002, before it was sent anywhere", async (t) => {
  const primary = await startTestPrimary(t, { peering: await peeringOf() });
  const first = await startTestReplica(t, [loopback(primary.node)]);
  const payload = primary.transaction();
  await until("the replica has the primary's head", () => first.log.signed !== undefined);
  await primary.node.close();
  const refused = await failure(first.url, "sequencer_append", [payload]);
  assert.equal(refused.code, -32002);
});

test("a replica goes on where it stopped, and a full one knows ids that a head-only one left out", async (t) => {
  const directory = temporaryDirectory(t);
  const primary = await startTestPrimary(t, { peering: await peeringOf() });
  const peers = [loopback(primary.node)];
  for (let i = 0; i < 20; i++) await call(primary.url, "sequencer_append", [primary.transaction()]);
  const before = await startTestReplica(t, peers, { dbPath: `${directory}/db`, verify: "head" });
  await before.reached(21);
  await before.close();
  const receipt = await call(primary.url, "sequencer_append", [primary.transaction()]);
  const again = await startTestReplica(t, peers, { dbPath: `${directory}/db`, verify: "full" });
  await again.reached(22);
  assert.equal((await call(again.url, "sequencer_receipt", [receipt.id])).sequence, 21);
  const { entries } = await call(primary.url, "sequencer_read", { from: 5, to: 5 });
  assert.equal((await call(again.url, "sequencer_receipt", [entries[0].id])).sequence, 5);
});

test("a new replica without -log believes named peers alone, and -log refuses another log before it stores anything", async (t) => {
  const directory = temporaryDirectory(t);
  const primary = await startTestPrimary(t, { peering: await peeringOf() });
  const stop = new AbortController();
  const lines: string[] = [];
  const start = startReplicaNode({
    ...{ dbPath: `${directory}/db`, rpcHost: "127.0.0.1", rpcPort: 0, verify: "head", signal: stop.signal },
    ...(await peeringOf([loopback(primary.node)])),
    expectedLog: new Uint8Array(32).fill(1),
    logger: pino({}, { write: (line) => lines.push(line) }),
    onFatal: () => undefined,
  });
  start.catch(() => undefined);
  await until("it says what the peer serves", () => lines.some((line) => line.includes("it serves log 0x")));
  stop.abort();
  await within(3_000, "its end", assert.rejects(start));
  assert.ok(readdirSync(`${directory}/db`).length > 0);
  const right = await startTestReplica(t, [loopback(primary.node)], { dbPath: `${directory}/db` });
  assert.equal(toHex(right.log.logId), toHex(primary.node.log.logId));
});

test("a replica that no peer answers says so within ten seconds, with a database too", async (t) => {
  const directory = temporaryDirectory(t);
  const primary = await startTestPrimary(t, { peering: await peeringOf() });
  const address = loopback(primary.node);
  const replica = await startTestReplica(t, [address], { dbPath: `${directory}/db` });
  await replica.reached(1);
  await replica.close();
  await primary.node.close();
  const stop = new AbortController();
  const fresh: string[] = [];
  const start = startReplicaNode({
    ...{ dbPath: "", rpcHost: "127.0.0.1", rpcPort: 0, verify: "head", signal: stop.signal },
    ...(await peeringOf([address])),
    logger: pino({}, { write: (line) => fresh.push(line) }),
    onFatal: () => undefined,
  });
  start.catch(() => undefined);
  const kept = await startTestReplica(t, [address], { dbPath: `${directory}/db` });
  const isSaid = (lines: readonly string[]): boolean =>
    lines.some((line) => line.includes("no peer answers"));
  await until("both say so", () => isSaid(fresh) && isSaid(kept.lines.map(({ msg }) => msg)), 10_000);
  assert.equal((await fetch(`${kept.url}/ready`)).status, 503);
  stop.abort();
  await within(3_000, "its end", assert.rejects(start));
});
