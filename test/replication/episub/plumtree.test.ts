/** Check 1, broadcast: one vector for every message and transition of Plumtree, EpiSub's choices included. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { LIMITS } from "../../../src/replication/episub/limits.ts";
import type { Message } from "../../../src/replication/episub/messages.ts";
import { effectsOf, gossip, id, Machine, neighbor, receivers, sent } from "./machine.ts";

const ihave = (hops: number, ...orders: number[]): Message => {
  return { type: "ihave", summaries: orders.map((order) => ({ id: id(order), hops })) };
};
const publish = (order: number, flood = false) => {
  return { type: "publish", id: id(order), payload: Uint8Array.of(order), flood } as const;
};

/** Neighbours a to e; a payload came from a and was pruned by d and e, so b and c are children. */
function inTree(): Machine {
  const machine = new Machine();
  machine.link("a", "b", "c", "d", "e");
  machine.deliver("a", gossip(1, 3));
  machine.receive("d", { type: "prune" });
  machine.receive("e", { type: "prune" });
  machine.wait(100);
  return machine;
}

describe("GOSSIP", () => {
  test("published is pushed to eager neighbours with hop count 1", () => {
    const machine = new Machine();
    machine.link("a", "b");
    machine.receive("b", { type: "prune" });
    const effects = machine.step(publish(1));
    assert.deepEqual(sent(effects, "gossip"), [{ to: "a", message: gossip(1, 1) }]);
    assert.deepEqual(machine.step(publish(1)), [], "the same payload again is nothing new");
  });

  test("is neither delivered nor forwarded before validation", () => {
    const machine = new Machine();
    machine.link("a", "b");
    const effects = machine.receive("a", gossip(1));
    assert.deepEqual(effects, [{ type: "validate", from: "a", id: id(1), payload: Uint8Array.of(1) }]);
  });

  test("accepted is delivered, and forwarded to eager neighbours but the sender with one hop more", () => {
    const machine = new Machine();
    machine.link("a", "b", "c");
    machine.receive("c", { type: "prune" });
    const effects = machine.deliver("a", gossip(1, 4));
    assert.deepEqual(effectsOf(effects, "deliver"), [
      { type: "deliver", from: "a", id: id(1), payload: Uint8Array.of(1), hops: 4 },
    ]);
    assert.deepEqual(sent(effects, "gossip"), [{ to: "b", message: gossip(1, 5) }]);
  });

  test("received first makes its sender eager", () => {
    const machine = new Machine();
    machine.link("a");
    machine.receive("a", { type: "prune" });
    machine.deliver("a", gossip(1));
    assert.deepEqual(machine.eager, ["a"]);
  });

  test("received twice prunes the second sender", () => {
    const machine = new Machine();
    machine.link("a", "b");
    machine.deliver("a", gossip(1));
    assert.deepEqual(machine.receive("b", gossip(1)), [
      { type: "send", to: "b", message: { type: "prune" } },
    ]);
    assert.deepEqual(machine.eager, ["a"]);
  });

  test("received twice during validation prunes the second sender, who is not pushed to", () => {
    const machine = new Machine();
    machine.link("a", "b", "c");
    machine.receive("a", gossip(1));
    assert.deepEqual(receivers(machine.receive("b", gossip(1)), "prune"), ["b"]);
    const effects = machine.step({ type: "validated", key: id(1).key, verdict: "accept" });
    assert.deepEqual(receivers(effects, "gossip"), ["c"]);
  });

  test("rejected cuts its sender off, and is asked from whoever else sent it", () => {
    const machine = new Machine();
    machine.link("a", "b");
    machine.receive("a", gossip(1));
    machine.receive("b", gossip(1));
    const effects = machine.step({ type: "validated", key: id(1).key, verdict: "reject" });
    assert.deepEqual(effectsOf(effects, "ban"), [
      { type: "ban", peer: "a", reason: "rejected", forMs: LIMITS.rejectedBanMs },
    ]);
    assert.deepEqual(effectsOf(effects, "deliver"), []);
    assert.deepEqual(machine.neighbors, ["b"]);
    assert.deepEqual(sent(machine.wait(300), "graft")[0], {
      to: "b",
      message: { type: "graft", ids: [id(1)] },
    });
    assert.equal(effectsOf(machine.deliver("b", gossip(1)), "deliver").length, 1);
  });

  test("ignored is neither delivered nor forwarded nor punished", () => {
    const machine = new Machine();
    machine.link("a", "b");
    machine.receive("a", gossip(1));
    assert.deepEqual(machine.step({ type: "validated", key: id(1).key, verdict: "ignore" }), []);
    assert.deepEqual(machine.neighbors, ["a", "b"]);
  });

  test("from a stranger is answered with DISCONNECT: half a link heals", () => {
    const machine = new Machine();
    for (const message of [
      gossip(1),
      ihave(1, 1),
      { type: "graft", ids: [] },
      { type: "prune" },
    ] as Message[]) {
      assert.deepEqual(machine.receive("s", message), [
        { type: "send", to: "s", message: { type: "disconnect", reason: "not-neighbor" } },
      ]);
    }
  });

  test("beyond the bytes that may wait for validation is fetched again later, not dropped", () => {
    const machine = new Machine({ validatingBytesMax: 1 });
    machine.link("a", "b");
    machine.receive("a", gossip(1));
    assert.deepEqual(machine.receive("b", gossip(2)), []);
    machine.step({ type: "validated", key: id(1).key, verdict: "accept" });
    assert.deepEqual(sent(machine.wait(300), "graft")[0], {
      to: "b",
      message: { type: "graft", ids: [id(2)] },
    });
    assert.equal(machine.state.counters.deferred, 1);
  });

  test("flooded goes to eager and lazy neighbours, and duplicates of it prune nothing", () => {
    const machine = new Machine();
    machine.link("a", "b", "c");
    machine.receive("c", { type: "prune" });
    assert.deepEqual(receivers(machine.step(publish(1, true)), "gossip"), ["a", "b", "c"]);
    assert.deepEqual(receivers(machine.deliver("a", gossip(2, 1, true)), "gossip"), ["b", "c"]);
    assert.deepEqual(machine.receive("b", gossip(2, 1, true)), []);
    assert.deepEqual(machine.eager, ["a", "b"]);
  });

  test("is pushed to no more than eagerMax neighbours", () => {
    const machine = new Machine({ eagerMax: 2 });
    machine.link("a", "b", "c", "d");
    assert.deepEqual(receivers(machine.step(publish(1)), "gossip"), ["a", "b"]);
    const effects = machine.receive("c", { type: "graft", ids: [id(1)] });
    assert.deepEqual(receivers(effects, "gossip"), ["c"], "who asks is served");
    assert.deepEqual(receivers(effects, "prune"), ["c"], "and sent on");
  });

  test("prefers a much nearer sender that is hardly slower: the far edge is pruned", () => {
    const machine = new Machine();
    machine.link("far", "near");
    machine.state.active.get("far")!.rttMs = 160;
    machine.state.active.get("near")!.rttMs = 2;
    machine.deliver("far", gossip(1, 3));
    machine.now += 30;
    assert.deepEqual(receivers(machine.receive("near", gossip(1, 3)), "prune"), ["far"]);
    assert.deepEqual(machine.eager, ["near"]);

    machine.deliver("near", gossip(2, 3));
    machine.receive("far", { type: "graft", ids: [] });
    machine.now += 30;
    assert.deepEqual(
      receivers(machine.receive("far", gossip(2, 3)), "prune"),
      ["far"],
      "and never the other way",
    );
  });
});

