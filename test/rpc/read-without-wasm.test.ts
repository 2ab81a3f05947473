/** Where there is no WebAssembly entries become the same text, slowly. A file of its own: it changes its process. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { operation } from "../helpers/arbitraries.ts";
import { described, logOf } from "../helpers/entry-text.ts";

Object.defineProperty(globalThis, "WebAssembly", { value: undefined });
const { AnswerText } = await import("../../src/rpc/answer-text.ts");
const { writeEntries } = await import("../../src/rpc/entry-json.ts");

test("operations are written without WebAssembly", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(operation, { minLength: 1, maxLength: 10 }), async (operations) => {
      const log = await logOf(operations);
      const { size } = log.committed;
      const text = new AnswerText();
      assert.equal(writeEntries(log, 0, size, text), size);
      assert.equal(`[${Buffer.from(text.finish() as string)}]`, described(log, 0, size));
    }),
    { numRuns: 20 },
  );
});
