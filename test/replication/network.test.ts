import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { noise } from "@chainsafe/libp2p-noise";
import { yamux } from "@chainsafe/libp2p-yamux";
import { identify } from "@libp2p/identify";
import type { Stream } from "@libp2p/interface";
import { tcp } from "@libp2p/tcp";
import { multiaddr } from "@multiformats/multiaddr";
import { createLibp2p } from "libp2p";
import { concatBytes } from "../../src/base/bytes.ts";
import type { Log } from "../../src/log/log.ts";
import { Network } from "../../src/replication/network.ts";
import { encodeRequest, SYNC_PROTOCOL } from "../../src/replication/sync-messages.ts";
import { answerSync } from "../../src/replication/sync-server.ts";
import { defer, within } from "../helpers/cleanup.ts";
import { peeringOf } from "../helpers/replica.ts";
import { until } from "./episub/nodes.ts";
import { Source } from "./logs.ts";

async function serve(t: TestContext, log: Log): Promise<{ network: Network; address: string }> {
  const { p2pPort, ...peering } = await peeringOf();
  const network = await Network.start({
    ...{ ...peering, port: p2pPort },
    answerSync: (frame) => answerSync(log, [], frame),
    validate: () => "ignore",
    isKnown: () => false,
    deliver: () => undefined,
    onMissing: () => undefined,
  });
  defer(t, () => network.close());
  return { network, address: network.multiaddrs().find((one) => one.includes("/127.0.0.1/"))! };
}

/** A libp2p node that speaks the protocol by hand. */
async function rawPeer(t: TestContext, answer?: (stream: Stream) => void) {
  const node = await createLibp2p({
    addresses: { listen: ["/ip4/127.0.0.1/tcp/0"] },
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux()],
    services: { identify: identify() },
  });
  defer(t, () => node.stop());
  if (answer !== undefined) await node.handle(SYNC_PROTOCOL, answer);
  return node;
}

async function openStream(t: TestContext, address: string): Promise<Stream> {
  const node = await rawPeer(t);
  const connection = await node.dial(multiaddr(address));
  return await connection.newStream(SYNC_PROTOCOL);
}

function framed(bytes: Uint8Array): Uint8Array {
  assert.ok(bytes.length < 128);
  return concatBytes(Uint8Array.of(bytes.length), bytes);
}

const HEAD = framed(encodeRequest({ kind: "head" }));

/** Resolves once the other end has ended the stream. */
async function cutOff(stream: Stream): Promise<void> {
  await within(
    5_000,
    "the end of the stream",
    until("it ends", () => stream.status !== "open"),
  );
}

test("who asks well is answered, while who sends garbage, or a length without end, loses the stream", async (t) => {
  const source = await Source.begin();
  const { address } = await serve(t, source.log);
  const hostile: [string, Uint8Array][] = [
    ["an empty request", Uint8Array.of(0)],
    ["an unknown request", framed(Uint8Array.of(9, 9))],
    ["a request with a surplus byte", framed(Uint8Array.of(1, 1))],
    ["a frame of two gigabytes", Uint8Array.of(0xff, 0xff, 0xff, 0xff, 0x07, 1)],
    ["a length that does not end", new Uint8Array(64).fill(0xff)],
    ["a frame a byte larger than any request", concatBytes(Uint8Array.of(13), new Uint8Array(13))],
  ];
  for (const [what, bytes] of hostile) {
    const stream = await openStream(t, address);
    stream.send(bytes);
    await cutOff(stream).catch((error) => assert.fail(`${what}: ${error}`));
  }
  const stream = await openStream(t, address);
  let answered = 0;
  stream.addEventListener("message", ({ data }) => {
    answered += data.byteLength;
  });
  stream.send(HEAD);
  await until("the answer", () => answered > 100);
  assert.equal(stream.status, "open");
});

test("requests that are sent ahead without end overrun a small buffer, and the stream is lost", async (t) => {
  const source = await Source.begin();
  for (let i = 0; i < 8; i++) await source.append(4_000);
  const { address } = await serve(t, source.log);
  const stream = await openStream(t, address);
  stream.pause();
  const request = framed(encodeRequest({ kind: "entries", first: 0, count: 4_096 }));
  const many = concatBytes(...Array.from({ length: 1_000 }, () => request));
  for (let i = 0; i < 200 && stream.status === "open"; i++) {
    stream.send(many);
    await new Promise((resolve) => setImmediate(resolve));
  }
  await cutOff(stream);
});

test("a connection may open a bounded number of streams", async (t) => {
  const source = await Source.begin();
  const { address } = await serve(t, source.log);
  const node = await rawPeer(t);
  const connection = await node.dial(multiaddr(address));
  const streams: Stream[] = [];
  for (let i = 0; i < 20; i++) {
    const stream = await connection.newStream(SYNC_PROTOCOL).catch(() => undefined);
    if (stream !== undefined) streams.push(stream);
  }
  await until(
    "no more than eight are open",
    () => streams.filter(({ status }) => status === "open").length <= 8,
  );
});

for (const [what, bytes] of [
  ["garbage", Uint8Array.of(3, 9, 9, 9)],
  ["an answer of four gigabytes", Uint8Array.of(0xff, 0xff, 0xff, 0xff, 0x0f, 2)],
] as const) {
  test(`a peer that answers with ${what} fails the request at once`, async (t) => {
    const source = await Source.begin();
    const { network } = await serve(t, source.log);
    const liar = await rawPeer(t, (stream) => stream.addEventListener("message", () => stream.send(bytes)));
    network.dial(liar.getMultiaddrs().map(String));
    await until("it is known to serve", () => network.syncPeers().length === 1);
    await within(
      3_000,
      "the failure",
      assert.rejects(network.syncPeers()[0]!.ask({ kind: "head" }), { code: "network" }),
    );
  });
}

test("a peer that is rejected is cut off, and can neither come back nor be called", async (t) => {
  const source = await Source.begin();
  const { network, address } = await serve(t, source.log);
  const liar = await rawPeer(t, () => undefined);
  await liar.dial(multiaddr(address));
  await until("it is connected", () => network.syncPeers().length === 1);
  network.syncPeers()[0]!.reject("it lied");
  await until("it is gone", () => network.peers().length === 0);
  await liar.dial(multiaddr(address)).catch(() => undefined);
  network.dial(liar.getMultiaddrs().map(String));
  await until("nobody gets through", () => liar.getConnections().every(({ status }) => status !== "open"));
  assert.equal(network.syncPeers().length, 0);
});

test("a primary that nobody knows is unavailable, and so is one at an address where nobody listens", async (t) => {
  const source = await Source.begin();
  const { network } = await serve(t, source.log);
  const ask = () => network.askPrimary(Uint8Array.of(0), (answer) => answer);
  await assert.rejects(ask(), { code: "unavailable" });
  network.hintPrimary("x", ["no address", `/ip4/127.0.0.1/tcp/1/p2p/${network.peerId}`]);
  await assert.rejects(ask(), { code: "unavailable" });
});