describe("IHAVE", () => {
  test("goes to lazy neighbours on the timer, but not to who sent the payload", () => {
    const machine = new Machine();
    machine.link("a", "b", "c");
    machine.wait(100);
    machine.receive("b", { type: "prune" });
    machine.deliver("a", gossip(1, 4));
    machine.state.active.get("a")!.eager = false;
    const effects = machine.wait(100);
    assert.deepEqual(sent(effects, "ihave"), [{ to: "b", message: ihave(5, 1) }]);
    assert.deepEqual(sent(machine.wait(100), "ihave"), []);
  });

  test("holds at most 64 ids", () => {
    const machine = new Machine();
    machine.link("a");
    machine.wait(100);
    machine.receive("a", { type: "prune" });
    for (let i = 1; i <= 100; i++) machine.step(publish(i));
    const sizes = sent(machine.wait(100), "ihave").map(({ message }) => message.summaries.length);
    assert.deepEqual(sizes, [64, 36]);
  });

  test("is not held back for the timer once very much is waiting", () => {
    const machine = new Machine();
    machine.link("a");
    machine.receive("a", { type: "prune" });
    const effects = Array.from({ length: LIMITS.announcementsMax }, (_, i) =>
      machine.step(publish(i + 1)),
    ).flat();
    assert.equal(sent(effects, "ihave").length, LIMITS.announcementsMax / LIMITS.idsPerMessageMax);
  });

  test("tells what is pending to a neighbour that becomes eager before the timer", () => {
    const machine = new Machine();
    machine.link("a");
    machine.receive("a", { type: "prune" });
    machine.step(publish(1));
    const effects = machine.receive("a", { type: "graft", ids: [] });
    assert.deepEqual(sent(effects, "ihave"), [{ to: "a", message: ihave(1, 1) }]);
  });

  test("tells a new neighbour what is on its way, but no history", () => {
    const machine = new Machine();
    machine.step(publish(1));
    machine.wait(2_100);
    machine.step(publish(2));
    const effects = machine.receive("a", neighbor("a"));
    assert.deepEqual(sent(effects, "ihave"), [{ to: "a", message: ihave(1, 2) }]);
  });

  test("tells every neighbour the newest id once when nothing more comes", () => {
    const machine = inTree();
    machine.wait(200);
    assert.deepEqual(receivers(machine.wait(600), "ihave"), []);
    assert.deepEqual(sent(machine.wait(10_000), "ihave"), [
      ...["a", "b", "c", "d", "e"].map((to) => ({ to, message: ihave(4, 1) })),
    ]);
    machine.deliver("a", gossip(2, 3));
    assert.equal(sent(machine.wait(10_000), "ihave").length, 2 + 5, "d and e at once, all of them later");
  });

  test("without an id asks, after as long, whether the links of a node that has nothing still stand", () => {
    const machine = new Machine();
    machine.step({ type: "subscribe", contacts: [] });
    machine.link("a");
    assert.deepEqual(sent(machine.wait(2_000), "ihave"), [{ to: "a", message: ihave(0) }]);
  });

  test("of known ids asks for nothing", () => {
    const machine = new Machine();
    machine.known = ({ order }) => order === 2;
    machine.link("a", "b");
    machine.deliver("a", gossip(1));
    machine.receive("b", ihave(2, 1, 2));
    assert.deepEqual(sent(machine.wait(1_000), "graft"), []);
  });

  test("of ids too far ahead, or of too many, is refused and counted", () => {
    const machine = new Machine();
    machine.link("a");
    machine.step({ type: "head", order: 100 });
    machine.receive("a", ihave(1, 100 + 16_384, 100 + 16_385));
    assert.deepEqual([...machine.state.missing.keys()], [id(100 + 16_384).key]);
    for (let i = 0; i < 5_000; i++) machine.receive("a", ihave(1, 1_000 + i));
    assert.equal(machine.state.missing.size, LIMITS.pendingPerPeerMax);
    assert.equal(machine.state.counters.announcementsRefused, 1 + 1 + 5_000 - LIMITS.pendingPerPeerMax);
  });
});

