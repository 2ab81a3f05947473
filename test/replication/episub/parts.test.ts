/** The small parts: cache, link queue, validation queue, records, networks. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { generateKeyPair } from "@libp2p/crypto/keys";
import type { Stream } from "@libp2p/interface";
import { peerIdFromPrivateKey } from "@libp2p/peer-id";
import { multiaddr } from "@multiformats/multiaddr";
import { foreignGroup, networkGroup } from "../../../src/replication/episub/address.ts";
import { MessageCache } from "../../../src/replication/episub/cache.ts";
import { LINK_LIMITS } from "../../../src/replication/episub/limits.ts";
import { Link } from "../../../src/replication/episub/link.ts";
import type { Message } from "../../../src/replication/episub/messages.ts";
import { MalformedMessage } from "../../../src/replication/episub/protobuf.ts";
import { RecordBook, sealRecord } from "../../../src/replication/episub/records.ts";
import type { Verdict } from "../../../src/replication/episub/state.ts";
import { ValidationQueue, type ValidationRequest } from "../../../src/replication/episub/validation.ts";
import { id } from "./machine.ts";

describe("the cache", () => {
  const put = (cache: MessageCache, order: number, bytes: number, receivedAt = order) =>
    cache.put({
      id: id(order),
      payload: new Uint8Array(bytes),
      flood: false,
      receivedAt,
      hops: 1,
      from: "a",
    });

  test("gives up its oldest payloads for bytes and for entries, and still knows their ids", () => {
    const cache = new MessageCache(100, 3, 10);
    put(cache, 1, 60);
    put(cache, 2, 60);
    assert.equal(cache.get(id(1).key), undefined);
    assert.ok(cache.seen(id(1).key));
    assert.equal(cache.bytes, 60);
    for (let order = 3; order <= 6; order++) put(cache, order, 1);
    assert.equal(cache.size, 3);
    assert.deepEqual(
      cache.recent(0, 9).map((message) => message.id.order),
      [6, 5, 4],
    );
    assert.deepEqual(
      cache.recent(5, 9).map((message) => message.id.order),
      [6, 5],
    );
  });

  test("forgets the oldest ids in the end", () => {
    const cache = new MessageCache(100, 3, 2);
    for (const key of ["a", "b", "c"]) cache.markSeen(key);
    assert.deepEqual(
      ["a", "b", "c"].map((key) => cache.seen(key)),
      [false, true, true],
    );
  });
});

/** A stream that takes one batch and then wants no more until it is drained. */
class SlowStream extends EventTarget {
  readonly written: number[] = [];
  status = "open";
  writableNeedsDrain = false;
  aborted: Error | undefined;

  send(bytes: Uint8Array): boolean {
    this.written.push(bytes.length);
    this.writableNeedsDrain = true;
    return false;
  }

  drainOnce(): void {
    this.writableNeedsDrain = false;
    this.dispatchEvent(new Event("drain"));
  }

  abort(error: Error): void {
    this.aborted = error;
    this.status = "aborted";
    this.dispatchEvent(new Event("close"));
  }
}

describe("a link", () => {
  const frame = (length: number) => ({ parts: [new Uint8Array(length)], length });

  function slowLink() {
    const happened: string[] = [];
    const link = new Link(0, {
      drained: () => void happened.push("drained"),
      closed: () => void happened.push("closed"),
    });
    const stream = new SlowStream();
    link.attach(stream as unknown as Stream);
    return { link, stream, happened };
  }
  const turn = () => new Promise((resolve) => setImmediate(resolve));

  test("writes full batches, small frames together and long ones in slices, and waits for the stream in between", async () => {
    const { link, stream } = slowLink();
    for (let i = 0; i < 10; i++) link.send(frame(1_000), true, 0);
    link.send(frame(100_000), true, 0);
    await turn();
    assert.deepEqual(stream.written, [LINK_LIMITS.batchBytes]);
    stream.drainOnce();
    await turn();
    assert.deepEqual(stream.written.slice(1), [10 * 1_002 + 100_003 - LINK_LIMITS.batchBytes]);
  });

  test("refuses a payload that does not fit, takes control, and says when it has drained", async () => {
    const { link, stream, happened } = slowLink();
    const large = 2 ** 20;
    let taken = 0;
    while (link.send(frame(large), true, 0)) taken++;
    assert.equal(taken, LINK_LIMITS.queueBytesMax / large - 1);
    assert.ok(link.queueBytes <= LINK_LIMITS.queueBytesMax);
    assert.ok(link.send(frame(100), false, 0));
    for (let i = 0; link.queueBytes > 0 && i < 1_000; i++) {
      await turn();
      stream.drainOnce();
    }
    assert.deepEqual(happened, ["drained"]);
    assert.ok(link.send(frame(large), true, 0));
  });

  test("always takes one payload, however long", () => {
    const { link } = slowLink();
    assert.ok(link.send(frame(LINK_LIMITS.queueBytesMax + 1), true, 0));
    assert.ok(!link.send(frame(1), true, 0));
  });

  test("ends when not even control messages are read", () => {
    const { link, stream, happened } = slowLink();
    link.send(frame(LINK_LIMITS.queueBytesMax), true, 0);
    for (let i = 0; happened.length === 0 && i < 100; i++) link.send(frame(60_000), false, 0);
    assert.deepEqual(happened, ["closed"]);
    assert.match(String(stream.aborted), /does not read/);
    assert.equal(link.queueBytes, 0);
  });

  test("is stalled when its queue has not moved for long, and not when it is merely idle", async () => {
    const { link } = slowLink();
    assert.ok(!link.isStalled(1e9));
    const now = Date.now();
    link.send(frame(10), true, now);
    await turn();
    assert.ok(!link.isStalled(now + LINK_LIMITS.stalledMs));
    assert.ok(link.isStalled(now + LINK_LIMITS.stalledMs + 1));
  });
});

