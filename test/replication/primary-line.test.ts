import assert from "node:assert/strict";
import { test } from "node:test";
import { Bans } from "../../src/replication/bans.ts";
import { PrimaryLine } from "../../src/replication/primary-line.ts";

test("who proved an append comes first, then named peers, then others; who failed is last for a minute", () => {
  let now = 0;
  const line = new PrimaryLine(["named"], () => now);
  assert.deepEqual(line.order(["other", "named", "prover"]), ["named", "other", "prover"]);
  line.proved("prover");
  assert.deepEqual(line.order(["other", "named", "prover"]), ["prover", "named", "other"]);
  line.failed("prover");
  assert.deepEqual(line.order(["prover", "other", "named"]), ["named", "other", "prover"]);
  now = 60_001;
  assert.equal(line.order(["prover", "other", "named"])[0], "prover");
});

test("an address that most peers tell is tried before one that a single peer tells, in whatever number", () => {
  const line = new PrimaryLine([], () => 0);
  line.hint(
    "liar",
    Array.from({ length: 100 }, (_, i) => `/ip4/10.0.0.${i}/tcp/1`),
  );
  line.hint("a", ["/ip4/192.0.2.1/tcp/1"]);
  line.hint("b", ["/ip4/192.0.2.1/tcp/1", "x".repeat(10_000)]);
  const addresses = line.addresses();
  assert.equal(addresses[0], "/ip4/192.0.2.1/tcp/1");
  assert.equal(addresses.length, 8);
  assert.ok(addresses.every(({ length }) => length < 300));
});

test("only so many peers are remembered, and a peer's newest word counts", () => {
  const line = new PrimaryLine([], () => 0);
  line.hint("a", ["/old"]);
  line.hint("a", ["/new"]);
  assert.deepEqual(line.addresses(), ["/new"]);
  for (let i = 0; i < 1_000; i++) line.hint(`peer ${i}`, ["/same"]);
  assert.deepEqual(line.addresses(), ["/same"]);
});

test("a banned peer is refused for ten minutes, and the oldest ban is forgotten first", () => {
  let now = 0;
  const bans = new Bans(() => now);
  bans.add("a");
  assert.ok(bans.has("a") && !bans.has("b"));
  now = 600_000;
  assert.ok(!bans.has("a"));
  for (let i = 0; i <= 1_000; i++) bans.add(`${i}`);
  assert.ok(!bans.has("0") && bans.has("1") && bans.has("1000"));
});
