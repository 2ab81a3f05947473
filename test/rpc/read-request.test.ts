/**
 * Requests that a worker has read say the same on the other side.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { toHex } from "../../src/base/bytes.ts";
import { packReadRequest, ReadRequest } from "../../src/rpc/read-request.ts";
import { packBatch, packedBatchLength } from "../../src/sequencing/transaction-batch.ts";

const id = fc.oneof(
  fc.string({ unit: "binary" }),
  fc.integer(),
  fc.double({ noNaN: true }),
  fc.constant(null),
);
const call = fc.record({ id, isAck: fc.boolean(), payload: fc.uint8Array({ maxLength: 40 }) });

test("ids, options and transactions cross as they are", () => {
  fc.assert(
    fc.property(fc.array(call, { minLength: 1, maxLength: 20 }), fc.boolean(), (calls, isBatch) => {
      const payloads = calls.map(({ payload }) => payload);
      const transactions = new Uint8Array(packedBatchLength(payloads));
      const [id, from] = [new Uint8Array(32).fill(1), new Uint8Array(20).fill(2)];
      packBatch(
        payloads.map((payload) => ({ id, from, expires: 3, isSigned: true, payload })),
        transactions,
      );
      const acks = [...calls.keys()].filter((i) => calls[i]!.isAck);
      const ids = calls.map((one) => one.id);
      const read = new ReadRequest(packReadRequest({ isBatch, ids, acks }, transactions));
      assert.equal(read.isBatch, isBatch);
      const texts = ids.map((one) => JSON.stringify(one));
      assert.deepEqual(
        texts.map((_, i) => read.id(i).toString()),
        texts,
      );
      assert.equal(read.isAscii, Buffer.byteLength(texts.join()) === texts.join().length);
      assert.equal(read.calls, calls.length);
      assert.equal(read.transactions.count, calls.length);
      for (const [i, { isAck, payload }] of calls.entries()) {
        assert.equal(read.wantsProof(i), !isAck);
        assert.equal(toHex(read.transactions.payload(i)), toHex(payload));
      }
    }),
  );
});
