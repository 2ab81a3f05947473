import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { toHex } from "../../src/base/bytes.ts";
import { SequencerError } from "../../src/base/errors.ts";
import {
  decodeAppendAnswer,
  decodeAppendRequest,
  encodeAppendAnswer,
  encodeAppendRequest,
  type ForwardedReceipt,
} from "../../src/replication/append-messages.ts";

const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });

const receipt: fc.Arbitrary<ForwardedReceipt> = fc.record({
  sequence: fc.nat(),
  timestamp: fc.nat(),
  head: fc.record({ size: fc.nat(), root: bytes(32), signature: bytes(65) }),
  proof: fc.integer({ min: 0, max: 20 }).chain((hashes) => bytes(32 * hashes)),
});

const refusal = fc.record({ message: fc.string({ maxLength: 100 }), reason: fc.string({ maxLength: 20 }) });

test("payloads survive encoding, in their order", () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 300 }), { minLength: 1, maxLength: 20 }), (payloads) => {
      const decoded = decodeAppendRequest(encodeAppendRequest(payloads));
      assert.deepEqual(decoded?.map(toHex), payloads.map(toHex));
    }),
  );
});

test("receipts and refusals survive encoding, in their order", () => {
  fc.assert(
    fc.property(fc.array(fc.oneof(receipt, refusal), { minLength: 1, maxLength: 10 }), (made) => {
      const outcomes = made.map((one) =>
        "message" in one
          ? new SequencerError("rejected", one.message, { data: { reason: one.reason } })
          : one,
      );
      const decoded = decodeAppendAnswer(encodeAppendAnswer(outcomes), outcomes.length)!;
      decoded.forEach((one, i) => {
        const original = outcomes[i]!;
        if (original instanceof SequencerError) {
          assert.ok(one instanceof SequencerError);
          assert.deepEqual(
            [one.code, one.message, one.data],
            [original.code, original.message, original.data],
          );
        } else {
          assert.ok(!(one instanceof SequencerError));
          assert.equal(toHex(one.proof), toHex(original.proof));
          assert.equal(one.sequence, original.sequence);
        }
      });
    }),
  );
});

test("any bytes decode to something or to undefined, never to an exception", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), fc.integer({ min: 1, max: 3 }), (garbage, count) => {
      decodeAppendRequest(garbage);
      decodeAppendAnswer(garbage, count);
    }),
    { numRuns: 3_000 },
  );
});

test("a request cut short, lengthened, empty or of too many payloads is none", () => {
  const whole = encodeAppendRequest([new Uint8Array(5), new Uint8Array(7)]);
  for (let length = 0; length < whole.length; length++) {
    assert.equal(decodeAppendRequest(whole.subarray(0, length)), undefined, `${length} bytes`);
  }
  assert.equal(decodeAppendRequest(Uint8Array.from([...whole, 0])), undefined);
  assert.equal(decodeAppendRequest(Uint8Array.of(0, 0)), undefined);
  assert.equal(decodeAppendRequest(encodeAppendRequest(Array(1_001).fill(new Uint8Array(0)))), undefined);
});

test("a refusal with a code that does not travel is no answer", () => {
  const answer = encodeAppendAnswer([new SequencerError("equivocation", "stop")]);
  assert.equal(decodeAppendAnswer(answer, 1), undefined);
});
