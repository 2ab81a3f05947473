/** Check 1, membership: one vector for every message and transition of HyParView as the draft has it. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { LIMITS } from "../../../src/replication/episub/limits.ts";
import { effectsOf, gossip, info, Machine, neighbor, receivers, sent } from "./machine.ts";

const A = 7;
const peers = (count: number, prefix = "p") => Array.from({ length: count }, (_, i) => `${prefix}${i}`);

describe("joining", () => {
  test("a subscriber asks a contact for a fresh view and joins through it", () => {
    const machine = new Machine();
    const effects = machine.step({ type: "subscribe", contacts: [info("c")] });
    assert.deepEqual(receivers(effects, "get-nodes"), ["c"]);
    assert.deepEqual(sent(effects, "join"), [
      { to: "c", message: { type: "join", peer: info("me"), ttl: 6 } },
    ]);
  });

  test("the fresh view is joined through C_rand different nodes, with the TTL the contact advises", () => {
    const machine = new Machine();
    machine.step({ type: "subscribe", contacts: [info("c")] });
    const effects = machine.receive("c", { type: "nodes", peers: peers(10).map(info), ttl: 4 });
    assert.equal(new Set(receivers(effects, "join")).size, 4);
    assert.ok(sent(effects, "join").every(({ message }) => message.ttl === 4));
  });

  test("a view that nobody asked for is remembered but not joined through", () => {
    const machine = new Machine();
    const effects = machine.receive("c", { type: "nodes", peers: [info("x")], ttl: 6 });
    assert.deepEqual(effects, []);
    assert.ok(machine.state.passive.has("x"));
  });

  test("GETNODES is answered with passive and active peers, but not with the asker", () => {
    const machine = new Machine();
    machine.link("a", "b");
    machine.receive("x", { type: "forward-join", peer: info("q"), ttl: 0 });
    const [answer] = sent(machine.receive("a", { type: "get-nodes" }), "nodes");
    assert.deepEqual(answer?.message.peers.map(({ peer }) => peer).sort(), ["b", "q"]);
    assert.equal(answer?.to, "a");
  });

  test("a JOIN is taken when there is room, after connecting back", () => {
    const machine = new Machine();
    machine.link("a");
    const checking = machine.receive("a", { type: "join", peer: info("new"), ttl: 6 });
    assert.deepEqual(checking, [{ type: "connect", peer: info("new") }]);
    const effects = machine.step({ type: "connected", peer: "new" });
    assert.equal(sent(effects, "neighbor")[0]?.message.accept, true);
    assert.deepEqual(sent(effects, "forward-join"), [
      { to: "a", message: { type: "forward-join", peer: info("new"), ttl: 3 } },
    ]);
    assert.ok(machine.neighbors.includes("new"));
  });

  test("the grant of a link is said before anything else goes over it", () => {
    const machine = new Machine();
    machine.step({ type: "publish", id: { key: "00", order: 1 }, payload: new Uint8Array(1), flood: false });
    const effects = machine.receive("new", neighbor("new"));
    const types = effects.flatMap((effect) => (effect.type === "send" ? [effect.message.type] : []));
    assert.deepEqual(types, ["neighbor", "ihave"]);
  });

  test("a neighbour that was lost and is found again is asked at once", () => {
    const machine = new Machine({}, ["boss"]);
    machine.link("a", "b", "c", "d", "boss");
    assert.deepEqual(receivers(machine.step({ type: "disconnected", peer: "boss" }), "neighbor"), []);
    assert.deepEqual(receivers(machine.step({ type: "contact", peer: info("boss") }), "neighbor"), ["boss"]);
  });

  test("a JOIN of a neighbour by itself means that it was started again: it is a new link, eager, and told what is new", () => {
    const machine = new Machine();
    machine.link("a", "b");
    machine.receive("b", { type: "prune" });
    machine.deliver("a", gossip(1));
    const join = { type: "join", peer: info("b"), ttl: 6 } as const;
    machine.receive("a", join);
    assert.ok(!machine.eager.includes("b"), "nobody else can say so");
    assert.equal(effectsOf(machine.receive("b", join), "neighbor-down").length, 1);
    const effects = machine.step({ type: "connected", peer: "b" });
    assert.deepEqual(receivers(effects, "neighbor"), ["b"]);
    assert.deepEqual(receivers(effects, "ihave"), ["b"]);
    assert.ok(machine.eager.includes("b"));
  });

  test("a JOIN that cannot be connected back to walks on, and ends at TTL 0", () => {
    const machine = new Machine();
    machine.link("a", "b");
    machine.receive("a", { type: "join", peer: info("new"), ttl: 2 });
    const onward = machine.step({ type: "disconnected", peer: "new" });
    assert.deepEqual(sent(onward, "join"), [
      { to: "b", message: { type: "join", peer: info("new"), ttl: 1 } },
    ]);
    machine.receive("a", { type: "join", peer: info("new"), ttl: 0 });
    assert.deepEqual(sent(machine.step({ type: "disconnected", peer: "new" }), "join"), []);
    assert.ok(!machine.neighbors.includes("new"));
  });

  test("two nodes that ask each other at once have one link, and nothing left open", () => {
    const machine = new Machine();
    machine.step({ type: "contact", peer: info("a") });
    assert.equal(machine.state.pending.size, 1);
    const effects = machine.receive("a", neighbor("a"));
    assert.equal(effectsOf(effects, "neighbor-up").length, 1);
    assert.deepEqual(machine.receive("a", neighbor("a", { accept: true })), []);
    assert.equal(machine.state.pending.size, 0);
  });

  test("a joiner that became a neighbour while it was checked stays the neighbour it is", () => {
    const machine = new Machine();
    machine.receive("x", { type: "join", peer: info("new"), ttl: 0 });
    machine.link("new");
    const before = machine.state.active.get("new");
    assert.deepEqual(effectsOf(machine.step({ type: "connected", peer: "new" }), "neighbor-up"), []);
    assert.equal(machine.state.active.get("new"), before);
  });

  test("a full node hands a JOIN on, never to its sender or to the joiner", () => {
    const machine = new Machine();
    machine.link(...peers(A));
    for (let i = 0; i < 50; i++) {
      const [onward] = sent(machine.receive("p0", { type: "join", peer: info("p1"), ttl: 5 }), "join");
      assert.equal(onward, undefined, "a neighbour that joins again is no news");
      const [other] = sent(machine.receive("p0", { type: "join", peer: info("new"), ttl: 5 }), "join");
      assert.ok(other !== undefined && other.to !== "p0" && other.message.ttl === 4);
    }
  });

  test("a full node takes a JOIN whose TTL is 0, up to three times its view", () => {
    const machine = new Machine();
    machine.link(...peers(A));
    for (const peer of peers(30, "j")) {
      machine.receive("p0", { type: "join", peer: info(peer), ttl: 0 });
      machine.step({ type: "connected", peer });
    }
    assert.equal(machine.neighbors.length, LIMITS.activeFactorMax * A);
  });

  test("FORWARDJOIN is remembered along its walk", () => {
    const machine = new Machine();
    machine.link("a", "b");
    const effects = machine.receive("a", { type: "forward-join", peer: info("new"), ttl: 2 });
    assert.ok(machine.state.passive.has("new"));
    assert.deepEqual(sent(effects, "forward-join"), [
      { to: "b", message: { type: "forward-join", peer: info("new"), ttl: 1 } },
    ]);
    assert.deepEqual(machine.receive("a", { type: "forward-join", peer: info("new"), ttl: 0 }), []);
  });

  test("who has lost everybody starts again from the contacts", () => {
    const machine = new Machine();
    machine.step({ type: "subscribe", contacts: [info("c")] });
    machine.receive("c", neighbor("c", { accept: true }));
    assert.deepEqual(machine.neighbors, ["c"]);
    machine.step({ type: "disconnected", peer: "c" });
    const effects = machine.wait(30_000);
    assert.ok(receivers(effects, "join").includes("c"));
  });

  test("a lost contact that answers again is joined through: it may be the other side of a partition", () => {
    const machine = new Machine();
    machine.step({ type: "subscribe", contacts: [info("c")] });
    machine.step({ type: "disconnected", peer: "c" });
    machine.link(...peers(A));
    const tried = machine.wait(30_000);
    assert.ok(effectsOf(tried, "connect").some(({ peer }) => peer.peer === "c"));
    assert.deepEqual(receivers(machine.step({ type: "connected", peer: "c" }), "join"), ["c"]);
  });
});

describe("NEIGHBOR", () => {
  test("is granted while there is room, and kept as asked: random or near", () => {
    const machine = new Machine();
    const effects = machine.receive("a", neighbor("a", { near: true }));
    assert.equal(sent(effects, "neighbor")[0]?.message.accept, true);
    assert.equal(machine.state.active.get("a")?.near, true);
    assert.deepEqual(effectsOf(effects, "neighbor-up"), [{ type: "neighbor-up", peer: "a", near: true }]);
  });

  test("is granted by a full node to one with fewer than C_rand links", () => {
    const machine = new Machine();
    machine.link(...peers(A));
    machine.receive("a", neighbor("a", { randomLinks: 3, nearLinks: 0 }));
    assert.ok(machine.neighbors.includes("a"));
  });

  test("is refused with DISCONNECT by a full node otherwise, and the asker is remembered", () => {
    const machine = new Machine();
    machine.link(...peers(A));
    const effects = machine.receive("a", neighbor("a"));
    assert.deepEqual(sent(effects, "disconnect"), [
      { to: "a", message: { type: "disconnect", reason: "full" } },
    ]);
    assert.ok(machine.state.passive.has("a"));
  });

  test("over an existing link is answered with counts and neighbours", () => {
    const machine = new Machine();
    machine.link("a", "b");
    const [answer] = sent(machine.receive("a", neighbor("a")), "neighbor");
    assert.equal(answer?.message.accept, true);
    assert.equal(answer?.message.randomLinks, 2);
    assert.deepEqual(answer?.message.peers, [info("b")]);
  });

  test("that grants what was not asked for is refused", () => {
    const machine = new Machine();
    const effects = machine.receive("a", neighbor("a", { accept: true }));
    assert.deepEqual(sent(effects, "disconnect"), [
      { to: "a", message: { type: "disconnect", reason: "not-neighbor" } },
    ]);
    assert.deepEqual(machine.neighbors, []);
  });

  test("in another's name changes nothing", () => {
    const machine = new Machine();
    assert.deepEqual(machine.receive("a", neighbor("b")), []);
  });

  test("a third one from the same network is refused", () => {
    const machine = new Machine();
    machine.groups = { a: "n", b: "n", c: "n", d: "other" };
    machine.link("a", "b", "c", "d");
    assert.deepEqual(machine.neighbors, ["a", "b", "d"]);
  });

  test("a peer named by the operator is granted a link by a full node of a full network", () => {
    const machine = new Machine({}, ["boss"]);
    machine.groups = { a: "n", b: "n", boss: "n" };
    machine.link("a", "b", ...peers(A));
    machine.receive("boss", neighbor("boss"));
    assert.ok(machine.neighbors.includes("boss"));
  });
});

describe("leaving", () => {
  test("DISCONNECT ends the link, keeps the peer for later, and is not answered", () => {
    const machine = new Machine();
    machine.link("a", "b", "c", "d", "e");
    const effects = machine.receive("a", { type: "disconnect", reason: "trimmed" });
    assert.deepEqual(effectsOf(effects, "neighbor-down"), [
      { type: "neighbor-down", peer: "a", reason: "trimmed" },
    ]);
    assert.deepEqual(receivers(effects, "disconnect"), []);
    assert.ok(machine.state.passive.has("a"));
  });

  test("a peer that unsubscribed is forgotten", () => {
    const machine = new Machine();
    machine.link("a", "b");
    machine.receive("a", { type: "disconnect", reason: "unsubscribed" });
    assert.ok(!machine.state.passive.has("a"));
  });

  test("unsubscribing says LEAVE and DISCONNECT to every neighbour", () => {
    const machine = new Machine();
    machine.link("a", "b");
    const effects = machine.step({ type: "unsubscribe" });
    assert.deepEqual(receivers(effects, "leave"), ["a", "b"]);
    assert.deepEqual(receivers(effects, "disconnect"), ["a", "b"]);
    assert.deepEqual(machine.receive("a", { type: "ping", nonce: 1 }), []);
  });

  test("LEAVE floods where it removes something, else walks on while its TTL lasts", () => {
    const machine = new Machine();
    machine.link("a", "b", "c", "d", "e");
    const message = { type: "leave", source: "a", ttl: 3 } as const;
    assert.deepEqual(receivers(machine.receive("a", message), "leave"), ["b", "c", "d", "e"]);
    assert.deepEqual(receivers(machine.receive("b", message), "leave").length, 1);
    assert.deepEqual(machine.receive("b", { ...message, ttl: 0 }), []);
  });

  test("LEAVE by another cannot end a link", () => {
    const machine = new Machine();
    machine.link("a", "b");
    machine.receive("b", { type: "leave", source: "a", ttl: 0 });
    assert.deepEqual(machine.neighbors, ["a", "b"]);
  });

  test("a broken link is replaced at once from the passive view", () => {
    const machine = new Machine();
    machine.link("a");
    machine.receive("a", { type: "forward-join", peer: info("q"), ttl: 0 });
    const effects = machine.step({ type: "disconnected", peer: "a" });
    assert.deepEqual(effectsOf(effects, "neighbor-down"), [
      { type: "neighbor-down", peer: "a", reason: "gone" },
    ]);
    assert.deepEqual(receivers(effects, "neighbor"), ["q"]);
    assert.ok(!machine.state.passive.has("a"));
  });

  test("a peer named by the operator is asked again and again", () => {
    const machine = new Machine({}, ["boss"]);
    machine.step({ type: "contact", peer: info("boss") });
    machine.step({ type: "disconnected", peer: "boss" });
    assert.ok(receivers(machine.wait(12_000), "neighbor").includes("boss"));
  });
});

describe("stabilising", () => {
  test("a small view asks passive peers: random links first, then the nearest known", () => {
    const machine = new Machine();
    machine.link("a", "b", "c");
    for (const peer of ["x", "y", "z"])
      machine.receive("a", { type: "forward-join", peer: info(peer), ttl: 0 });
    machine.state.passive.get("y")!.rttMs = 5;
    machine.state.passive.get("z")!.rttMs = 50;
    const requests = sent(machine.wait(7_000), "neighbor").filter(({ message }) => !message.accept);
    const random = requests.filter(({ message }) => !message.near).map(({ to }) => to);
    const near = requests.filter(({ message }) => message.near).map(({ to }) => to);
    assert.equal(random.length, 1);
    assert.deepEqual(
      near,
      ["y", "z", "x"].filter((peer) => !random.includes(peer)),
    );
  });

  test("a large view asks its neighbours first, then drops links they can spare, lazy ones before tree edges", () => {
    const machine = new Machine();
    machine.link(...peers(A + 1));
    const asked = machine.wait(7_000);
    assert.equal(new Set(receivers(asked, "neighbor")).size, A + 1);
    assert.equal(machine.neighbors.length, A + 1, "nothing is dropped unheard");
    for (const peer of peers(A + 1)) machine.receive(peer, neighbor(peer, { accept: true, randomLinks: 6 }));
    machine.state.active.get("p3")!.eager = false;
    const effects = machine.wait(7_000);
    assert.deepEqual(sent(effects, "disconnect"), [
      { to: "p3", message: { type: "disconnect", reason: "trimmed" } },
    ]);
  });

  test("links to neighbours without links to spare are kept, however large the view", () => {
    const machine = new Machine();
    machine.link(...peers(A + 2));
    machine.wait(7_000);
    for (const peer of peers(A + 2)) machine.receive(peer, neighbor(peer, { accept: true, randomLinks: 3 }));
    machine.wait(7_000);
    assert.equal(machine.neighbors.length, A + 2);
  });

  test("of neighbours that know each other one can be spared", () => {
    const machine = new Machine();
    machine.link(...peers(A + 1));
    machine.wait(7_000);
    for (const peer of peers(A + 1)) {
      const known = peer === "p1" ? [info("p2")] : [];
      machine.receive(peer, neighbor(peer, { accept: true, randomLinks: 3, peers: known }));
    }
    assert.deepEqual(receivers(machine.wait(7_000), "disconnect"), ["p2"]);
  });

  test("peers named by the operator are never dropped", () => {
    const machine = new Machine({}, peers(A + 3));
    machine.link(...peers(A + 3));
    machine.wait(7_000);
    for (const peer of peers(A + 3)) machine.receive(peer, neighbor(peer, { accept: true, randomLinks: 9 }));
    machine.wait(7_000);
    assert.equal(machine.neighbors.length, A + 3);
  });
});
