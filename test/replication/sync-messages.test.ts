import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { toHex, utf8 } from "../../src/base/bytes.ts";
import {
  decodeAnswer,
  decodeRequest,
  encodeAnswer,
  encodeRequest,
  SYNC_ANSWER_BYTES_MAX,
  SYNC_REQUEST_BYTES_MAX,
  type SyncRequest,
} from "../../src/replication/sync-messages.ts";
import { answerSync } from "../../src/replication/sync-server.ts";
import { Source } from "./logs.ts";

const sequence = fc.oneof(fc.nat(), fc.constant(Number.MAX_SAFE_INTEGER));

const request: fc.Arbitrary<SyncRequest> = fc.oneof(
  fc.constant({ kind: "head" } as const),
  fc.record({
    kind: fc.constant("tile" as const),
    level: fc.integer({ min: 0, max: 255 }),
    index: sequence,
    width: fc.integer({ min: 1, max: 256 }),
  }),
  fc.record({
    kind: fc.constant("entries" as const),
    first: sequence,
    count: fc.integer({ min: 1, max: 4_096 }),
  }),
);

test("every request survives encoding, within its bound", () => {
  fc.assert(
    fc.property(request, (one) => {
      const bytes = encodeRequest(one);
      assert.ok(bytes.length <= SYNC_REQUEST_BYTES_MAX);
      assert.deepEqual(decodeRequest(bytes), { ...one });
    }),
  );
});

test("bytes that are no request are undefined, and what is one re-encodes to the same bytes", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 16 }), fc.integer({ min: 0, max: 4 }), (bytes, kind) => {
      if (bytes.length > 0) bytes[0] = kind;
      const decoded = decodeRequest(bytes);
      if (decoded !== undefined) assert.equal(toHex(encodeRequest(decoded)), toHex(bytes));
    }),
    { numRuns: 2_000 },
  );
});

test("any bytes decode to an answer or to undefined, never to an exception", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 400 }), fc.integer({ min: 0, max: 4 }), (bytes, kind) => {
      if (bytes.length > 0) bytes[0] = kind;
      const answer = decodeAnswer(bytes);
      if (answer !== undefined && answer.kind !== "refusal") {
        assert.equal(toHex(encodeAnswer(answer)), toHex(bytes));
      }
    }),
    { numRuns: 2_000 },
  );
});

test("a head with more addresses than an answer may hold is told with the first of them", () => {
  const primary = Array.from({ length: 300 }, (_, i) => `/dns4/replica-${i}.example.com/tcp/24445`);
  const answer = { kind: "head", firstSequence: 0, genesisEntry: utf8("g"), primary, note: "n" } as const;
  const decoded = decodeAnswer(encodeAnswer(answer));
  assert.ok(decoded?.kind === "head" && decoded.primary.length > 50);
  assert.deepEqual(decoded.primary, primary.slice(0, decoded.primary.length));
});

test("no request, however large its numbers, is answered with more than a frame or beyond the signed head", async () => {
  const source = await Source.begin();
  await source.append(700);
  fc.assert(
    fc.property(request, (one) => {
      const frame = answerSync(source.log, [], encodeRequest(one))!;
      assert.ok(frame.length <= SYNC_ANSWER_BYTES_MAX);
      const answer = decodeAnswer(frame)!;
      if (one.kind === "entries") assert.equal(answer.kind, one.first < 701 ? "entries" : "refusal");
    }),
  );
});

test("entries are served in frames that hold a largest block whole, or one largest entry", async () => {
  const source = await Source.begin();
  const large = (length: number) => (): Uint8Array => new Uint8Array(length).fill(0x53);
  await source.append(4_096, large(255));
  await source.append(17, large(61_000));
  await source.append(1, large(65_535));
  const ask = (first: number, count: number): number => {
    const answer = decodeAnswer(
      answerSync(source.log, [], encodeRequest({ kind: "entries", first, count }))!,
    );
    return answer?.kind === "entries" ? answer.packed.length : 0;
  };
  assert.equal(ask(1, 4_096), 4_096 * 257);
  assert.equal(ask(4_097, 4_096), 17 * 61_002);
  assert.equal(ask(4_114, 4_096), 65_537);
});

test("a node with nothing signed, or no log yet, refuses everything", async () => {
  const { log } = await Source.begin();
  const unsigned = Object.create(log, { signed: { value: undefined } });
  for (const none of [unsigned, undefined]) {
    assert.equal(decodeAnswer(answerSync(none, [], encodeRequest({ kind: "head" }))!)?.kind, "refusal");
  }
});
