import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { type TestContext, test } from "node:test";
import { equalBytes } from "../../src/base/bytes.ts";
import { Log } from "../../src/log/log.ts";
import { MemoryStore } from "../../src/log/memory-store.ts";
import { topicOf } from "../../src/node/peering.ts";
import { startPrimaryNode } from "../../src/node/primary-node.ts";
import { Network } from "../../src/replication/network.ts";
import { answerSync } from "../../src/replication/sync-server.ts";
import { operator } from "../helpers/accounts.ts";
import { defer, temporaryDirectory } from "../helpers/cleanup.ts";
import { startTestPrimary } from "../helpers/primary.ts";
import { loopback, peeringOf, startTestReplica } from "../helpers/replica.ts";
import { call } from "../helpers/rpc.ts";
import { until } from "../replication/episub/nodes.ts";
import { otherEntryAt, Source } from "../replication/logs.ts";

/** A node that holds the operator's key, and another history than the primary. */
async function startForger(t: TestContext, honest: Log, peers: readonly string[]) {
  const source = new Source(await Log.create(new MemoryStore(), honest.genesisEntry));
  source.log.restore(source.sign());
  const { p2pPort, ...peering } = await peeringOf(peers);
  const network = await Network.start({
    ...{ ...peering, port: p2pPort },
    answerSync: (frame) => answerSync(source.log, [], frame),
    validate: () => "ignore",
    isKnown: () => false,
    deliver: () => undefined,
    onMissing: () => undefined,
  });
  defer(t, () => network.close());
  const topic = topicOf(honest);
  network.join(topic);
  return {
    source,
    network,
    /** Signs a block of this history and pushes it to every neighbour. */
    publish: async () => network.publish(topic, await source.append(1, otherEntryAt), { flood: true }),
    isLinked: () => network.stats(topic).neighbors > 0,
  };
}

test("a signed fork is kept as evidence, told to everybody, refused, and stops primary and replicas for good", async (t) => {
  const directory = temporaryDirectory(t);
  const fatal: unknown[] = [];
  const primary = await startTestPrimary(t, {
    peering: await peeringOf(),
    onFatal: (error) => fatal.push(error),
    evidenceDirectory: `${directory}/primary`,
  });
  await call(primary.url, "sequencer_append", [primary.transaction()]);
  const kept = { dbPath: `${directory}/db`, evidenceDirectory: `${directory}/first` };
  const first = await startTestReplica(t, [loopback(primary.node)], kept);
  const second = await startTestReplica(t, [loopback(primary.node)], {
    evidenceDirectory: `${directory}/second`,
  });
  for (const replica of [first, second]) await replica.reached(2);

  const forger = await startForger(t, primary.node.log, [loopback(first)]);
  await until("the forger has a neighbour", forger.isLinked);
  await forger.publish();
  const ready = async (url: string): Promise<string> =>
    JSON.stringify(await (await fetch(`${url}/ready`)).text());
  for (const name of ["primary", "first", "second"]) {
    await until(`${name} keeps evidence`, () => {
      try {
        return readdirSync(`${directory}/${name}`).some((file) => file.startsWith("same-size"));
      } catch {
        return false;
      }
    });
  }
  await until("the primary ends", () => fatal.length > 0);
  for (const replica of [first, second]) {
    assert.equal((await fetch(`${replica.url}/ready`)).status, 503);
    assert.match(await ready(replica.url), /equivocation/);
    assert.ok(equalBytes(replica.log.rootAt(2), primary.node.log.rootAt(2)), "the fork is not in the log");
  }
  await call(primary.url, "sequencer_append", [primary.transaction()]).catch(() => undefined);
  assert.equal(first.log.committed.size, 2, "nothing is followed any more");

  await first.close();
  const again = await startTestReplica(t, [loopback(second)], kept);
  assert.match(await ready(again.url), /equivocation/, "a restart does not make it forget");
});

test("a larger head of another history, found by asking, is kept with the proof that it does not extend the log", async (t) => {
  const directory = temporaryDirectory(t);
  const primary = await startTestPrimary(t, { peering: await peeringOf() });
  for (let i = 0; i < 3; i++) await call(primary.url, "sequencer_append", [primary.transaction()]);
  const database = { dbPath: `${directory}/db`, evidenceDirectory: `${directory}/evidence` };
  const replica = await startTestReplica(t, [loopback(primary.node)], database);
  await replica.reached(4);
  await replica.close();
  const forger = await startForger(t, primary.node.log, []);
  for (let i = 0; i < 10; i++) await forger.publish();
  const peers = forger.network.multiaddrs().filter((one) => one.includes("/127.0.0.1/"));
  const misled = await startTestReplica(t, peers, database);
  await until("evidence is kept", () => {
    try {
      return readdirSync(database.evidenceDirectory).some((file) => file.startsWith("inconsistent"));
    } catch {
      return false;
    }
  });
  assert.equal(misled.log.committed.size, 4);
});

test("a primary whose evidence says that its key signed another history does not start", async (t) => {
  const directory = temporaryDirectory(t);
  const files = {
    dbPath: `${directory}/db`,
    guardDirectory: `${directory}/guard`,
    evidenceDirectory: `${directory}/e`,
  };
  const fatal: unknown[] = [];
  const primary = await startTestPrimary(t, {
    ...files,
    peering: await peeringOf(),
    onFatal: (error) => fatal.push(error),
  });
  await call(primary.url, "sequencer_append", [primary.transaction()]);
  const forger = await startForger(t, primary.node.log, [loopback(primary.node)]);
  await until("the forger has a neighbour", forger.isLinked);
  await forger.publish();
  await until("the primary ends", () => fatal.length > 0);
  await primary.node.close();
  const { pino } = await import("pino");
  const again = startPrimaryNode({
    ...files,
    operatorKey: operator.key,
    genesis: {},
    ...{ rpcHost: "127.0.0.1", rpcPort: 0, verifyWorkers: 1, logger: pino({ level: "silent" }) },
    peering: await peeringOf(),
    onFatal: () => undefined,
  });
  await assert.rejects(again, { code: "equivocation" });
});
