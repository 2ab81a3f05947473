/** A libp2p node that speaks EpiSub by hand, byte for byte: what a hostile or broken peer would do. */
import { noise } from "@chainsafe/libp2p-noise";
import { yamux } from "@chainsafe/libp2p-yamux";
import { identify } from "@libp2p/identify";
import type { Stream } from "@libp2p/interface";
import { tcp } from "@libp2p/tcp";
import { createLibp2p } from "libp2p";
import { concatBytes } from "../../../src/base/bytes.ts";
import { decodeFrame, encodeFrame, WIRE } from "../../../src/replication/episub/codec.ts";
import { FrameCutter, lengthPrefix } from "../../../src/replication/episub/framing.ts";
import type { Message } from "../../../src/replication/episub/messages.ts";
import { PROTOCOL } from "../../../src/replication/episub/switchboard.ts";
import { idOf, type TestNode, TOPIC, until } from "./nodes.ts";

export async function startRawPeer(target: TestNode) {
  const node = await createLibp2p({
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux()],
    services: { identify: identify() },
  });
  const received: Message[] = [];
  let inbound: Stream | undefined;
  await node.handle(PROTOCOL, (stream) => {
    inbound = stream;
    stream.maxReadBufferLength = 32 * 2 ** 20;
    const cutter = new FrameCutter(WIRE.payloadBytesMax + WIRE.controlBytesMax);
    stream.addEventListener("message", ({ data }) => {
      for (const frame of cutter.push(data.subarray())) received.push(decodeFrame(frame, idOf).message);
    });
  });
  const connection = await node.dial(target.node.getMultiaddrs());
  const outbound = await connection.newStream(PROTOCOL);
  const peer = node.peerId.toString();
  const sendBytes = (bytes: Uint8Array) => outbound.send(bytes);
  const send = (message: Message) => {
    const { parts, length } = encodeFrame({ topic: TOPIC, message });
    sendBytes(concatBytes(lengthPrefix(length), ...parts));
  };
  return {
    node,
    peer,
    received,
    send,
    sendBytes,
    /** Asks for a link, as a peer with none; granted at once. */
    async link(): Promise<void> {
      const self = { peer, record: new Uint8Array() };
      send({ type: "neighbor", accept: false, near: false, randomLinks: 0, nearLinks: 0, self, peers: [] });
      await until("the link is granted", () => received.some(({ type }) => type === "neighbor"));
    },
    stopReading: () => inbound?.pause(),
    goOnReading: () => inbound?.resume(),
    isConnected: () => node.getConnections().length > 0,
  };
}
