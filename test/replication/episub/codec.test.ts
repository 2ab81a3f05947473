/** The wire: one vector per message, what is refused, and that nothing hostile gets through or takes long. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { concatBytes, fromHex, toHexDigits } from "../../../src/base/bytes.ts";
import { decodeFrame, encodeFrame, WIRE } from "../../../src/replication/episub/codec.ts";
import { FrameCutter, lengthPrefix } from "../../../src/replication/episub/framing.ts";
import { LIMITS } from "../../../src/replication/episub/limits.ts";
import { DISCONNECT_REASONS, type Message, type PeerInfo } from "../../../src/replication/episub/messages.ts";
import { MalformedMessage } from "../../../src/replication/episub/protobuf.ts";
import { idOf, payloadOf } from "./nodes.ts";

const encode = (topic: string, message: Message) => concatBytes(...encodeFrame({ topic, message }).parts);
const decode = (bytes: Uint8Array) => decodeFrame(bytes, idOf);
const bytes = (hex: string) => fromHex(`0x${hex.replaceAll(" ", "")}`);

const a: PeerInfo = { peer: "A", record: bytes("0102") };
const b: PeerInfo = { peer: "B", record: new Uint8Array() };
const x = { key: "abcd", order: 300 };
const payload = payloadOf(5, 9, 7);

/** Written by hand from the schema in codec.ts; 0a 01 74 is topic "t". */
const VECTORS: readonly [string, Message, string][] = [
  ["GETNODES", { type: "get-nodes" }, "12 00"],
  ["NODES", { type: "nodes", ttl: 6, peers: [a, b] }, "1a 10 08 06 12 07 0a0141 12020102 12 03 0a0142"],
  ["GETTOPICS", { type: "get-topics" }, "22 00"],
  ["TOPICS", { type: "topics", topics: ["t", "u"] }, "2a 06 0a 01 74 0a 01 75"],
  ["JOIN", { type: "join", peer: a, ttl: 1 }, "32 0b 08 01 12 07 0a0141 12020102"],
  ["FORWARDJOIN", { type: "forward-join", peer: a, ttl: 0 }, "3a 09 12 07 0a0141 12020102"],
  [
    "NEIGHBOR",
    { type: "neighbor", accept: true, near: true, randomLinks: 4, nearLinks: 3, self: b, peers: [a] },
    "42 16 08 01 10 01 18 04 20 03 2a 03 0a0142 32 07 0a0141 12020102",
  ],
  ["DISCONNECT", { type: "disconnect", reason: "trimmed" }, "4a 02 08 01"],
  ["LEAVE", { type: "leave", source: "A", ttl: 3 }, "52 05 08 03 12 01 41"],
  [
    "SHUFFLE",
    { type: "shuffle", origin: a, peers: [b], ttl: 2 },
    "5a 10 08 02 12 07 0a0141 12020102 1a 03 0a0142",
  ],
  ["SHUFFLEREPLY", { type: "shuffle-reply", peers: [b] }, "62 05 0a 03 0a0142"],
  [
    "GOSSIP",
    { type: "gossip", id: idOf(payload), hops: 2, flood: true, payload },
    "6a 0f 08 02 10 01 1a 09 0000000000000005 07",
  ],
  ["IHAVE of nothing", { type: "ihave", summaries: [] }, "72 00"],
  ["IHAVE", { type: "ihave", summaries: [{ id: x, hops: 9 }] }, "72 0b 0a 09 0a 02 abcd 10 ac02 18 09"],
  ["GRAFT", { type: "graft", ids: [x] }, "7a 09 0a 07 0a 02 abcd 10 ac02"],
  ["PRUNE", { type: "prune" }, "8201 00"],
  ["PING", { type: "ping", nonce: 150 }, "8a01 03 08 9601"],
  ["PONG", { type: "pong", nonce: 1 }, "9201 02 08 01"],
];

