/**
 * EpiSub on the wire: protobuf, one Frame per message, each preceded by its length as a varint (framing.ts).
 * The schema, also in docs/episub.md; a field at its default is left out, anything else than the shown order is refused.
 *
 *   Frame    { string topic = 1; then exactly one message, field number = KINDS }
 *   Peer     { string id = 1; bytes record = 2 }          record: libp2p signed peer record, may be empty
 *   Id       { bytes id = 1; uint64 order = 2 }           Summary { bytes id = 1; uint64 order = 2; uint32 hops = 3 }
 */
import { fromHex, toHexDigits } from "../../base/bytes.ts";
import { LIMITS } from "./limits.ts";
import {
  DISCONNECT_REASONS,
  type Message,
  type MessageId,
  type MessageType,
  type PeerInfo,
  type Summary,
} from "./messages.ts";
import { MalformedMessage, Reader, text, Writer } from "./protobuf.ts";

export interface Frame {
  readonly topic: string;
  readonly message: Message;
}

/** Names a payload that has just arrived: see EpisubInit.messageId. */
export type MessageIdOf = (payload: Uint8Array) => MessageId;

/** What a frame may contain, in bytes and characters. */
export const WIRE = {
  topicBytesMax: 256,
  /** A peer id as text has 52 characters with Ed25519. */
  peerIdBytesMax: 128,
  /** A signed record with ten addresses has about 600 bytes. */
  recordBytesMax: 2_048,
  idBytesMax: 64,
  topicsMax: 64,
  payloadBytesMax: 4 * 2 ** 20,
  /** A flooded payload crosses every link: whoever relays could otherwise flood the large ones at will. */
  floodBytesMax: 256 * 2 ** 10,
  /** Everything but GOSSIP: 32 peers with the longest records. */
  controlBytesMax: 80 * 1_024,
} as const;

const KINDS: Record<MessageType, number> = {
  "get-nodes": 2,
  nodes: 3,
  "get-topics": 4,
  topics: 5,
  join: 6,
  "forward-join": 7,
  neighbor: 8,
  disconnect: 9,
  leave: 10,
  shuffle: 11,
  "shuffle-reply": 12,
  gossip: 13,
  ihave: 14,
  graft: 15,
  prune: 16,
  ping: 17,
  pong: 18,
};
const TYPES = new Map(Object.entries(KINDS).map(([type, field]) => [field, type as MessageType]));

/** The frame without its length prefix, as parts: a payload is not copied. */
export function encodeFrame({ topic, message }: Frame): { parts: Uint8Array[]; length: number } {
  const writer = new Writer();
  writer.string(1, topic);
  writer.message(KINDS[message.type], (body) => writeBody(body, message));
  return { parts: writer.parts, length: writer.length };
}

function writeBody(body: Writer, message: Message): void {
  switch (message.type) {
    case "nodes":
      body.uint(1, message.ttl);
      writePeers(body, 2, message.peers);
      return;
    case "topics":
      for (const topic of message.topics) body.string(1, topic);
      return;
    case "join":
    case "forward-join":
      body.uint(1, message.ttl);
      writePeers(body, 2, [message.peer]);
      return;
    case "neighbor":
      body.uint(1, Number(message.accept));
      body.uint(2, Number(message.near));
      body.uint(3, message.randomLinks);
      body.uint(4, message.nearLinks);
      writePeers(body, 5, [message.self]);
      writePeers(body, 6, message.peers);
      return;
    case "disconnect":
      body.uint(1, DISCONNECT_REASONS.indexOf(message.reason));
      return;
    case "leave":
      body.uint(1, message.ttl);
      body.string(2, message.source);
      return;
    case "shuffle":
      body.uint(1, message.ttl);
      writePeers(body, 2, [message.origin]);
      writePeers(body, 3, message.peers);
      return;
    case "shuffle-reply":
      writePeers(body, 1, message.peers);
      return;
    case "gossip":
      body.uint(1, message.hops);
      body.uint(2, Number(message.flood));
      body.bytes(3, message.payload);
      return;
    case "ihave":
      for (const { id, hops } of message.summaries) body.message(1, (item) => writeId(item, id, hops));
      return;
    case "graft":
      for (const id of message.ids) body.message(1, (item) => writeId(item, id, 0));
      return;
    case "ping":
    case "pong":
      body.uint(1, message.nonce);
      return;
  }
}

function writePeers(body: Writer, field: number, peers: readonly PeerInfo[]): void {
  for (const { peer, record } of peers) {
    body.message(field, (item) => {
      item.string(1, peer);
      if (record.length > 0) item.bytes(2, record);
    });
  }
}

