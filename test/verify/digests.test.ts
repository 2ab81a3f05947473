/** Digests in batches against those one by one, which test/base/eip712.test.ts holds against viem's encoder. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { concatBytes } from "../../src/base/bytes.ts";
import { type TransactionFields, transactionDigest } from "../../src/base/eip712.ts";
import { transactionDigests } from "../../src/verify/digests.ts";
import { bytesOf } from "../helpers/arbitraries.ts";
import { randomBytes, seededRandom } from "./signatures.ts";

const random = seededRandom(23);
const context = { separator: randomBytes(random, 32), logId: randomBytes(random, 32) };

function transactionOf(dataBytes: number): TransactionFields {
  return {
    from: randomBytes(random, 20),
    nonce: BigInt(Math.floor(random() * 2 ** 53)) * 2_047n,
    expires: Math.floor(random() * 2 ** 53),
    data: randomBytes(random, dataBytes),
  };
}

function check(transactions: readonly TransactionFields[]): void {
  const expected = transactions.map((transaction) => transactionDigest(context, transaction));
  assert.deepEqual(transactionDigests(context, transactions), concatBytes(...expected));
}

describe("digests of many transactions", () => {
  it("are those of each, for every number around the lanes and one larger than the window's messages", () => {
    for (let count = 0; count <= 20; count++) check(Array.from({ length: count }, () => transactionOf(30)));
    check(Array.from({ length: 5_000 }, (_, i) => transactionOf(i % 7)));
  });

  it("are those of each, for data of every length around the blocks of the hash", () => {
    check(Array.from({ length: 420 }, (_, length) => transactionOf(length)));
  });

  it("are those of each where the data fills the window, and where one alone is larger", () => {
    const lengths = [65_400, 65_400, 65_400, 65_400, 262_144, 0, 262_145, 1, 262_143, 1, 1, 300_000];
    check(lengths.map(transactionOf));
    check(lengths.toReversed().map(transactionOf));
  });

  it("are those of each for any fields", () => {
    const uint64 = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
    const fields = fc.record({
      from: bytesOf(20),
      nonce: uint64,
      expires: fc.maxSafeNat(),
      data: fc.uint8Array({ maxLength: 500 }),
    });
    fc.assert(fc.property(fc.array(fields, { maxLength: 12 }), check), { numRuns: 300 });
  });

  it("are the caller's: a later call does not change them", () => {
    const transactions = [transactionOf(10), transactionOf(20), transactionOf(30)];
    const first = transactionDigests(context, transactions);
    const copy = first.slice();
    transactionDigests(context, [transactionOf(1), transactionOf(2)]);
    assert.deepEqual(first, copy);
  });
});
