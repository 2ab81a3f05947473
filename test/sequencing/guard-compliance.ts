/**
 * What every sign guard has to do: allow one head after the other, and nothing else.
 */
import assert from "node:assert/strict";
import { suite, type TestContext, test } from "node:test";
import { toHex } from "../../src/base/bytes.ts";
import type { Head } from "../../src/log/checkpoint.ts";
import { EMPTY_ROOT } from "../../src/log/merkle.ts";
import type { Guard } from "../../src/sequencing/sign-guard.ts";

export const EMPTY_HEAD: Head = { size: 0, root: EMPTY_ROOT };

/** A made-up head of a size; `variant` gives others of the same size. */
export function headOf(size: number, variant = 0): Head {
  return size === 0 ? EMPTY_HEAD : { size, root: new Uint8Array(32).fill(size % 256).with(0, variant) };
}

export function sameHead(a: Head, b: Head): void {
  assert.deepEqual({ size: a.size, root: toHex(a.root) }, { size: b.size, root: toHex(b.root) });
}

/** @param open makes a guard that has allowed nothing yet and ends with the test */
export function guardCompliance(name: string, open: (t: TestContext) => Promise<Guard>): void {
  const refused = { code: "guard", hint: /stop every copy/ };

  suite(`${name} as a guard`, () => {
    test("a new guard allows nothing and knows no peers", async (t) => {
      const guard = await open(t);
      sameHead(guard.head, EMPTY_HEAD);
      assert.deepEqual(guard.peers, []);
    });

    test("it advances from what it allowed last", async (t) => {
      const guard = await open(t);
      await guard.advance(EMPTY_HEAD, headOf(1));
      await guard.advance(headOf(1), headOf(5));
      sameHead(guard.head, headOf(5));
    });

    for (const [what, from, to] of [
      ["from another root", headOf(5, 1), headOf(6)],
      ["from an older head", headOf(1), headOf(6)],
      ["from a larger head", headOf(6), headOf(7)],
      ["to the same size", headOf(5), headOf(5, 1)],
      ["to the same head", headOf(5), headOf(5)],
      ["to a smaller size", headOf(5), headOf(4)],
    ] as const) {
      test(`it does not advance ${what}`, async (t) => {
        const guard = await open(t);
        await guard.advance(EMPTY_HEAD, headOf(1));
        await guard.advance(headOf(1), headOf(5));
        await assert.rejects(guard.advance(from, to), refused);
        sameHead(guard.head, headOf(5));
      });
    }

    test("of two that advance from one head at once, one is refused", async (t) => {
      const guard = await open(t);
      const results = await Promise.allSettled([
        guard.advance(EMPTY_HEAD, headOf(1)),
        guard.advance(EMPTY_HEAD, headOf(1, 1)),
      ]);
      assert.deepEqual(
        results.map(({ status }) => status),
        ["fulfilled", "rejected"],
      );
      sameHead(guard.head, headOf(1));
    });

    test("its peers are replaced, and the head stays", async (t) => {
      const guard = await open(t);
      await guard.advance(EMPTY_HEAD, headOf(1));
      await guard.setPeers(["/ip4/10.0.0.1/tcp/24445"]);
      await guard.setPeers(["/ip4/10.0.0.2/tcp/24445", "/ip4/10.0.0.3/tcp/24445"]);
      assert.deepEqual(guard.peers, ["/ip4/10.0.0.2/tcp/24445", "/ip4/10.0.0.3/tcp/24445"]);
      sameHead(guard.head, headOf(1));
      await guard.advance(headOf(1), headOf(2));
      assert.equal(guard.peers.length, 2);
    });

    test("peers are kept in a bounded number and length", async (t) => {
      const guard = await open(t);
      const peers = Array.from({ length: 20 }, (_, i) => `/dns4/peer-${i}.example.com/tcp/24445`);
      await guard.setPeers(["x".repeat(251), ...peers]);
      assert.deepEqual(guard.peers, peers.slice(0, 12));
    });
  });
}