describe("repair", () => {
  test("the first tick marks, the second grafts the first announcer with all it announced", () => {
    const machine = inTree();
    machine.receive("d", ihave(3, 2, 3));
    machine.receive("e", ihave(3, 2, 4));
    assert.deepEqual(sent(machine.wait(100), "graft"), []);
    assert.deepEqual(sent(machine.wait(100), "graft"), [
      { to: "d", message: { type: "graft", ids: [id(2), id(3)] } },
      { to: "e", message: { type: "graft", ids: [id(4)] } },
    ]);
    assert.ok(machine.eager.includes("d"));
  });

  test("each further tick asks the next announcer", () => {
    const machine = inTree();
    machine.receive("d", ihave(3, 2));
    machine.receive("e", ihave(3, 2));
    assert.deepEqual(receivers(machine.wait(400), "graft"), ["d", "e", "d"]);
  });

  test("a slow link is given its round trip twice before it is asked, and again before the next one is", () => {
    const machine = inTree();
    machine.state.active.get("d")!.rttMs = 200;
    machine.receive("d", ihave(3, 2));
    machine.receive("e", ihave(3, 2));
    assert.deepEqual(receivers(machine.wait(350), "graft"), []);
    assert.deepEqual(receivers(machine.wait(350), "graft"), ["d"]);
    assert.deepEqual(receivers(machine.wait(200), "graft"), ["e"]);
  });

  test("a refusal is not waited for", () => {
    const machine = inTree();
    machine.receive("d", ihave(3, 2));
    machine.receive("e", ihave(3, 2));
    machine.wait(200);
    machine.state.missing.get(id(2).key)!.retryAt = Number.POSITIVE_INFINITY;
    machine.receive("d", { type: "prune" });
    assert.deepEqual(receivers(machine.wait(100), "graft"), ["e"]);
    assert.equal(machine.state.active.get("d")?.undelivered, 0);
  });

  test("GRAFTs left unanswered for a while, three times, end the link to the announcer, and ban nobody", () => {
    const machine = inTree();
    machine.receive("d", ihave(3, 2));
    machine.wait(3 * LIMITS.undeliveredMs - 300);
    assert.equal(machine.state.active.get("d")?.undelivered, 2);
    const effects = machine.wait(300);
    assert.deepEqual(effectsOf(effects, "neighbor-down"), [
      { type: "neighbor-down", peer: "d", reason: "undelivered" },
    ]);
    assert.deepEqual(effectsOf(effects, "ban"), []);
    assert.ok(machine.state.passive.get("d")!.notBefore > 0, "it is asked again later");
  });

  test("a delivery clears the count", () => {
    const machine = inTree();
    machine.receive("d", ihave(3, 2));
    machine.wait(400);
    assert.ok(machine.state.active.get("d")!.undelivered > 0);
    machine.deliver("d", gossip(2));
    assert.equal(machine.state.active.get("d")?.undelivered, 0);
    assert.equal(machine.state.active.get("d")?.pendingIds, 0);
  });

  test("after enough ticks a payload is lost, and says so once", () => {
    const machine = inTree();
    machine.receive("d", ihave(3, 2));
    machine.step({ type: "disconnected", peer: "d" });
    const effects = machine.wait(5_000);
    assert.deepEqual(effectsOf(effects, "lost"), [{ type: "lost", id: id(2) }]);
    assert.equal(machine.state.missing.size, 0);
  });

  test("what the application got by other means is no longer missing", () => {
    const machine = inTree();
    machine.receive("d", ihave(3, 2));
    machine.known = ({ order }) => order === 2;
    assert.deepEqual(effectsOf(machine.wait(5_000), "lost"), []);
    assert.equal(machine.state.missing.size, 0);
  });

  test("a lost parent is replaced at once by the lazy neighbour with the fewest hops, missing ids included", () => {
    const machine = inTree();
    machine.receive("d", ihave(9, 1));
    machine.receive("e", ihave(2, 2));
    const effects = machine.step({ type: "disconnected", peer: "a" });
    assert.deepEqual(sent(effects, "graft"), [{ to: "e", message: { type: "graft", ids: [id(2)] } }]);
  });

  test("a lost child or a lost lazy neighbour is no loss", () => {
    const machine = inTree();
    assert.deepEqual(sent(machine.step({ type: "disconnected", peer: "b" }), "graft"), []);
    assert.deepEqual(sent(machine.step({ type: "disconnected", peer: "d" }), "graft"), []);
  });

  test("who refuses to replace a parent, or dies while asked, is replaced by the next, and nobody is asked twice", () => {
    const machine = inTree();
    machine.receive("e", ihave(2, 2));
    assert.deepEqual(receivers(machine.step({ type: "disconnected", peer: "a" }), "graft"), ["e"]);
    assert.deepEqual(receivers(machine.receive("e", { type: "prune" }), "graft"), ["d"]);
    assert.deepEqual(receivers(machine.receive("d", { type: "prune" }), "graft"), []);

    const other = inTree();
    other.receive("e", ihave(2, 2));
    other.step({ type: "disconnected", peer: "a" });
    assert.deepEqual(receivers(other.step({ type: "disconnected", peer: "e" }), "graft"), ["d"]);
  });

  test("a parent that prunes us is replaced at once, too", () => {
    const machine = inTree();
    machine.receive("e", ihave(2, 1));
    assert.deepEqual(receivers(machine.receive("a", { type: "prune" }), "graft"), ["e"]);
  });
});

