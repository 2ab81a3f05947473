/** EpiSub over libp2p and TCP on 127.0.0.1: real streams, real back-pressure, real failures. */
import assert from "node:assert/strict";
import { afterEach, describe, test } from "node:test";
import type { EpisubInit } from "../../../src/replication/episub/episub.ts";
import { LINK_LIMITS } from "../../../src/replication/episub/limits.ts";
import { kill, payloadOf, startNode, type TestNode, TOPIC, until } from "./nodes.ts";
import { startRawPeer } from "./raw-peer.ts";

const running: { node: { stop(): void | Promise<void> } }[] = [];

afterEach(async () => {
  await Promise.all(running.splice(0).map(({ node }) => node.stop()));
});

async function start(init: Partial<EpisubInit> = {}): Promise<TestNode> {
  const node = await startNode(init);
  running.push(node);
  return node;
}

/** Nodes that know the first one; returns when each has `links` neighbours. */
async function startAll(
  count: number,
  links: number,
  initOf: (i: number) => Partial<EpisubInit> = () => ({}),
) {
  const nodes: TestNode[] = [];
  for (let i = 0; i < count; i++) {
    const node = await start(initOf(i));
    const [first] = nodes;
    if (first !== undefined) await node.node.dial(first.node.getMultiaddrs());
    nodes.push(node);
  }
  const haveLinks = () => nodes.every(({ episub }) => episub.neighbors(TOPIC).length >= links);
  await until(`each of ${count} nodes has ${links} neighbours`, haveLinks);
  return nodes;
}

const everyoneHas = (nodes: readonly TestNode[], count: number) =>
  until(`everyone has ${count}`, () => nodes.every(({ received }) => received.length === count));

describe("episub()", () => {
  test("everyone gets every payload, once, and in the end over a tree", async () => {
    const [source, ...others] = await startAll(8, 4);
    const all = [source!, ...others];
    const total = (of: "payloadsSent" | "payloadsReceived" | "duplicates") =>
      sum(all.map(({ episub }) => episub.stats(TOPIC)[of]));
    const duplicates: number[] = [];
    for (let i = 1; i <= 20; i++) {
      source!.episub.publish(TOPIC, payloadOf(i, 20_000));
      await everyoneHas(others, i);
      await until("all copies have arrived", () => total("payloadsReceived") === total("payloadsSent"));
      duplicates.push(total("duplicates"));
    }
    const late = duplicates[19]! - duplicates[9]!;
    assert.ok(late <= 0.05 * 7 * 10, `${late} duplicates of the last ten payloads`);
    for (const { received } of others) assert.equal(new Set(received.map(({ key }) => key)).size, 20);
  });

  test("a relay that dies without a goodbye is worked around", async () => {
    const capped = { parameters: { randomLinks: 3, nearLinks: 0, eagerMax: 2 } };
    const [source, ...others] = await startAll(8, 2, (i) =>
      i === 0 ? capped : { parameters: { randomLinks: 3, nearLinks: 0 } },
    );
    const sources = new Map<string, string>();
    for (const { episub, peer } of others)
      episub.addEventListener("message", ({ detail }) => sources.set(peer, detail.from));
    for (let i = 1; i <= 10; i++) {
      source!.episub.publish(TOPIC, payloadOf(i));
      await everyoneHas(others, i);
    }
    const relay = others.find(({ peer }) => [...sources.values()].includes(peer));
    assert.ok(relay !== undefined, "somebody relays, for the source pushes to two only");
    const survivors = others.filter((node) => node !== relay);
    const killed = kill(relay);
    for (let i = 11; i <= 20; i++) source!.episub.publish(TOPIC, payloadOf(i));
    await everyoneHas(survivors, 20);
    await killed;
  });

  test("a flooded payload reaches everyone", async () => {
    const [source, ...others] = await startAll(5, 3);
    source!.episub.publish(TOPIC, payloadOf(1), { flood: true });
    await everyoneHas(others, 1);
    assert.throws(() => source!.episub.publish(TOPIC, payloadOf(2, 2 ** 19), { flood: true }), RangeError);
    assert.throws(() => source!.episub.publish(TOPIC, payloadOf(2, 2 ** 23)), RangeError);
  });

  test("a peer named by the operator is dialled, and found again after it was gone", async () => {
    const boss = await start();
    const node = await start({ directPeers: boss.node.getMultiaddrs() });
    await until("they are linked", () => node.episub.neighbors(TOPIC).length === 1);
    assert.equal(node.episub.neighbors(TOPIC)[0]?.peer, boss.peer);
    for (const connection of node.node.getConnections()) connection.abort(new Error("cut"));
    await until("the link is gone", () => node.episub.neighbors(TOPIC).length === 0);
    await until("they are linked again", () => node.episub.neighbors(TOPIC).length === 1);
  });

  test("nothing is delivered or forwarded that validation rejects, and its sender is cut off", async () => {
    const isBad = (payload: Uint8Array) => payload[8] === 66;
    const judge = start({ validate: async ({ payload }) => (isBad(payload) ? "reject" : "accept") });
    const [liar, middle, last] = [await start(), await judge, await start()];
    await liar.node.dial(middle.node.getMultiaddrs());
    await until("liar and middle are linked", () => liar.episub.neighbors(TOPIC).length === 1);
    await last.node.dial(middle.node.getMultiaddrs());
    const banned: string[] = [];
    middle.episub.addEventListener("banned", ({ detail }) => banned.push(`${detail.peer} ${detail.reason}`));
    liar.episub.publish(TOPIC, payloadOf(1, 100, 66));
    await until("the liar is banned", () => banned.length === 1);
    assert.deepEqual(banned, [`${liar.peer} rejected`]);
    assert.deepEqual(middle.received, []);
    await until("the connection is cut", () => middle.node.getConnections(liar.node.peerId).length === 0);
    assert.equal(middle.episub.stats(TOPIC).payloadsSent, 0);
  });

  test("a validation that throws delivers nothing and blames nobody", async () => {
    const [source, judge] = await startAll(2, 1, (i) =>
      i === 0 ? {} : { validate: () => Promise.reject(new Error("a fault of ours")) },
    );
    source!.episub.publish(TOPIC, payloadOf(1));
    await until("it was judged", () => judge!.episub.stats(TOPIC).ignored === 1);
    assert.deepEqual(judge!.received, []);
    assert.equal(judge!.episub.neighbors(TOPIC).length, 1);
  });

  test("topics are apart, and leaving one ends its links only", async () => {
    const [a, b] = await startAll(2, 1);
    a!.episub.subscribe("second");
    b!.episub.subscribe("second");
    await until("they are linked in the second", () => a!.episub.neighbors("second").length === 1);
    a!.episub.publish("second", payloadOf(1));
    await until("it arrived", () => b!.received.length === 1);
    assert.equal(b!.episub.stats(TOPIC).payloadsReceived, 0);
    a!.episub.unsubscribe("second");
    await until("the link is gone", () => b!.episub.neighbors("second").length === 0);
    assert.equal(b!.episub.neighbors(TOPIC).length, 1);
    assert.throws(() => a!.episub.publish("second", payloadOf(2)), /not subscribed/);
  });
});

