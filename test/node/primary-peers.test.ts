import assert from "node:assert/strict";
import { once } from "node:events";
import { cpSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { type TestContext, test } from "node:test";
import { generateKeyPair } from "@libp2p/crypto/keys";
import { peerIdFromPrivateKey } from "@libp2p/peer-id";
import { pino } from "pino";
import { PEER_CHECK_MS } from "../../src/base/limits.ts";
import type { PrimaryNodeOptions } from "../../src/node/primary-node.ts";
import { Network } from "../../src/replication/network.ts";
import { encodeAnswer } from "../../src/replication/sync-messages.ts";
import { operator, stranger, writer } from "../helpers/accounts.ts";
import { defer, temporaryDirectory } from "../helpers/cleanup.ts";
import { genesisFor } from "../helpers/genesis.ts";
import { startTestPrimary, type TestPrimary } from "../helpers/primary.ts";
import { loopback, peeringOf, startTestReplica } from "../helpers/replica.ts";
import { call } from "../helpers/rpc.ts";
import { genesisEntry } from "../helpers/stored-log.ts";
import { Source } from "../replication/logs.ts";

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

/** A replica of a log whose primary is gone. */
async function orphan(t: TestContext) {
  const first = await start(t, temporaryDirectory(t), []);
  const replica = await startTestReplica(t, [loopback(first.node)]);
  await append(first, 2);
  await replica.reached(3);
  await first.node.close();
  return replica;
}

test("a primary with an empty database begins no log beside a peer that serves one of its own", async (t) => {
  const replica = await orphan(t);
  const directory = temporaryDirectory(t);
  const refusal = { code: "configuration", message: /a peer serves a log of this operator, 0x\w{64}/ };
  const genesis = { ...genesisFor([writer.address]), origin: "example.com/another" };
  await assert.rejects(start(t, directory, [loopback(replica)], { genesis }), refusal);
  await assert.rejects(start(t, directory, [loopback(replica)], { dbPath: "", genesis }), refusal);
  const other = await start(t, temporaryDirectory(t), [loopback(replica)], { operatorKey: stranger.key });
  assert.equal(other.node.log.signed!.size, 1);
  const anew = await start(t, directory, [loopback(replica)], { genesis, newLog: true });
  assert.equal(anew.node.log.signed!.size, 1);
});

/** A peer that answers whatever is asked with this. */
async function startLiar(t: TestContext, note: string): Promise<string> {
  const { p2pPort, ...peering } = await peeringOf();
  const frame = encodeAnswer({ kind: "head", firstSequence: 0, genesisEntry, primary: [], note });
  const network = await Network.start({
    ...{ ...peering, port: p2pPort },
    answerSync: () => frame,
    validate: () => "ignore",
    isKnown: () => false,
    deliver: () => undefined,
    onMissing: () => undefined,
  });
  defer(t, () => network.close());
  return loopback({ multiaddrs: network.multiaddrs() });
}

test("a peer cannot keep a primary from its first log by a genesis that the operator never signed under", async (t) => {
  const { note } = (await Source.begin()).sign();
  const [text, signatures] = note.split("\n\n") as [string, string];
  // The keys are in genesis, for all to see: only the signatures are the operator's.
  const forged = signatures.replace(/^(— \S+ .{40}).{8}/gmu, "$1AAAAAAAA");
  const lies = [`${text}\n\n${forged}`, `${text}\n`, ""];
  const peers = await Promise.all(lies.map((lie) => startLiar(t, lie)));
  const primary = await start(t, temporaryDirectory(t), peers);
  assert.equal(primary.node.log.signed!.size, 1);
  const truth = await startLiar(t, note);
  await assert.rejects(start(t, temporaryDirectory(t), [truth]), { message: /a peer serves a log/ });
});

/** Addresses of a peer at a port that nothing listens on yet. */
async function freeAddress() {
  const identity = await generateKeyPair("Ed25519");
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port: p2pPort } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  const address = `/ip4/127.0.0.1/tcp/${p2pPort}/p2p/${peerIdFromPrivateKey(identity)}`;
  return { identity, p2pPort, address };
}

test("a first start does not wait for a replica that knows no log yet, but for one that is silent, and says so", async (t) => {
  const warned: string[] = [];
  const logger = pino({ level: "warn" }, { write: (line) => warned.push(JSON.parse(line).msg) });
  const { address, ...place } = await freeAddress();
  const own = await freeAddress();
  const replica = startTestReplica(t, [own.address], place);
  const started = performance.now();
  const peering = { ...own, peers: [address], announce: [] };
  const primary = await start(t, temporaryDirectory(t), [], { peering, logger });
  assert(performance.now() - started < PEER_CHECK_MS, "it did not wait");
  assert.deepEqual(warned, []);
  await (await replica).reached(1);
  await primary.node.close();

  const silent = (await freeAddress()).address;
  await start(t, temporaryDirectory(t), [silent], { logger });
  assert.equal(warned.length, 1);
  assert.match(warned[0]!, new RegExp(`^${silent} did not answer`));
});
