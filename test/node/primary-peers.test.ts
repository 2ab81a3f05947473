import assert from "node:assert/strict";
import { cpSync } from "node:fs";
import { type TestContext, test } from "node:test";
import type { PrimaryNodeOptions } from "../../src/node/primary-node.ts";
import { operator, writer } from "../helpers/accounts.ts";
import { temporaryDirectory } from "../helpers/cleanup.ts";
import { genesisFor } from "../helpers/genesis.ts";
import { startTestPrimary, type TestPrimary } from "../helpers/primary.ts";
import { loopback, peeringOf, startTestReplica } from "../helpers/replica.ts";
import { call } from "../helpers/rpc.ts";

async function start(
  t: TestContext,
  directory: string,
  peers: readonly string[],
  options: Partial<PrimaryNodeOptions> = {},
): Promise<TestPrimary> {
  return await startTestPrimary(t, {
    ...{ dbPath: `${directory}/db`, guardDirectory: `${directory}/guard`, operatorKey: operator.key },
    peering: await peeringOf(peers),
    ...options,
  });
}

async function append(primary: TestPrimary, times: number): Promise<void> {
  for (let i = 0; i < times; i++) await call(primary.url, "sequencer_append", [primary.transaction()]);
}

/** A primary's files as a backup would hold them, and a replica that knows what came after. */
async function restoredBackup(t: TestContext) {
  const directory = temporaryDirectory(t);
  const [now, backup] = [`${directory}/now`, `${directory}/backup`];
  const first = await start(t, now, []);
  const replica = await startTestReplica(t, [loopback(first.node)]);
  await append(first, 3);
  await replica.reached(4);
  await first.node.close();
  cpSync(now, backup, { recursive: true });
  const second = await start(t, now, [loopback(replica)]);
  await append(second, 5);
  await replica.reached(9);
  await second.node.close();
  return { backup, replica };
}

test("a primary that is restored from a backup catches up from a replica before it signs anything", async (t) => {
  const { backup, replica } = await restoredBackup(t);
  const restored = await start(t, backup, [loopback(replica)]);
  assert.equal(restored.node.log.signed!.size, 9);
  const receipt = await call(restored.url, "sequencer_append", [restored.transaction()]);
  assert.equal(receipt.sequence, 9);
  await replica.reached(10);
  assert.equal((await fetch(`${replica.url}/ready`)).status, 200);
});

test("a primary whose replica holds another history under its own signature does not start", async (t) => {
  const { backup, replica } = await restoredBackup(t);
  const careless = await start(t, backup, [], { solo: true });
  await append(careless, 1);
  await careless.node.close();
  await assert.rejects(start(t, backup, [loopback(replica)]), { code: "equivocation" });
});

test("a bonded primary signs nothing until a peer has answered, unless it is told to", async (t) => {
  const directory = temporaryDirectory(t);
  const genesis = { ...genesisFor([writer.address]), bond: new Uint8Array(20).fill(0x77) };
  await assert.rejects(start(t, directory, [], { genesis }), { code: "configuration", message: /bonded/ });
  const first = await start(t, directory, [], { genesis, solo: true });
  const replica = await startTestReplica(t, [loopback(first.node)]);
  await append(first, 2);
  await replica.reached(3);
  await first.node.close();
  const again = await start(t, directory, [loopback(replica)], { genesis });
  assert.equal(again.node.log.signed!.size, 3);
});