describe("the validation queue", () => {
  test("runs a few at a time, in order, and says when there is room", async () => {
    const open: ((verdict: Verdict) => void)[] = [];
    const done: string[] = [];
    const validate = () => new Promise<Verdict>((resolve) => open.push(resolve));
    const queue = new ValidationQueue(validate, 2, (request, verdict) =>
      done.push(`${request.id.order} ${verdict}`),
    );
    for (let order = 1; order <= 3; order++) queue.add(requestOf(order));
    assert.equal(open.length, 2);
    let hasRoom = false;
    const room = queue.roomForMore()?.then(() => {
      hasRoom = true;
    });
    assert.ok(room !== undefined && !hasRoom);
    open[0]!("accept");
    await room;
    assert.equal(open.length, 3);
    open[2]!("reject");
    open[1]!("accept");
    await new Promise((resolve) => setImmediate(resolve));
    assert.deepEqual(done, ["1 accept", "3 reject", "2 accept"]);
    assert.equal(queue.roomForMore(), undefined);
  });

  test("turns an exception into 'ignore', and hands it on", () => {
    const errors: unknown[] = [];
    const validate = () => {
      throw new Error("a fault");
    };
    const queue = new ValidationQueue(validate, 2, (_, verdict, error) =>
      errors.push(verdict, String(error)),
    );
    queue.add(requestOf(1));
    assert.deepEqual(errors, ["ignore", "Error: a fault"]);
  });

  function requestOf(order: number): ValidationRequest {
    return { topic: "t", from: "a", id: id(order), payload: new Uint8Array() };
  }
});

describe("peer records", async () => {
  const keys = await Promise.all([generateKeyPair("Ed25519"), generateKeyPair("Ed25519")]);
  const [alice, bob] = keys.map((key) => peerIdFromPrivateKey(key).toString()) as [string, string];
  const address = multiaddr("/ip4/203.0.113.7/tcp/4001");
  const ofAlice = await sealRecord(keys[0]!, [address]);
  const reply = (...peers: { peer: string; record: Uint8Array }[]): Message => ({
    type: "shuffle-reply",
    peers,
  });

  test("signed by the peer they name are taken, and tell where to dial it", async () => {
    const book = new RecordBook();
    assert.deepEqual(await book.check(bob, reply(ofAlice)), reply(ofAlice));
    assert.deepEqual(book.addressesOf(alice).map(String), [String(address)]);
    assert.deepEqual(book.check(bob, reply(ofAlice)), reply(ofAlice), "known ones need no waiting");
  });

  test("under another's name, or changed by one bit, are malformed", async () => {
    const changed = Uint8Array.from(ofAlice.record);
    changed[changed.length - 1]! ^= 1;
    await assert.rejects(
      async () => new RecordBook().check(bob, reply({ peer: bob, record: ofAlice.record })),
      MalformedMessage,
    );
    await assert.rejects(
      async () => new RecordBook().check(bob, reply({ peer: alice, record: changed })),
      MalformedMessage,
    );
  });

  test("that are missing leave the peer out, unless it is the sender itself", async () => {
    const unsigned = { peer: alice, record: new Uint8Array() };
    assert.deepEqual(await new RecordBook().check(bob, reply(unsigned)), reply());
    assert.deepEqual(await new RecordBook().check(alice, reply(unsigned)), reply(unsigned));
    const join: Message = { type: "join", peer: unsigned, ttl: 1 };
    assert.equal(await new RecordBook().check(bob, join), undefined);
    assert.deepEqual(await new RecordBook().check(alice, join), join);
  });

  test("a network that we are in ourselves is none", () => {
    const own = [multiaddr("/ip4/192.0.2.7/tcp/1"), multiaddr("/ip4/127.0.0.1/tcp/1")];
    const group = (text: string) => foreignGroup(multiaddr(text), own);
    assert.equal(group("/ip4/192.0.2.200/tcp/2"), undefined);
    assert.equal(group("/ip4/198.51.100.1/tcp/2"), "198.51.100.0/24");
    assert.equal(group("/ip4/127.0.0.1/tcp/2"), undefined);
    assert.equal(foreignGroup(undefined, own), undefined);
  });

  test("of a node that listens nowhere are empty", async () => {
    assert.equal((await sealRecord(keys[0]!, [])).record.length, 0);
  });
});

describe("networks", () => {
  const group = (text: string) => networkGroup(multiaddr(text));

  test("are the /24 and /48 of public addresses", () => {
    assert.equal(group("/ip4/203.0.113.7/tcp/1"), group("/ip4/203.0.113.200/tcp/2"));
    assert.notEqual(group("/ip4/203.0.113.7/tcp/1"), group("/ip4/203.0.114.7/tcp/1"));
    assert.equal(group("/ip6/2001:db8:1::1/tcp/1"), group("/ip6/2001:db8:1:ffff::9/tcp/1"));
    assert.notEqual(group("/ip6/2001:db8:1::1/tcp/1"), group("/ip6/2001:db8:2::1/tcp/1"));
  });

  test("do not count inside a machine or a site", () => {
    for (const host of [
      "ip4/127.0.0.1",
      "ip4/10.1.2.3",
      "ip4/192.168.1.1",
      "ip4/172.16.0.1",
      "ip6/::1",
      "ip6/fd00::1",
      "dns4/example.org",
    ]) {
      assert.equal(group(`/${host}/tcp/1`), undefined, host);
    }
    assert.notEqual(group("/ip4/172.32.0.1/tcp/1"), undefined);
  });
});
