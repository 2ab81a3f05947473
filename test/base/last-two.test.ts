/**
 * A memory of two.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { LastTwo } from "../../src/base/last-two.ts";

test("the last two keys keep their values, and no others", () => {
  const made: string[] = [];
  const memory = new LastTwo(({ name }: { name: string }) => {
    made.push(name);
    return name.toUpperCase();
  });
  const [a, b, c] = [{ name: "a" }, { name: "b" }, { name: "c" }];
  for (const key of [a, a, b, a, b, b]) assert.equal(memory.of(key), key.name.toUpperCase());
  assert.deepEqual(made, ["a", "b"]);
  for (const key of [c, b, c, { name: "c" }, a]) assert.equal(memory.of(key), key.name.toUpperCase());
  assert.deepEqual(made, ["a", "b", "c", "c", "a"]);
});