describe("GRAFT", () => {
  test("makes its sender eager and is answered from the cache", () => {
    const machine = inTree();
    const effects = machine.receive("d", { type: "graft", ids: [id(1), id(7)] });
    assert.deepEqual(sent(effects, "gossip"), [{ to: "d", message: gossip(1, 4) }]);
    assert.ok(machine.eager.includes("d"));
    assert.equal(machine.state.counters.graftsUnserved, 1);
  });
});

describe("optimising the tree", () => {
  /** A tree whose lazy links d and e have been measured, and rest no more. */
  function rested(rttMs: number): Machine {
    const machine = inTree();
    machine.now += LIMITS.prunedMs;
    for (const name of ["d", "e"]) machine.state.active.get(name)!.rttMs = rttMs;
    machine.state.parentSince = machine.now;
    return machine;
  }

  test("a lazy link that would have been shorter becomes eager; the old one stays until a duplicate prunes it", () => {
    const machine = rested(8);
    machine.deliver("a", gossip(2, 6));
    assert.deepEqual(sent(machine.receive("d", ihave(5, 2)), "graft"), [], "one hop costs less than its way");
    const effects = machine.receive("d", ihave(4, 2));
    assert.deepEqual(sent(effects, "graft"), [{ to: "d", message: { type: "graft", ids: [] } }]);
    assert.ok(machine.eager.includes("a") && machine.eager.includes("d"));
    assert.deepEqual(sent(machine.receive("e", ihave(3, 2)), "graft"), [], "d is nearly as short as that");
    machine.deliver("d", gossip(3, 4));
    machine.now += 50;
    assert.deepEqual(receivers(machine.receive("a", gossip(3, 6)), "prune"), ["a"]);
  });

  test("a lazy link whose announcement was earlier than the payload by more than its way becomes eager", () => {
    const machine = rested(60);
    machine.receive("d", ihave(6, 2));
    machine.receive("e", ihave(1, 2));
    machine.now += 29;
    const effects = machine.deliver("a", gossip(2, 4));
    assert.deepEqual(receivers(effects, "graft"), []);
    assert.deepEqual(receivers(effects, "gossip"), ["b", "c"], "who announced it is not pushed to");
    machine.state.active.get("d")!.rttMs = 40;
    machine.receive("e", ihave(1, 3));
    machine.receive("d", ihave(6, 3));
    machine.now += 29;
    assert.deepEqual(receivers(machine.deliver("a", gossip(3, 4)), "graft"), ["d"]);
  });

  test("an unmeasured link is not tried, nor any cheap gain once the parent has served long", () => {
    const machine = rested(8);
    machine.state.active.get("e")!.rttMs = undefined;
    machine.deliver("a", gossip(2, 6));
    assert.deepEqual(receivers(machine.receive("e", ihave(1, 2)), "graft"), []);
    machine.now += 10 * 60_000;
    machine.deliver("a", gossip(3, 6));
    assert.deepEqual(receivers(machine.receive("d", ihave(1, 3)), "graft"), [], "15 ms for 4 x 11");
  });

  test("of two edges that bring a payload, the shorter one stays if it is hardly later", () => {
    const machine = inTree();
    machine.receive("d", { type: "graft", ids: [] });
    machine.deliver("a", gossip(2, 3));
    machine.now += 5;
    assert.deepEqual(receivers(machine.receive("d", gossip(2, 1)), "prune"), ["a"]);
    assert.equal(machine.state.parent, "d");

    machine.receive("a", { type: "graft", ids: [] });
    machine.deliver("d", gossip(3, 3));
    machine.now += 6;
    assert.deepEqual(receivers(machine.receive("a", gossip(3, 1)), "prune"), ["a"], "too late");
  });

  test("an edge that was pruned is not tried again for a while, and ever more rarely", () => {
    const machine = rested(1);
    const attempt = (order: number) => {
      machine.state.parentSince = machine.now;
      machine.deliver("a", gossip(order, 6));
      return receivers(machine.receive("d", ihave(1, order)), "graft").length;
    };
    assert.equal(attempt(2), 1);
    machine.deliver("a", gossip(3, 6));
    machine.now += 20;
    machine.receive("d", gossip(3, 1));
    machine.now += LIMITS.prunedMs;
    assert.equal(attempt(4), 0);
    machine.now += LIMITS.prunedMs;
    assert.equal(attempt(5), 1);
  });

  test("a source with few pushes changes one of them now and then", () => {
    const machine = new Machine({ eagerMax: 2, rotateMs: 30_000, randomLinks: 7, nearLinks: 0 });
    machine.link("a", "b", "c", "d");
    machine.step(publish(1));
    const effects = machine.wait(40_000);
    const [pruned, grafted] = [receivers(effects, "prune"), receivers(effects, "graft")];
    assert.equal(pruned.length, 1);
    assert.equal(grafted.length, 1);
    assert.ok(["c", "d"].includes(grafted[0]!));
    assert.equal(machine.eager.length, 2);
  });
});

