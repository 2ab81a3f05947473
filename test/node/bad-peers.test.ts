/**
 * Peers that break every rule there is, against a running primary and replica: each costs its own connection at most,
 * and the log goes on.
 */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { before, type TestContext, test } from "node:test";
import { noise } from "@chainsafe/libp2p-noise";
import { yamux } from "@chainsafe/libp2p-yamux";
import { identify } from "@libp2p/identify";
import type { Connection, Stream } from "@libp2p/interface";
import { tcp } from "@libp2p/tcp";
import { multiaddr } from "@multiformats/multiaddr";
import { createLibp2p } from "libp2p";
import { concatBytes } from "../../src/base/bytes.ts";
import { formatCheckpoint } from "../../src/log/checkpoint.ts";
import { topicOf } from "../../src/node/peering.ts";
import { APPEND_PROTOCOL } from "../../src/replication/append-messages.ts";
import { messageIdOf } from "../../src/replication/block-messages.ts";
import { decodeFrame, encodeFrame, WIRE } from "../../src/replication/episub/codec.ts";
import { FrameCutter, lengthPrefix } from "../../src/replication/episub/framing.ts";
import type { Message } from "../../src/replication/episub/messages.ts";
import { PROTOCOL as EPISUB_PROTOCOL } from "../../src/replication/episub/switchboard.ts";
import { blockMessage } from "../../src/replication/gossip.ts";
import { Network } from "../../src/replication/network.ts";
import { encodeRequest, SYNC_PROTOCOL } from "../../src/replication/sync-messages.ts";
import { answerSync } from "../../src/replication/sync-server.ts";
import { checkLog } from "../helpers/check-log.ts";
import { type Cleanup, defer } from "../helpers/cleanup.ts";
import { startTestPrimary, type TestPrimary } from "../helpers/primary.ts";
import { loopback, peeringOf, startTestReplica, type TestReplica } from "../helpers/replica.ts";
import { call } from "../helpers/rpc.ts";
import { sealNext } from "../helpers/stored-log.ts";
import { wholeFile } from "../helpers/whole-file.ts";
import { until } from "../replication/episub/nodes.ts";
import { flipped } from "../replication/logs.ts";

const MIB = 2 ** 20;

let primary: TestPrimary;
let replica: TestReplica;
/** Every block that was published, as a message. */
const blocks: Uint8Array[] = [];
before(async () => {
  primary = await startTestPrimary(wholeFile, { peering: await peeringOf() });
  primary.node.log.onPublish((head, block) => void blocks.push(blockMessage(head, [block])));
  replica = await startTestReplica(wholeFile, [loopback(primary.node)]);
  await goesOn();
});

/** Primary and replica do what they did before. */
async function goesOn(): Promise<void> {
  const { sequence } = await call(replica.url, "sequencer_append", [primary.transaction()]);
  await replica.reached(sequence + 1);
  checkLog(replica.log);
  for (const { url } of [primary, replica]) assert.equal((await fetch(`${url}/ready`)).status, 200);
}

interface BadPeer {
  readonly id: string;
  readonly connection: Connection;
  /** Messages that came over gossip. */
  readonly received: readonly Message[];
  open(protocol: string): Promise<Stream>;
  gossip(message: Message): void;
  stopReading(): void;
}

/** A libp2p node with a gossip stream to a node, and nothing that keeps it to the rules. */
async function startBadPeer(cleanup: Cleanup, address: string): Promise<BadPeer> {
  const node = await createLibp2p({
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux()],
    services: { identify: identify() },
  });
  defer(cleanup, () => node.stop());
  const received: Message[] = [];
  let inbound: Stream | undefined;
  await node.handle(EPISUB_PROTOCOL, (stream) => {
    inbound = stream;
    const cutter = new FrameCutter(WIRE.payloadBytesMax + WIRE.controlBytesMax);
    stream.addEventListener("message", ({ data }) => {
      for (const frame of cutter.push(data.subarray()))
        received.push(decodeFrame(frame, messageIdOf).message);
    });
  });
  const connection = await node.dial(multiaddr(address));
  const outbound = await connection.newStream(EPISUB_PROTOCOL);
  return {
    id: node.peerId.toString(),
    connection,
    received,
    open: (protocol) => connection.newStream(protocol),
    gossip: (message) => {
      const { parts, length } = encodeFrame({ topic: topicOf(primary.node.log), message });
      outbound.send(concatBytes(lengthPrefix(length), ...parts));
    },
    stopReading: () => inbound?.pause(),
  };
}

/** As above, and a neighbour in the overlay. */
async function startBadNeighbor(t: TestContext, address: string): Promise<BadPeer> {
  const peer = await startBadPeer(t, address);
  const self = { peer: peer.id, record: new Uint8Array() };
  const counts = { randomLinks: 0, nearLinks: 0 };
  peer.gossip({ type: "neighbor", accept: false, near: false, ...counts, self, peers: [] });
  await until("the link is granted", () => peer.received.some(({ type }) => type === "neighbor"));
  return peer;
}

