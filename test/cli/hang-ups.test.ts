/**
 * A peer that hangs up at the wrong moment ends nothing; every other error that nobody caught ends the process.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { runChild } from "../helpers/child.ts";

test("a stream that the muxer opens while the peer hangs up is counted, logged and survived", async () => {
  const { code, stdout, stderr } = await runChild("hang-up.ts");
  assert.equal(code, 0, stderr);
  assert.equal(stdout, "survived 3\n");
  const lines = stderr
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
  assert.deepEqual(
    lines.map(({ level, msg, err }) => [level, msg, err.type]),
    Array.from({ length: 3 }, () => [40, "a peer hung up", "StreamStateError"]),
  );
});

test("the same error out of a line of ours is fatal, and any other error", async () => {
  for (const [whose, name] of [
    ["ours", "StreamStateError"],
    ["others", "Error"],
  ] as const) {
    const { code, stdout } = await runChild("hang-up.ts", whose);
    assert.equal(code, 1);
    assert.equal(stdout, `survived 3\nfatal ${name}\n`);
  }
});
