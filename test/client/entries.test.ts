/**
 * Following a log over connections that die without a word.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { type EntrySource, followEntries } from "../../src/client/entries.ts";
import { within } from "../helpers/cleanup.ts";

test("a stream that falls silent without an end is opened again", async () => {
  const stop = new AbortController();
  const opened = Promise.withResolvers<void>();
  let streams = 0;
  const source: EntrySource = {
    openStream: async (_from, signal) => {
      streams++;
      if (streams === 2) return await new Promise((_, reject) => onAbort(signal, reject)); // No answer at all.
      if (streams === 3) opened.resolve();
      const body = new ReadableStream({
        start: (controller) => onAbort(signal, () => controller.error(new Error("aborted"))),
      });
      return new Response(body);
    },
    openNote: () => assert.fail("nothing was said"),
    consistencyProof: () => assert.fail("nothing was said"),
    frontier: async () => [],
  };
  const entries = followEntries(source, { from: 0, follow: true, signal: stop.signal, silenceMs: 20 });
  const ended = entries.next();
  await within(10_000, "the third stream", opened.promise);
  stop.abort();
  assert.equal((await within(10_000, "the end", ended)).done, true);
});

function onAbort(signal: AbortSignal, done: (error: Error) => void): void {
  signal.addEventListener("abort", () => done(new Error("aborted")), { once: true });
}
