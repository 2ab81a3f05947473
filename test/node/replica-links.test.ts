import assert from "node:assert/strict";
import { test } from "node:test";
import { toHex } from "../../src/base/bytes.ts";
import { checkLog } from "../helpers/check-log.ts";
import { startTestPrimary } from "../helpers/primary.ts";
import { loopback, peeringOf, startTestReplica } from "../helpers/replica.ts";
import { call } from "../helpers/rpc.ts";
import { startTcpProxy } from "../helpers/tcp-proxy.ts";

test("a half that was cut off converges with the rest once the link heals, without help", async (t) => {
  // An address that nobody can dial keeps the far half from going around the proxy.
  const hidden = { announce: ["/ip4/127.0.0.1/tcp/1"] };
  const primary = await startTestPrimary(t, { peering: { ...(await peeringOf()), announce: [] } });
  const direct = loopback(primary.node);
  const [, port, peer] = /\/tcp\/(\d+)\/p2p\/(\w+)/.exec(direct)!;
  const near = await startTestReplica(t, [direct], hidden);
  const proxy = await startTcpProxy(t, Number(port));
  const through = `/ip4/127.0.0.1/tcp/${proxy.port}/p2p/${peer}`;
  const far = await startTestReplica(t, [through], hidden);
  const append = () => call(primary.url, "sequencer_append", [primary.transaction()]);
  await append();
  for (const replica of [near, far]) await replica.reached(2);

  proxy.cut();
  for (let i = 0; i < 20; i++) await append();
  await near.reached(22);
  assert.equal(far.log.committed.size, 2, "the far half heard nothing");
  proxy.heal();
  await far.reached(22);
  await append();
  for (const replica of [near, far]) {
    await replica.reached(23);
    checkLog(replica.log);
    assert.equal(toHex(replica.log.signed!.root), toHex(primary.node.log.signed!.root));
  }
});

test("a named peer that went away is called again, though others are connected", async (t) => {
  const primary = await startTestPrimary(t, { peering: await peeringOf() });
  const identity = await peeringOf([loopback(primary.node)]);
  const first = await startTestReplica(t, [], identity);
  const address = loopback(first);
  const replica = await startTestReplica(t, [loopback(primary.node), address]);
  const isConnected = async (): Promise<boolean> => {
    const { peers } = await call(replica.url, "sequencer_info");
    return peers.some((peer: string) => address.endsWith(peer));
  };
  const eventually = async (wanted: boolean): Promise<void> => {
    for (let tries = 0; (await isConnected()) !== wanted; tries++) {
      assert.ok(tries < 300, `connected: ${!wanted}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  };
  await eventually(true);
  await first.close();
  await eventually(false);
  const p2pPort = Number(/\/tcp\/(\d+)/.exec(address)![1]);
  await startTestReplica(t, [], {
    ...identity,
    p2pPort,
    peers: [] as string[],
    expectedLog: primary.node.log.logId,
  });
  await eventually(true);
});