for (const target of ["primary", "replica"] as const) {
  const address = (): string => loopback(target === "primary" ? primary.node : replica);
  const protocols = [EPISUB_PROTOCOL, SYNC_PROTOCOL, ...(target === "primary" ? [APPEND_PROTOCOL] : [])];

  test(`garbage frames and huge lengths cost their sender the stream (${target})`, async (t) => {
    const hostile = {
      "garbage frames": () => concatBytes(Uint8Array.of(40), randomBytes(40)),
      "huge lengths": () => concatBytes(Uint8Array.of(0xff, 0xff, 0xff, 0xff, 0x07), randomBytes(100)),
      "a length that does not end": () => new Uint8Array(100).fill(0xff),
    };
    for (const protocol of protocols) {
      for (const [what, bytes] of Object.entries(hostile)) {
        const { open } = await startBadPeer(t, address());
        const stream = await open(protocol);
        stream.send(bytes());
        await until(`${what} on ${protocol} ends the stream`, () => stream.status !== "open");
      }
    }
    await goesOn();
  });

  test(`endless streams are ended, however many of them there are (${target})`, async (t) => {
    const chunk = new Uint8Array(MIB).fill(0x01);
    for (const protocol of protocols) {
      const { connection } = await startBadPeer(t, address());
      const streams: Stream[] = [];
      for (let i = 0; i < 40 && connection.status === "open"; i++) {
        const stream = await connection.newStream(protocol).catch(() => undefined);
        if (stream !== undefined) streams.push(stream);
      }
      for (const stream of streams) {
        for (let i = 0; i < 8 && stream.status === "open" && stream.send(chunk); i++) await turn();
      }
      await until(`every ${protocol} stream has ended`, () =>
        streams.every(({ status }) => status !== "open"),
      );
    }
    await goesOn();
  });

  test(`who never reads is not waited for (${target})`, async (t) => {
    const neighbor = await startBadNeighbor(t, address());
    neighbor.stopReading();
    const stream = await neighbor.open(SYNC_PROTOCOL);
    stream.pause();
    const request = encodeRequest({ kind: "entries", first: 0, count: 4_096 });
    const many = concatBytes(
      ...Array.from({ length: 2_000 }, () => concatBytes(Uint8Array.of(request.length), request)),
    );
    for (let i = 0; i < 100 && stream.status === "open"; i++) {
      stream.send(many);
      await turn();
    }
    await until("the requests sent ahead end the stream", () => stream.status !== "open");
    for (let i = 0; i < 10; i++) await goesOn();
  });

  test(`wrong signatures cut their sender off, and are passed on to nobody (${target})`, async (t) => {
    const { log } = primary.node;
    const [bad, witness] = [await startBadNeighbor(t, address()), await startBadNeighbor(t, address())];
    const sealed = sealNext(log, 1);
    const { origin } = log.genesis;
    const [, signatures] = log.signed!.note.split("\n\n");
    const note = `${formatCheckpoint(origin, sealed.growth)}\n${signatures}`;
    const payload = blockMessage({ ...log.signed!, ...sealed.growth, note }, [sealed]);
    const id = messageIdOf(payload);
    bad.gossip({ type: "gossip", id, hops: 1, flood: true, payload });
    await until("it is cut off", () => bad.connection.status !== "open");
    await goesOn();
    const passedOn = witness.received.flatMap((message) =>
      message.type === "gossip" ? [message.id.key] : [],
    );
    assert(!passedOn.includes(id.key));
    assert.equal(witness.connection.status, "open");
  });

  test(`replayed blocks change nothing (${target})`, async (t) => {
    const bad = await startBadNeighbor(t, address());
    const { size } = primary.node.log.signed!;
    for (let round = 0; round < 20 && bad.connection.status === "open"; round++) {
      for (const payload of blocks.slice(0, 10))
        bad.gossip({ type: "gossip", id: messageIdOf(payload), hops: 1, flood: round % 2 === 0, payload });
      await turn();
    }
    assert.equal(replica.log.committed.size, size);
    await goesOn();
    assert.equal(primary.node.log.signed!.size, size + 1);
  });
}

test("a peer that lies about ranges is found out, and a new replica has the log from the others", async (t) => {
  const { p2pPort, ...peering } = await peeringOf();
  let lies = 0;
  const ENTRIES = 3;
  const liar = await Network.start({
    ...{ ...peering, port: p2pPort },
    answerSync: (frame) => {
      const truth = answerSync(primary.node.log, [], frame)!;
      if (frame[0] !== ENTRIES) return truth;
      lies++;
      return flipped(truth);
    },
    validate: () => "ignore",
    isKnown: () => false,
    deliver: () => undefined,
    onMissing: () => undefined,
  });
  defer(t, () => liar.close());
  const lying = await startTestReplica(t, [loopback({ multiaddrs: liar.multiaddrs() })]);
  await until("it has lied", () => lies > 0);
  await turn();
  assert.equal(lying.log.committed.size, 1, "nothing of it is stored");
  const fresh = await startTestReplica(t, [loopback({ multiaddrs: liar.multiaddrs() }), loopback(replica)]);
  await fresh.reached(primary.node.log.signed!.size);
  checkLog(fresh.log);
  await goesOn();
});

async function turn(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}