describe("a frame", () => {
  for (const [name, message, hex] of VECTORS) {
    test(`with ${name} looks exactly like this`, () => {
      const wire = bytes(`0a0174 ${hex}`);
      assert.equal(toHexDigits(encode("t", message)), toHexDigits(wire));
      assert.deepEqual(decode(wire), { topic: "t", message });
    });
  }

  test("with anything out of place is refused", () => {
    const hostile: Record<string, string> = {
      nothing: "",
      "no message": "0a0174",
      "two messages": "0a0174 1200 1200",
      "an unknown message": "0a0174 9a0100",
      "no topic": "1200",
      "a topic that is no UTF-8": "0a01ff 1200",
      "a field that GETNODES has not": "0a0174 12020801",
      "a default written out": "0a0174 4a020800",
      "a long varint": "0a0174 4a03088100",
      "a reason that does not exist": "0a0174 4a020808",
      "a TTL beyond the limit": "0a0174 5205 0809 120141",
      "fields in the wrong order": "0a0174 5205 120141 0803",
      "a missing field": "0a0174 52020803",
      "a length past the end": "0a0174 12ff",
      "an empty record written out": "0a0174 3a07 1205 0a0141 1200",
      "a varint past 2^53": "0a0174 8a010a 08ffffffffffffffff7f",
      "an id of 65 bytes": `0a0174 7a45 0a43 0a41 ${"00".repeat(65)}`,
      "more hops than there can be": "0a0174 6a0d 0841 1a09 0000000000000005 07",
    };
    for (const [what, hex] of Object.entries(hostile)) {
      assert.throws(() => decode(bytes(hex)), MalformedMessage, what);
    }
  });

  test("with more ids, peers, topics or bytes than allowed is refused", () => {
    const id = { key: "00", order: 0 };
    const tooMany: Message[] = [
      { type: "graft", ids: Array(LIMITS.idsPerMessageMax + 1).fill(id) },
      { type: "ihave", summaries: Array(LIMITS.idsPerMessageMax + 1).fill({ id, hops: 1 }) },
      { type: "shuffle-reply", peers: Array(LIMITS.peersPerMessageMax + 1).fill(a) },
      { type: "gossip", id, hops: 1, flood: true, payload: payloadOf(1, WIRE.floodBytesMax + 1) },
      { type: "topics", topics: Array(WIRE.topicsMax + 1).fill("t") },
      { type: "join", ttl: 1, peer: { peer: "A", record: new Uint8Array(WIRE.recordBytesMax + 1) } },
    ];
    for (const message of tooMany)
      assert.throws(() => decode(encode("t", message)), MalformedMessage, message.type);
  });

  test("whatever the application cannot name is refused", () => {
    const message: Message = { type: "gossip", id: x, hops: 1, flood: false, payload: bytes("ff".repeat(9)) };
    assert.throws(() => decode(encode("t", message)), /no payload/);
  });

  const peer = fc.record({
    peer: fc.string({ unit: "grapheme", maxLength: 20 }),
    record: fc.uint8Array({ maxLength: 50 }),
  });
  const peers = fc.array(peer, { maxLength: 5 });
  const ttl = fc.nat(LIMITS.ttlMax);
  const id = fc.record({
    key: fc.uint8Array({ maxLength: 64 }).map(toHexDigits),
    order: fc.nat(Number.MAX_SAFE_INTEGER),
  });
  const hops = fc.nat(LIMITS.hopsMax);
  const message: fc.Arbitrary<Message> = fc.oneof(
    fc.record({ type: fc.constant("nodes"), peers, ttl }),
    fc.record({ type: fc.constant("join"), peer, ttl }),
    fc.record({
      type: fc.constant("neighbor"),
      accept: fc.boolean(),
      near: fc.boolean(),
      randomLinks: fc.nat(1_000),
      nearLinks: fc.nat(1_000),
      self: peer,
      peers,
    }),
    fc.record({ type: fc.constant("disconnect"), reason: fc.constantFrom(...DISCONNECT_REASONS) }),
    fc.record({ type: fc.constant("shuffle"), origin: peer, peers, ttl }),
    fc.record({
      type: fc.constant("ihave"),
      summaries: fc.array(fc.record({ id, hops }), { maxLength: 64 }),
    }),
    fc.record({ type: fc.constant("graft"), ids: fc.array(id, { maxLength: 64 }) }),
    fc.record({ type: fc.constant("ping"), nonce: fc.nat(Number.MAX_SAFE_INTEGER) }),
  );

  test("comes back as it was sent", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme", maxLength: 40 }), message, (topic, message) => {
        // structuredClone: fast-check makes objects without a prototype.
        assert.deepEqual(decode(encode(topic, message)), structuredClone({ topic, message }));
      }),
    );
  });

  test("with one byte changed is refused, or is the one frame that encodes to it", () => {
    fc.assert(
      fc.property(message, fc.nat(), fc.nat(255), (message, position, byte) => {
        const wire = encode("t", message);
        wire[position % wire.length] = byte;
        onlyCanonical(wire);
      }),
      { numRuns: 500 },
    );
  });

  test("of random bytes is refused, or is the one frame that encodes to it", () => {
    const start = bytes("0a0174");
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.boolean(), (noise, plausible) => {
        onlyCanonical(plausible ? concatBytes(start, noise) : noise);
      }),
      { numRuns: 2_000 },
    );
  });
});

function onlyCanonical(wire: Uint8Array): void {
  let frame: ReturnType<typeof decode>;
  try {
    frame = decode(wire);
  } catch (error) {
    assert.ok(
      error instanceof MalformedMessage || (error instanceof Error && error.message === "no payload"),
    );
    return;
  }
  assert.deepEqual(encode(frame.topic, frame.message), wire);
}

describe("the stream of frames", () => {
  test("is cut the same way however it arrives", () => {
    const frames = fc.array(fc.uint8Array({ minLength: 1, maxLength: 300 }), { maxLength: 10 });
    fc.assert(
      fc.property(frames, fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1 }), (frames, cuts) => {
        const wire = concatBytes(...frames.flatMap((frame) => [lengthPrefix(frame.length), frame]));
        const cutter = new FrameCutter(300);
        const found: Uint8Array[] = [];
        for (let offset = 0, i = 0; offset < wire.length; i++) {
          const end = offset + cuts[i % cuts.length]!;
          found.push(...cutter.push(wire.subarray(offset, end)));
          offset = end;
        }
        assert.deepEqual(found, frames);
        assert.equal(cutter.held, 0);
      }),
    );
  });

  test("ends at a length of zero, beyond the limit, endless, or not in its shortest form", () => {
    for (const prefix of ["00", "ad02", "ffffffff0f", "8100"]) {
      const cutter = new FrameCutter(300);
      assert.throws(() => [...cutter.push(bytes(prefix))], MalformedMessage, prefix);
    }
  });

  test("holds what has arrived, not what was announced", () => {
    const cutter = new FrameCutter(2 ** 22);
    assert.deepEqual([...cutter.push(concatBytes(lengthPrefix(2 ** 22), new Uint8Array(10)))], []);
    assert.equal(cutter.held, 10);
  });
});
