/** Real libp2p nodes on 127.0.0.1 that speak EpiSub, for tests and benchmarks. Payload: u64be order, then anything. */
import { noise } from "@chainsafe/libp2p-noise";
import { yamux } from "@chainsafe/libp2p-yamux";
import { identify } from "@libp2p/identify";
import { tcp } from "@libp2p/tcp";
import { createLibp2p } from "libp2p";
import { concatBytes, readU64be, toHexDigits, u64be } from "../../../src/base/bytes.ts";
import { type EpisubInit, episub } from "../../../src/replication/episub/episub.ts";
import type { MessageId } from "../../../src/replication/episub/messages.ts";

export const TOPIC = "test";

export function payloadOf(order: number, length = 100, fill = 0): Uint8Array {
  return concatBytes(u64be(order), new Uint8Array(length - 8).fill(fill));
}

/** The order and the ninth byte name a payload. */
export function idOf(payload: Uint8Array): MessageId {
  const order = readU64be(payload, 0);
  if (order === undefined) throw new Error("no payload");
  return { key: toHexDigits(payload.subarray(0, 9)), order };
}

export async function startNode(init: Partial<EpisubInit> = {}) {
  const node = await createLibp2p({
    addresses: { listen: ["/ip4/127.0.0.1/tcp/0"] },
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux()],
    // js-libp2p refuses more than five connections per second from one host, and here all are one host.
    connectionManager: { inboundConnectionThreshold: 1_000 },
    services: {
      identify: identify(),
      episub: episub({ messageId: idOf, validate: () => "accept", ...init }),
    },
  });
  const received: MessageId[] = [];
  node.services.episub.addEventListener("message", ({ detail }) => received.push(detail.id));
  node.services.episub.subscribe(TOPIC);
  return { node, episub: node.services.episub, received, peer: node.peerId.toString() };
}

/** Ends a node without a goodbye: its connections break first. */
export async function kill({ node }: TestNode): Promise<void> {
  for (const connection of node.getConnections()) connection.abort(new Error("killed"));
  await node.stop();
}

export type TestNode = Awaited<ReturnType<typeof startNode>>;

/** Waits for a fact, told of every event that could have made it true. No fixed sleeps: it ends when it is so. */
export async function until(what: string, isSo: () => boolean, timeoutMs = 60_000): Promise<void> {
  const end = Date.now() + timeoutMs;
  while (!isSo()) {
    if (Date.now() > end) throw new Error(`it did not come to pass: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
