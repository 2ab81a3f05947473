/** Check 1, the passive view and proximity: shuffles, probes, round trips, closer neighbours. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { LIMITS } from "../../../src/replication/episub/limits.ts";
import { effectsOf, info, Machine, neighbor, receivers, sent } from "./machine.ts";

const peers = (count: number, prefix = "p") => Array.from({ length: count }, (_, i) => `${prefix}${i}`);

function remember(machine: Machine, ...names: string[]): void {
  for (const peer of names) machine.receive("x", { type: "forward-join", peer: info(peer), ttl: 0 });
}

/** Answers every ping to the peer `rttMs` after it was sent. */
function measure(machine: Machine, peer: string, rttMs: number): ReturnType<Machine["wait"]> {
  const ping = [...machine.state.pings].find(([, { peer: to }]) => to === peer);
  assert.ok(ping !== undefined, `${peer} was pinged`);
  machine.now = ping[1].sentAt + rttMs;
  return machine.receive(peer, { type: "pong", nonce: ping[0] });
}

describe("the passive view", () => {
  test("holds at most P peers, and keeps those named by the operator", () => {
    const machine = new Machine({ passivePeers: 5 }, ["boss"]);
    remember(machine, "boss", ...peers(50));
    assert.equal(machine.state.passive.size, 5);
    assert.ok(machine.state.passive.has("boss"));
  });

  test("never holds us, nor a neighbour", () => {
    const machine = new Machine();
    machine.link("a");
    remember(machine, "me", "a");
    assert.equal(machine.state.passive.size, 0);
  });

  test("a shuffle offers ourselves, k_a active and k_p passive peers", () => {
    const machine = new Machine();
    machine.link("a", "b", "c", "d", "e");
    remember(machine, ...peers(10));
    const [shuffle] = sent(machine.wait(120_000), "shuffle");
    assert.equal(shuffle?.message.origin.peer, "me");
    assert.equal(shuffle?.message.ttl, 6);
    const names = shuffle.message.peers.map(({ peer }) => peer);
    assert.equal(names.filter((name) => "abcde".includes(name)).length, 3);
    assert.equal(names.filter((name) => name.startsWith("p")).length, 4);
  });

  test("a shuffle walks on while its TTL lasts", () => {
    const machine = new Machine();
    machine.link("a", "b");
    const message = { type: "shuffle", origin: info("o"), peers: [info("q")], ttl: 3 } as const;
    assert.deepEqual(machine.receive("a", message), [
      { type: "send", to: "b", message: { ...message, ttl: 2 } },
    ]);
    assert.equal(machine.state.passive.size, 0);
  });

  test("where a shuffle ends, its origin is connected to, answered, and its peers are taken", () => {
    const machine = new Machine();
    machine.link("a", "b");
    remember(machine, "mine");
    const message = { type: "shuffle", origin: info("o"), peers: [info("q")], ttl: 0 } as const;
    assert.deepEqual(effectsOf(machine.receive("a", message), "connect"), [
      { type: "connect", peer: info("o") },
    ]);
    const effects = machine.step({ type: "connected", peer: "o" });
    assert.deepEqual(sent(effects, "shuffle-reply"), [
      { to: "o", message: { type: "shuffle-reply", peers: [info("mine")] } },
    ]);
    assert.ok(machine.state.passive.has("o") && machine.state.passive.has("q"));
  });

  test("a shuffle whose origin cannot be reached is not performed", () => {
    const machine = new Machine();
    machine.link("a", "b");
    machine.receive("a", { type: "shuffle", origin: info("o"), peers: [info("q")], ttl: 0 });
    machine.step({ type: "disconnected", peer: "o" });
    assert.equal(machine.state.passive.size, 0);
  });

  test("a reply replaces first what was offered", () => {
    const machine = new Machine({ passivePeers: 8, probeCount: 0 });
    machine.link("a", "b", "c", "d", "e", "f", "g");
    remember(machine, ...peers(8));
    const shuffle = sent(machine.wait(120_000), "shuffle").at(-1);
    const offered = shuffle!.message.peers.map(({ peer }) => peer).filter((name) => name.startsWith("p"));
    machine.receive("z", { type: "shuffle-reply", peers: peers(4, "n").map(info) });
    for (const name of offered) assert.ok(!machine.state.passive.has(name), name);
    for (const name of peers(4, "n")) assert.ok(machine.state.passive.has(name), name);
  });

  test("a reply that was not asked for is ignored", () => {
    const machine = new Machine();
    machine.receive("z", { type: "shuffle-reply", peers: [info("q")] });
    assert.equal(machine.state.passive.size, 0);
  });

  test("an unanswered shuffle is tried again with half the TTL", () => {
    const machine = new Machine();
    machine.link("a");
    const ttls = sent(machine.wait(400_000), "shuffle").map(({ message }) => message.ttl);
    assert.deepEqual(ttls.slice(0, 4), [6, 3, 1, 0]);
  });
});