describe("a peer that stops reading", () => {
  test("is marked behind within its byte bound, holds nobody up, and hears of the newest when it reads again", async () => {
    const parameters = { cacheBytes: 4 * 2 ** 20 };
    const [source, other] = await startAll(2, 1, () => ({ parameters }));
    const slow = await startRawPeer(source!);
    running.push(slow);
    await slow.link();
    slow.stopReading();
    const behind: string[] = [];
    source!.episub.addEventListener("behind", ({ detail }) => behind.push(detail.peer));
    const before = process.memoryUsage().arrayBuffers;
    let most = 0;
    for (let i = 1; i <= 150; i++) {
      source!.episub.publish(TOPIC, payloadOf(i, 2 ** 20));
      await until(`the other has ${i}`, () => other!.received.length === i);
      most = Math.max(most, source!.episub.stats(TOPIC).queueBytes);
    }
    assert.deepEqual(behind, [slow.peer]);
    assert.ok(most <= LINK_LIMITS.queueBytesMax + LINK_LIMITS.controlBytesMax, `${most} bytes queued`);
    const grown = process.memoryUsage().arrayBuffers - before;
    assert.ok(grown < 100 * 2 ** 20, `150 MiB were published, ${grown} bytes are held`);
    slow.goOnReading();
    const newest = () =>
      slow.received.some(
        (message) => message.type === "ihave" && message.summaries.some(({ id }) => id.order === 150),
      );
    await until("it is told of the newest payload", newest);
    const pushed = slow.received.flatMap((message) => (message.type === "gossip" ? [message.id.order] : []));
    assert.deepEqual(
      pushed,
      Array.from({ length: pushed.length }, (_, i) => i + 1),
      "in order, without a hole, until it was behind",
    );
    assert.ok(pushed.length < 150);
  });
});

describe("a hostile peer", () => {
  const attacks: Record<string, string> = {
    "sends garbage": "05ffffffffff",
    "announces a huge length": "ffffffff7f",
    "sends a message that does not exist": "070a04746573749a",
  };
  for (const [what, hex] of Object.entries(attacks)) {
    test(`that ${what} is cut off and stays out`, async () => {
      const node = await start();
      const peer = await startRawPeer(node);
      running.push(peer);
      await peer.link();
      const banned: string[] = [];
      node.episub.addEventListener("banned", ({ detail }) => banned.push(`${detail.peer} ${detail.reason}`));
      peer.sendBytes(Uint8Array.from(Buffer.from(hex, "hex")));
      await until("it is banned", () => banned.length === 1);
      assert.deepEqual(banned, [`${peer.peer} malformed`]);
      await until("it is cut off", () => !peer.isConnected());
      assert.deepEqual(node.episub.neighbors(TOPIC), []);
    });
  }

  test("that announces what it does not deliver is cut off after three GRAFTs", async () => {
    const node = await start();
    const peer = await startRawPeer(node);
    running.push(peer);
    await peer.link();
    peer.send({ type: "ihave", summaries: [{ id: { key: "00".repeat(9), order: 1 }, hops: 1 }] });
    await until("it is cut off", () => node.episub.neighbors(TOPIC).length === 0);
    assert.ok(peer.received.filter(({ type }) => type === "graft").length >= 3);
  });

  test("that names peers with forged records is cut off", async () => {
    const node = await start();
    const peer = await startRawPeer(node);
    running.push(peer);
    await peer.link();
    const victim = { peer: node.peer, record: new Uint8Array(100) };
    peer.send({ type: "shuffle-reply", peers: [victim] });
    await until("it is cut off", () => !peer.isConnected());
  });
});

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
