/**
 * Entries as JSON text, against what their decoded fields say; and the buffers that large answers are written into.
 */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import fc from "fast-check";
import { concatBytes, toHex, u64be, viewOf } from "../../src/base/bytes.ts";
import { ADDRESS_BYTES } from "../../src/base/eip712.ts";
import { HASH_BYTES } from "../../src/base/hash.ts";
import { ANSWER_BUFFERS_BYTES_MAX, ANSWER_TEXT_BYTES_MAX, DATA_BYTES_MAX } from "../../src/base/limits.ts";
import { rlpBytes, rlpInteger, rlpList } from "../../src/base/rlp.ts";
import { PAYLOAD_TYPES, payloadTypeName, TIMESTAMP_BYTES } from "../../src/log/entry.ts";
import type { Log } from "../../src/log/log.ts";
import { packEntries } from "../../src/log/packed-entries.ts";
import { AnswerText, releaseAnswer } from "../../src/rpc/answer-text.ts";
import { writeEntries } from "../../src/rpc/entry-json.ts";
import { encodeOperation, locateFields, type SignedOperation } from "../../src/sequencing/transaction.ts";
import { bytesOf, hostile, operation } from "../helpers/arbitraries.ts";
import { described, logOf } from "../helpers/entry-text.ts";
import { RLP_ITEMS } from "../helpers/rlp-items.ts";
import { START } from "../helpers/stored-log.ts";

/** Transactions with so many bytes of data each. */
function transactions(lengths: readonly number[]): SignedOperation[] {
  return lengths.map((length, i) => ({
    type: "transaction",
    from: new Uint8Array(20).fill(i),
    nonce: BigInt(i) ** 7n,
    expires: i,
    data: Uint8Array.from({ length }, (_, k) => 31 * k + i),
    signature: new Uint8Array(65).fill(i),
  }));
}

/** The text of the entries [from, to), and the sequence number after the last one. */
function read(log: Pick<Log, "pieces" | "ids">, from: number, to: number): { text: string; next: number } {
  const answer = new AnswerText();
  answer.write("[");
  const next = writeEntries(log, from, to, answer);
  answer.write("]");
  const finished = answer.finish();
  const text = typeof finished === "string" ? finished : Buffer.from(finished).toString();
  releaseAnswer(finished);
  return { text, next };
}

/** Transactions without a signature in which one item is one of these, and some whose list is wrong. */
function oddTransactions(): Uint8Array[] {
  const whole = [rlpBytes(new Uint8Array(20)), rlpInteger(1), rlpInteger(2), rlpBytes(new Uint8Array(40))];
  const lists = whole.flatMap((_, at) => RLP_ITEMS.map((item) => rlpList(whole.with(at, item))));
  const list = rlpList(whole);
  const asString = list.with(0, list[0]! - 0x40);
  const surplus = concatBytes(list, Uint8Array.of(0));
  return [...lists, list.subarray(0, 1), list.subarray(0, -1), asString, surplus].map((each) =>
    concatBytes(Uint8Array.of(PAYLOAD_TYPES.transaction), each),
  );
}

suite("entries as JSON", () => {
  test("any operations have the fields that they decode to, in the order of the specification", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(operation, { minLength: 1, maxLength: 30 }), fc.nat(), async (all, at) => {
        const log = await logOf(all);
        const { size } = log.committed;
        const from = at % size;
        assert.deepEqual(read(log, from, size), { text: described(log, from, size), next: size });
      }),
      { numRuns: 50 },
    );
  });

  test("however long the data is, and however many entries come together", async () => {
    const edges = [0, 1, 15, 16, 17, 55, 56, 255, 256, DATA_BYTES_MAX, 0, DATA_BYTES_MAX - 1];
    const many = Array.from({ length: 300 }, (_, i) => i);
    const log = await logOf(transactions([...edges, ...many, ...edges]));
    const { size } = log.committed;
    for (const from of [0, 1, 2, 10, 64, 65, size - 1]) {
      assert.deepEqual(read(log, from, size), { text: described(log, from, size), next: size });
    }
  });

  test("what is not the strict form of a transaction is never taken for one", () => {
    for (const payload of oddTransactions()) checkText([concatBytes(u64be(START), payload)]);
    const hostilePayload = hostile(operation.map(encodeOperation)).filter(({ length }) => length > 0);
    const timestamp = fc.oneof(fc.maxSafeNat().map(u64be), bytesOf(TIMESTAMP_BYTES));
    const entry = fc.tuple(timestamp, hostilePayload).map((parts) => concatBytes(...parts));
    fc.assert(fc.property(fc.array(entry, { minLength: 1, maxLength: 3 }), checkText), { numRuns: 1_000 });
  });
});

/** Entries of a damaged log become the text that is due to them, or the reader's error. */
function checkText(entries: readonly Uint8Array[]): void {
  const [first, count] = [1_000, entries.length];
  const ids = Uint8Array.from({ length: HASH_BYTES * count }, (_, i) => i);
  const piece = { first, count, entries: packEntries(entries), ids };
  assert.equal(
    textOrError(() => read({ pieces: () => [piece], ids: () => piece.ids }, first, first + count).text),
    textOrError(() => JSON.stringify(entries.map((each, i) => located(each, first + i, ids, i)))),
  );
}

/** What is to be said of an entry, from where the strict reader finds its fields. */
function located(entry: Uint8Array, sequence: number, ids: Uint8Array, place: number): unknown {
  const at = TIMESTAMP_BYTES;
  const id = toHex(ids.subarray(HASH_BYTES * place, HASH_BYTES * (place + 1)));
  const type = payloadTypeName(entry, at);
  const head = { sequence, timestamp: Number(viewOf(entry).getBigUint64(0)), id, type };
  const payload = toHex(entry.subarray(at));
  if (type === "genesis" || type === "unknown") return { ...head, from: null, payload };
  const { from, subject, subjectEnd, role } = locateFields(entry, at, entry.length);
  const field = toHex(entry.subarray(subject, subjectEnd));
  const fields = type === "transaction" ? { data: field } : { account: field, role };
  return { ...head, from: toHex(entry.subarray(from, from + ADDRESS_BYTES)), ...fields, payload };
}

function textOrError(act: () => string): string {
  try {
    return act();
  } catch (error) {
    return (error as Error).message;
  }
}

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

  const long = (bytes = 100_000): Uint8Array => {
    const text = new AnswerText(bytes);
    text.write("x".repeat(bytes));
    return text.finish() as Uint8Array;
  };

  test("is written into memory that was given back, as much of it as is kept", () => {
    const first = long();
    releaseAnswer(first);
    assert.equal(long().buffer, first.buffer);
    const bytes = 2 ** 20;
    const kept = ANSWER_BUFFERS_BYTES_MAX / bytes;
    // Those that are too small make way.
    for (let i = 0; i < 100; i++) long(bytes);
    const many = Array.from({ length: 2 * kept }, () => long(bytes));
    many.forEach(releaseAnswer);
    const again = new Set(many.map(() => long(bytes).buffer));
    assert.equal(many.filter(({ buffer }) => again.has(buffer)).length, kept);
  });

  test("is written into memory of its size if what was given back is too small", () => {
    const small = long();
    releaseAnswer(small);
    const large = long(300_000);
    assert.notEqual(large.buffer, small.buffer);
    assert.equal(large.length, 300_000);
    assert.equal(large.buffer.byteLength, 300_000, "it did not grow");
  });
});
