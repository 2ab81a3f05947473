/**
 * Entries as JSON text, against what their decoded fields say; and the buffers that large answers are written into.
 */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import fc from "fast-check";
import { toHex } from "../../src/base/bytes.ts";
import { ANSWER_BUFFERS_MAX, ANSWER_TEXT_BYTES_MAX } from "../../src/base/limits.ts";
import { decodeEntry, encodeEntry } from "../../src/log/entry.ts";
import { Log } from "../../src/log/log.ts";
import { MemoryStore } from "../../src/log/memory-store.ts";
import { leafHashes } from "../../src/log/merkle.ts";
import { packEntries } from "../../src/log/packed-entries.ts";
import { AnswerText, releaseAnswer } from "../../src/rpc/answer-text.ts";
import { writeEntries } from "../../src/rpc/entry-json.ts";
import { decodeOperation, encodeOperation, type SignedOperation } from "../../src/sequencing/transaction.ts";
import { operation } from "../helpers/arbitraries.ts";
import { genesisEntry, idAt, START } from "../helpers/stored-log.ts";

/** A log of genesis and these operations. */
async function logOf(operations: readonly SignedOperation[]): Promise<Log> {
  const log = await Log.create(new MemoryStore(), genesisEntry);
  const entries = operations.map((each, i) =>
    encodeEntry({ timestamp: START + i, payload: encodeOperation(each) }),
  );
  const ids = Buffer.concat(entries.map((_, i) => idAt(1 + i)));
  const growth = log.grow(leafHashes(entries));
  const lastTimestamp = START + entries.length;
  await log.commit({ growth, entries: packEntries(entries), ids, roles: [], lastTimestamp });
  return log;
}

function read(log: Log, from: number, to: number): unknown[] {
  const text = new AnswerText();
  text.write("[");
  assert.equal(writeEntries(log, from, to, text), to);
  text.write("]");
  const answer = text.finish();
  const parsed = JSON.parse(String(typeof answer === "string" ? answer : Buffer.from(answer)));
  releaseAnswer(answer);
  return parsed;
}

/** What sequencer_read has to say of an entry, from its decoded fields. */
function described(log: Log, sequence: number): unknown {
  const { entry, id } = log.entry(sequence);
  const { timestamp, payload } = decodeEntry(entry)!;
  const tail = { payload: toHex(payload) };
  if (sequence === 0) return { sequence, timestamp, id: null, type: "genesis", from: null, ...tail };
  const decoded = decodeOperation(payload);
  const fields =
    decoded.type === "transaction"
      ? { data: toHex(decoded.data) }
      : { account: toHex(decoded.account), role: decoded.role };
  const { type, from } = decoded;
  return { sequence, timestamp, id: toHex(id), type, from: toHex(from), ...fields, ...tail };
}

suite("entries as JSON", () => {
  test("any operations have the fields that they decode to, in the order of the specification", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(operation, { minLength: 1, maxLength: 30 }), fc.nat(), async (all, at) => {
        const log = await logOf(all);
        const { size } = log.committed;
        const from = at % size;
        const expected = Array.from({ length: size - from }, (_, i) => described(log, from + i));
        assert.equal(JSON.stringify(read(log, from, size)), JSON.stringify(expected));
      }),
      { numRuns: 50 },
    );
  });
});

suite("the text of an answer", () => {
  test("is what was written, short or long, and a later one does not change it", () => {
    for (const length of [0, 1, ANSWER_TEXT_BYTES_MAX, ANSWER_TEXT_BYTES_MAX + 1, 1_000_000]) {
      const answers = ["a", "b"].map((letter) => {
        const text = new AnswerText();
        for (let i = 0; i < length; i += 999) text.write(letter.repeat(Math.min(999, length - i)));
        text.writeUtf8("— é");
        return text.finish();
      });
      const [a, b] = answers.map((answer) => Buffer.from(answer as string).toString());
      assert.equal(a, `${"a".repeat(length)}— é`);
      assert.equal(b, `${"b".repeat(length)}— é`);
      for (const answer of answers) releaseAnswer(answer);
    }
  });

  test("is written into memory that was given back", () => {
    const long = (): Uint8Array => {
      const text = new AnswerText();
      text.write("x".repeat(100_000));
      return text.finish() as Uint8Array;
    };
    const first = long();
    releaseAnswer(first);
    assert.equal(long().buffer, first.buffer);
    const many = Array.from({ length: 2 * ANSWER_BUFFERS_MAX }, long);
    many.forEach(releaseAnswer);
    const again = new Set(many.map(long).map(({ buffer }) => buffer));
    assert.equal(many.filter(({ buffer }) => again.has(buffer)).length, ANSWER_BUFFERS_MAX);
  });
});
