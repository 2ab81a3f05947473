import assert from "node:assert/strict";
import { test } from "node:test";
import { peerIdFromPrivateKey } from "@libp2p/peer-id";
import { toHex } from "../../src/base/bytes.ts";
import type { PeeringOptions } from "../../src/node/peering.ts";
import { checkLog } from "../helpers/check-log.ts";
import { startTestPrimary } from "../helpers/primary.ts";
import { loopback, peeringOf, startTestReplica } from "../helpers/replica.ts";
import { call } from "../helpers/rpc.ts";
import { startTcpProxy, type TcpProxy, unusedPort } from "../helpers/tcp-proxy.ts";

test("two halves that were cut apart converge once their links heal, without help", async (t) => {
  // What a node announces leads nowhere: links are between those who name each other, and no way around the proxies.
  const node = async (peers: readonly string[] = []) => {
    const p2pPort = await unusedPort();
    return { ...(await peeringOf(peers)), p2pPort, announce: ["/ip4/127.0.0.1/tcp/1"] };
  };
  const addressOf = ({ identity, p2pPort }: PeeringOptions, port = p2pPort): string =>
    `/ip4/127.0.0.1/tcp/${port}/p2p/${peerIdFromPrivateKey(identity)}`;
  const proxies: TcpProxy[] = [];
  const across = async (peering: PeeringOptions): Promise<string> => {
    const proxy = await startTcpProxy(t, peering.p2pPort);
    proxies.push(proxy);
    return addressOf(peering, proxy.port);
  };
  const replica = (peering: PeeringOptions) => startTestReplica(t, [], peering);

  const source = await node();
  const primary = await startTestPrimary(t, { peering: source });
  const near = await node([addressOf(source)]);
  const alsoNear = await node([addressOf(source), addressOf(near)]);
  const far = await node([await across(source), await across(near)]);
  const alsoFar = await node([addressOf(far), await across(alsoNear)]);
  const nearHalf = [await replica(near), await replica(alsoNear)];
  const farHalf = [await replica(far), await replica(alsoFar)];
  const all = [...nearHalf, ...farHalf];
  const append = () => call(primary.url, "sequencer_append", [primary.transaction()]);
  await append();
  for (const one of all) await one.reached(2);

  for (const proxy of proxies) proxy.cut();
  for (let i = 0; i < 20; i++) await append();
  for (const one of nearHalf) await one.reached(22);
  for (const { log } of farHalf) assert.equal(log.committed.size, 2, "the far half heard nothing");
  for (const proxy of proxies) proxy.heal();
  for (const one of farHalf) await one.reached(22);
  await append();
  for (const one of all) {
    await one.reached(23);
    checkLog(one.log);
    assert.equal(toHex(one.log.signed!.root), toHex(primary.node.log.signed!.root));
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
