/** One node of bench/gossip.ts: a process of its own with EpiSub, gossipsub or floodsub. Obeys its parent over IPC. */
import diagnostics from "node:diagnostics_channel";
import type { Socket } from "node:net";
import { noise } from "@chainsafe/libp2p-noise";
import { yamux } from "@chainsafe/libp2p-yamux";
import { type FloodSubComponents, floodsub } from "@libp2p/floodsub";
import { type GossipSubComponents, gossipsub } from "@libp2p/gossipsub";
import { identify } from "@libp2p/identify";
import { tcp } from "@libp2p/tcp";
import { multiaddr } from "@multiformats/multiaddr";
import { createLibp2p } from "libp2p";
import { concatBytes, readU64be, toHexDigits, u64be } from "../src/base/bytes.ts";
import { episub } from "../src/replication/episub/episub.ts";
import type { MessageId } from "../src/replication/episub/messages.ts";

export type Router = "episub" | "gossipsub" | "floodsub";

export type Order =
  | { readonly type: "dial"; readonly addresses: readonly string[] }
  | { readonly type: "publish"; readonly order: number; readonly bytes: number }
  | { readonly type: "count" }
  | { readonly type: "stop" };

export type Report =
  | { readonly type: "started"; readonly address: string }
  | { readonly type: "dialled" }
  | {
      readonly type: "counted";
      readonly bytesRead: number;
      readonly cpuMs: number;
      readonly rssMiB: number;
      readonly behind: number;
      readonly latencies: readonly Arrival[];
    };

/** `hops` is undefined where the router does not count them. */
export type Arrival = readonly [order: number, ms: number, hops: number | undefined];

const TOPIC = "bench";
const [router, slowMs] = [process.argv[2] as Router, Number(process.argv[3] ?? 0)];

// What TCP delivered to this process, whatever the router: payload, duplicates and control alike.
const sockets: Socket[] = [];
for (const name of ["net.client.socket", "net.server.socket"]) {
  diagnostics.subscribe(name, (message) => sockets.push((message as { socket: Socket }).socket));
}

const latencies: Arrival[] = [];
let behind = 0;
const now = () => performance.timeOrigin + performance.now();

function payloadOf(order: number, bytes: number): Uint8Array {
  const header = concatBytes(u64be(order), u64be(Math.round(now() * 1_000)));
  return concatBytes(header, new Uint8Array(bytes - header.length));
}

function idOf(payload: Uint8Array): MessageId {
  return { key: toHexDigits(payload.subarray(0, 16)), order: readU64be(payload, 0)! };
}

function received(payload: Uint8Array, hops?: number): void {
  latencies.push([readU64be(payload, 0)!, now() - readU64be(payload, 8)! / 1_000, hops]);
}

/** A slow reader verifies one payload after the other, and takes its time. */
let verification = Promise.resolve();
function verifySlowly(): Promise<"accept"> {
  verification = verification.then(() => new Promise((resolve) => setTimeout(resolve, slowMs)));
  return verification.then(() => "accept");
}

const common = {
  addresses: { listen: ["/ip4/127.0.0.1/tcp/0"] },
  transports: [tcp()],
  connectionEncrypters: [noise()],
  streamMuxers: [yamux()],
  connectionManager: { inboundConnectionThreshold: 1_000 },
};

async function start() {
  if (router === "episub") {
    const validate = slowMs > 0 ? verifySlowly : () => "accept" as const;
    const service = episub({ messageId: idOf, validate });
    const node = await createLibp2p({ ...common, services: { identify: identify(), pubsub: service } });
    node.services.pubsub.subscribe(TOPIC);
    node.services.pubsub.addEventListener("message", ({ detail }) => received(detail.payload, detail.hops));
    node.services.pubsub.addEventListener("behind", () => behind++);
    return { node, publish: (payload: Uint8Array) => void node.services.pubsub.publish(TOPIC, payload) };
  }
  const gossip = gossipsub({
    globalSignaturePolicy: "StrictNoSign",
    allowPublishToZeroTopicPeers: true,
    msgIdFn: ({ data }) => data.subarray(0, 16),
  });
  // floodsub drops unsigned messages even where its policy asks for them: it pays for a signature per message.
  const flood = floodsub();
  const service: (components: GossipSubComponents & FloodSubComponents) => PubSub =
    router === "gossipsub" ? gossip : flood;
  const node = await createLibp2p({ ...common, services: { identify: identify(), pubsub: service } });
  const { pubsub } = node.services;
  pubsub.subscribe(TOPIC);
  pubsub.addEventListener("message", ({ detail }) => received(detail.data));
  return {
    node,
    publish: (payload: Uint8Array) => {
      pubsub.publish(TOPIC, payload).catch((error: unknown) => console.error(error));
    },
  };
}

/** What both have in common, and all that is used here. */
interface PubSub {
  subscribe(topic: string): void;
  publish(topic: string, payload: Uint8Array): Promise<unknown>;
  addEventListener(type: "message", listener: (event: CustomEvent<{ data: Uint8Array }>) => void): void;
}

// A parent that died must not leave its nodes behind.
process.on("disconnect", () => process.exit(1));
const { node, publish } = await start();
const tell = (report: Report) => process.send?.(report);

process.on("message", async (order: Order) => {
  switch (order.type) {
    case "dial":
      for (const address of order.addresses) await node.dial(multiaddr(address));
      tell({ type: "dialled" });
      break;
    case "publish":
      publish(payloadOf(order.order, order.bytes));
      break;
    case "count": {
      const bytesRead = sockets.reduce((sum, socket) => sum + socket.bytesRead, 0);
      const { user, system } = process.cpuUsage();
      const rssMiB = process.memoryUsage.rss() / 2 ** 20;
      tell({ type: "counted", bytesRead, cpuMs: (user + system) / 1_000, rssMiB, behind, latencies });
      break;
    }
    case "stop":
      process.exit(0);
  }
});
tell({ type: "started", address: node.getMultiaddrs()[0]!.toString() });