describe("probing", () => {
  test("passive peers are asked for their topics and pinged", () => {
    const machine = new Machine();
    remember(machine, "q");
    const effects = machine.wait(25_000);
    assert.ok(receivers(effects, "get-topics").includes("q"));
    assert.ok(receivers(effects, "ping").includes("q"));
  });

  test("GETTOPICS is answered with the topic, PING with PONG", () => {
    const machine = new Machine();
    assert.deepEqual(machine.receive("q", { type: "get-topics" }), [
      { type: "send", to: "q", message: { type: "topics", topics: ["t"] } },
    ]);
    assert.deepEqual(machine.receive("q", { type: "ping", nonce: 9 }), [
      { type: "send", to: "q", message: { type: "pong", nonce: 9 } },
    ]);
  });

  test("a peer without the topic, or that cannot be reached, is forgotten", () => {
    const machine = new Machine();
    remember(machine, "q", "r", "s");
    machine.receive("q", { type: "topics", topics: ["other"] });
    machine.receive("r", { type: "topics", topics: ["t", "other"] });
    machine.step({ type: "disconnected", peer: "s" });
    assert.deepEqual([...machine.state.passive.keys()], ["r"]);
  });

  test("round trips are smoothed; a pong that was not asked for counts for nothing", () => {
    const machine = new Machine();
    machine.link("a");
    machine.receive("a", { type: "pong", nonce: 77 });
    assert.equal(machine.state.active.get("a")?.rttMs, undefined);
    machine.wait(25_000);
    machine.state.active.get("a")!.rttMs = undefined;
    measure(machine, "a", 100);
    assert.equal(machine.state.active.get("a")?.rttMs, 100);
    machine.wait(25_000);
    measure(machine, "a", 20);
    assert.equal(machine.state.active.get("a")?.rttMs, 100 - LIMITS.rttWeight * 80);
  });
});

describe("a closer peer", () => {
  /** Seven neighbours, of which p4 to p6 are near ones with the given round trip. */
  function full(nearRttMs: number): Machine {
    const machine = new Machine({ pingMs: 1e9, probeMs: 1e9, shuffleMs: 1e9 });
    machine.link(...peers(7));
    for (const name of ["p4", "p5", "p6"]) {
      const near = machine.state.active.get(name)!;
      near.near = true;
      near.rttMs = nearRttMs;
      near.randomLinks = 4;
      near.nearLinks = 3;
    }
    return machine;
  }

  test("that asks a full node is measured, and takes the place of the farthest near neighbour", () => {
    const machine = full(100);
    machine.state.active.get("p5")!.rttMs = 150;
    assert.deepEqual(receivers(machine.receive("a", neighbor("a", { near: true })), "ping"), ["a"]);
    const effects = measure(machine, "a", 60);
    assert.equal(sent(effects, "neighbor")[0]?.message.accept, true);
    assert.deepEqual(sent(effects, "disconnect"), [
      { to: "p5", message: { type: "disconnect", reason: "replaced" } },
    ]);
  });

  test("that is not closer by alpha is refused", () => {
    const machine = full(100);
    machine.receive("a", neighbor("a", { near: true }));
    assert.deepEqual(receivers(measure(machine, "a", 71), "disconnect"), ["a"]);
    assert.equal(machine.neighbors.length, 7);
  });

  test("does not displace a neighbour that has no links to spare, a random one, or an edge of the tree", () => {
    const poor = full(100);
    for (const name of ["p4", "p5", "p6"]) poor.state.active.get(name)!.nearLinks = 0;
    poor.receive("a", neighbor("a", { near: true }));
    assert.deepEqual(receivers(measure(poor, "a", 1), "disconnect"), ["a"]);

    const tree = full(100);
    tree.step({ type: "publish", id: { key: "00", order: 1 }, payload: new Uint8Array(1), flood: false });
    tree.receive("a", neighbor("a", { near: true }));
    assert.deepEqual(receivers(measure(tree, "a", 1), "disconnect"), ["a"]);
  });

  test("that does not answer the measurement is refused in the end", () => {
    const machine = full(100);
    machine.receive("a", neighbor("a", { near: true }));
    assert.ok(receivers(machine.wait(11_000), "disconnect").includes("a"));
  });

  test("among the passive ones is asked; the farthest near neighbour goes when it grants the link", () => {
    const machine = full(100);
    remember(machine, "q", "r");
    machine.state.passive.get("q")!.rttMs = 60;
    machine.state.passive.get("r")!.rttMs = 80;
    const requests = sent(machine.wait(80_000), "neighbor").filter(({ to }) => to === "q" || to === "r");
    assert.deepEqual(new Set(requests.map(({ to }) => to)), new Set(["q"]));
    assert.equal(machine.neighbors.length, 7, "nothing is dropped before");
    machine.state.pending.set("q", {
      kind: "request",
      near: true,
      replaces: "p4",
      isNeedy: false,
      deadline: 1e9,
    });
    const effects = machine.receive("q", neighbor("q", { accept: true, near: true }));
    assert.deepEqual(receivers(effects, "disconnect"), ["p4"]);
    assert.ok(machine.neighbors.includes("q"));
  });

  test("is not looked for by a node without near links", () => {
    const machine = new Machine({ randomLinks: 7, nearLinks: 0 });
    machine.link(...peers(7));
    remember(machine, "q");
    machine.state.passive.get("q")!.rttMs = 1;
    const effects = machine.wait(80_000);
    assert.ok(!receivers(effects, "neighbor").includes("q"));
    assert.deepEqual(receivers(machine.receive("a", neighbor("a", { near: true })), "disconnect"), ["a"]);
  });

  test("random links beyond C_rand, left behind by joins, count as near ones: the closest first", () => {
    const machine = new Machine({ pingMs: 1e9 });
    machine.link(...peers(6));
    for (const [i, name] of peers(6).entries()) machine.state.active.get(name)!.rttMs = 10 * (i + 1);
    machine.wait(80_000);
    const near = peers(6).filter((name) => machine.state.active.get(name)?.near);
    assert.deepEqual(near, ["p0", "p1"]);
  });
});