describe("a neighbour that reads too slowly", () => {
  test("becomes lazy, is reported as behind, and is pushed nothing, not even on GRAFT", () => {
    const machine = new Machine();
    machine.link("a", "b");
    machine.step(publish(1));
    const effects = machine.step({ type: "congested", peer: "a" });
    assert.deepEqual(effectsOf(effects, "behind"), [{ type: "behind", peer: "a" }]);
    assert.deepEqual(receivers(effects, "prune"), ["a"]);
    assert.deepEqual(machine.step({ type: "congested", peer: "a" }), []);
    assert.deepEqual(receivers(machine.step(publish(2)), "gossip"), ["b"]);
    assert.deepEqual(receivers(machine.step(publish(3, true)), "gossip"), ["b"]);
    const refused = machine.receive("a", { type: "graft", ids: [id(1)] });
    assert.deepEqual(refused, [{ type: "send", to: "a", message: { type: "prune" } }]);
    assert.deepEqual(sent(machine.wait(500), "ihave"), []);
  });

  test("is told the newest id when its queue has drained, so that it sees the gap, and what was flooded", () => {
    const machine = new Machine();
    machine.link("a");
    machine.step({ type: "congested", peer: "a" });
    for (let i = 1; i <= 9; i++) machine.step(publish(i, i === 5));
    machine.wait(10_000);
    assert.deepEqual(machine.step({ type: "drained", peer: "a" }), [
      { type: "send", to: "a", message: ihave(1, 9, 5) },
    ]);
    machine.receive("a", { type: "graft", ids: [id(9)] });
    assert.deepEqual(machine.eager, ["a"]);
  });
});