function writeId(item: Writer, id: MessageId, hops: number): void {
  item.bytes(1, fromHex(`0x${id.key}`));
  item.uint(2, id.order);
  item.uint(3, hops);
}

/** @throws MalformedMessage if the bytes are anything that encodeFrame would not have written. */
export function decodeFrame(bytes: Uint8Array, messageIdOf: MessageIdOf): Frame {
  const reader = new Reader(bytes);
  const topic = reader.string(1, WIRE.topicBytesMax);
  const { field, body } = reader.any(WIRE.payloadBytesMax + WIRE.controlBytesMax);
  reader.end();
  const type = TYPES.get(field);
  if (type === undefined) throw new MalformedMessage(`there is no message ${field}`);
  if (type !== "gossip" && body.length > WIRE.controlBytesMax)
    throw new MalformedMessage(`${type} is too long`);
  const inner = new Reader(body);
  const message = readBody(type, inner, messageIdOf);
  inner.end();
  return { topic, message };
}

function readBody(type: MessageType, body: Reader, messageIdOf: MessageIdOf): Message {
  switch (type) {
    case "get-nodes":
    case "get-topics":
    case "prune":
      return { type };
    case "nodes": {
      const ttl = readTtl(body);
      return { type, ttl, peers: readPeers(body, 2) };
    }
    case "topics": {
      const read = (bytes: Uint8Array) => text(bytes, WIRE.topicBytesMax);
      return { type, topics: body.repeated(1, WIRE.topicsMax, read) };
    }
    case "join":
    case "forward-join": {
      const ttl = readTtl(body);
      return { type, ttl, peer: readPeer(body.bytes(2, WIRE.controlBytesMax)) };
    }
    case "neighbor":
      return {
        type,
        accept: body.bool(1),
        near: body.bool(2),
        randomLinks: body.uint(3, 1_000),
        nearLinks: body.uint(4, 1_000),
        self: readPeer(body.bytes(5, WIRE.controlBytesMax)),
        peers: readPeers(body, 6),
      };
    case "disconnect":
      return { type, reason: DISCONNECT_REASONS[body.uint(1, DISCONNECT_REASONS.length - 1)]! };
    case "leave": {
      const ttl = readTtl(body);
      return { type, ttl, source: body.string(2, WIRE.peerIdBytesMax) };
    }
    case "shuffle": {
      const ttl = readTtl(body);
      const origin = readPeer(body.bytes(2, WIRE.controlBytesMax));
      return { type, ttl, origin, peers: readPeers(body, 3) };
    }
    case "shuffle-reply":
      return { type, peers: readPeers(body, 1) };
    case "gossip": {
      const hops = body.uint(1, LIMITS.hopsMax);
      const flood = body.bool(2);
      const payload = body.bytes(3, flood ? WIRE.floodBytesMax : WIRE.payloadBytesMax);
      return { type, hops, flood, payload, id: messageIdOf(payload) };
    }
    case "ihave":
      return {
        type,
        summaries: body.repeated(1, LIMITS.idsPerMessageMax, (item) => readSummary(item, true)),
      };
    case "graft": {
      const summaries = body.repeated(1, LIMITS.idsPerMessageMax, (item) => readSummary(item, false));
      return { type, ids: summaries.map(({ id }) => id) };
    }
    case "ping":
    case "pong":
      return { type, nonce: body.uint(1, Number.MAX_SAFE_INTEGER) };
  }
}

function readTtl(body: Reader): number {
  return body.uint(1, LIMITS.ttlMax);
}

function readPeers(body: Reader, field: number): PeerInfo[] {
  return body.repeated(field, LIMITS.peersPerMessageMax, readPeer);
}

function readPeer(bytes: Uint8Array): PeerInfo {
  const reader = new Reader(bytes);
  const peer = reader.string(1, WIRE.peerIdBytesMax);
  // Copied: a record outlives the frame it came in, and must not keep all of it in memory.
  const record = reader.optionalBytes(2, WIRE.recordBytesMax)?.slice();
  if (record?.length === 0) throw new MalformedMessage("an empty record is written out");
  reader.end();
  return { peer, record: record ?? new Uint8Array() };
}

function readSummary(bytes: Uint8Array, hasHops: boolean): Summary {
  const reader = new Reader(bytes);
  const key = toHexDigits(reader.bytes(1, WIRE.idBytesMax));
  const order = reader.uint(2, Number.MAX_SAFE_INTEGER);
  const hops = hasHops ? reader.uint(3, LIMITS.hopsMax) : 0;
  reader.end();
  return { id: { key, order }, hops };
}
