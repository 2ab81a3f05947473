import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { toHex } from "../../src/base/bytes.ts";
import { catchUp } from "../../src/replication/catch-up.ts";
import { type AnswerFrame, Network } from "../../src/replication/network.ts";
import { answerSync } from "../../src/replication/sync-server.ts";
import { defer, within } from "../helpers/cleanup.ts";
import { peeringOf } from "../helpers/replica.ts";
import { until } from "./episub/nodes.ts";
import { emptyReplica, flipped, Source } from "./logs.ts";

const ENTRIES = 3;

async function start(t: TestContext, answer: AnswerFrame): Promise<Network> {
  const { p2pPort, ...peering } = await peeringOf();
  const network = await Network.start({
    ...{ ...peering, port: p2pPort },
    answerSync: answer,
    validate: () => "ignore",
    isKnown: () => false,
    deliver: () => undefined,
    onMissing: () => undefined,
  });
  defer(t, () => network.close());
  return network;
}

test("over TCP, of four peers one lies and one never answers: all is stored, and the liar is cut off", async (t) => {
  const source = await Source.begin();
  for (let i = 0; i < 5; i++) await source.append(4_000);
  const serve = (frame: Uint8Array) => answerSync(source.log, [], frame);
  const isEntries = (frame: Uint8Array): boolean => frame[0] === ENTRIES;
  const never = new Promise<never>(() => undefined);
  const servers = [
    await start(t, serve),
    await start(t, serve),
    await start(t, (frame) => (isEntries(frame) ? flipped(serve(frame)!) : serve(frame))),
    await start(t, (frame) => (isEntries(frame) ? never : serve(frame))),
  ];
  const liar = servers[2]!.peerId;
  const network = await start(t, () => undefined);
  for (const server of servers)
    network.dial(server.multiaddrs().filter((one) => one.includes("/127.0.0.1/")));
  await until("all four are connected", () => network.syncPeers().length === 4);

  const { log, follower } = await emptyReplica();
  const done = catchUp({ log, follower, head: source.log.signed!, peers: () => network.syncPeers() });
  await within(20_000, "the catch-up", done);
  assert.equal(toHex(log.signed!.root), toHex(source.log.signed!.root));
  await until("the liar is gone", () => !network.peers().includes(liar));
});
