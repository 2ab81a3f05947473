/**
 * What accounts submit: round trips, and every payload that is not canonical.
 */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import fc from "fast-check";
import { concatBytes, toHex, utf8 } from "../../src/base/bytes.ts";
import { SequencerError } from "../../src/base/errors.ts";
import { DATA_BYTES_MAX, ENTRY_BYTES_MAX } from "../../src/base/limits.ts";
import { rlpBytes, rlpInteger, rlpList } from "../../src/base/rlp.ts";
import { encodeEntry } from "../../src/log/entry.ts";
import {
  decodeOperation,
  encodeOperation,
  operationId,
  type SignedOperation,
} from "../../src/sequencing/transaction.ts";
import { bytesOf, hostile, operation } from "../helpers/arbitraries.ts";

const malformed = { code: "rejected", data: { reason: "malformed" } };
const tooLarge = { code: "rejected", data: { reason: "too-large", max: DATA_BYTES_MAX } };
const payloadOf = (type: string, items: readonly Uint8Array[]): Uint8Array =>
  concatBytes(utf8(type), rlpList(items));

const address = rlpBytes(new Uint8Array(20).fill(1));
const scalar = rlpBytes(new Uint8Array(32).fill(2));
const transaction = [
  address,
  rlpInteger(7),
  rlpInteger(9),
  rlpBytes(utf8("data")),
  rlpInteger(1),
  scalar,
  scalar,
];
const change = [address, rlpInteger(7), rlpInteger(9), address, rlpInteger(2), rlpInteger(0), scalar, scalar];

suite("round trip", () => {
  test("every operation decodes to itself", () => {
    fc.assert(
      fc.property(operation, (each) => assert.deepEqual(decodeOperation(encodeOperation(each)), each)),
    );
  });

  test("whatever decodes re-encodes to the same bytes, everything else is rejected with a reason", () => {
    fc.assert(
      fc.property(hostile(operation.map(encodeOperation)), (bytes) => {
        let decoded: SignedOperation;
        try {
          decoded = decodeOperation(bytes);
        } catch (error) {
          assert.ok(error instanceof SequencerError && error.code === "rejected", String(error));
          return;
        }
        assert.equal(toHex(encodeOperation(decoded)), toHex(bytes));
      }),
      { numRuns: 2_000 },
    );
  });

  test("the id binds every field and the log, and not the signature", () => {
    const context = { separator: new Uint8Array(32), logId: new Uint8Array(32) };
    fc.assert(
      fc.property(operation, operation, bytesOf(65), (a, b, signature) => {
        const id = toHex(operationId(context, a));
        assert.equal(toHex(operationId(context, { ...a, signature } as SignedOperation)), id);
        assert.notEqual(toHex(operationId({ ...context, logId: new Uint8Array(32).fill(1) }, a)), id);
        assert.notEqual(toHex(operationId({ ...context, separator: new Uint8Array(32).fill(1) }, a)), id);
        const same =
          toHex(encodeOperation({ ...a, signature })) === toHex(encodeOperation({ ...b, signature }));
        assert.equal(toHex(operationId(context, b)) === id, same);
      }),
    );
  });
});

suite("canonical form", () => {
  const refuse = (type: string, items: readonly Uint8Array[], what: string): void =>
    assert.throws(() => decodeOperation(payloadOf(type, items)), malformed, what);

  test("a missing, surplus or doubled field is refused", () => {
    for (const [type, items] of [
      ["S", transaction],
      ["P", change],
    ] as const) {
      assert.ok(decodeOperation(payloadOf(type, items)));
      for (let i = 0; i < items.length; i++) {
        refuse(type, items.toSpliced(i, 1), `${type} without field ${i}`);
      }
      refuse(type, [...items, rlpInteger(0)], `${type} with a surplus field`);
      assert.throws(() => decodeOperation(concatBytes(payloadOf(type, items), Uint8Array.of(0))), malformed);
    }
  });

  test("leading zeros, long lengths and numbers out of range are refused in every field", () => {
    const wrong: [string, number, Uint8Array][] = [
      ["from", 0, rlpBytes(new Uint8Array(19))],
      ["from", 0, rlpBytes(new Uint8Array(21))],
      ["from", 0, rlpList([])],
      ["nonce", 1, Uint8Array.of(0)],
      ["nonce", 1, Uint8Array.of(0x82, 0, 1)],
      ["nonce", 1, rlpInteger(2n ** 64n)],
      ["nonce", 1, Uint8Array.of(0x81, 7)],
      ["expires", 2, Uint8Array.of(0)],
      ["expires", 2, rlpInteger(2n ** 53n)],
      ["expires", 2, Uint8Array.of(0x83, 0, 1, 1)],
      ["data", 3, rlpList([])],
      ["data", 3, Uint8Array.of(0x81, 9)],
      ["data", 3, concatBytes(Uint8Array.of(0xb8, 1), utf8("é"))],
      ["yParity", 4, Uint8Array.of(0)],
      ["yParity", 4, rlpInteger(256)],
      ["r", 5, rlpBytes(concatBytes(Uint8Array.of(0), new Uint8Array(31).fill(2)))],
      ["r", 5, rlpBytes(new Uint8Array(33).fill(2))],
      ["s", 6, rlpBytes(concatBytes(Uint8Array.of(0), new Uint8Array(31).fill(2)))],
      ["s", 6, Uint8Array.of(0)],
    ];
    for (const [name, i, item] of wrong) refuse("S", transaction.with(i, item), `${name} ${toHex(item)}`);
    refuse("P", change.with(3, rlpBytes(new Uint8Array(19))), "account");
    for (const role of [3, 255, 2 ** 32]) refuse("P", change.with(4, rlpInteger(role)), `role ${role}`);
    refuse("P", change.with(4, Uint8Array.of(0)), "role 0 as a byte");
  });

  test("an r or s with leading zeros is read from its short form", () => {
    const short = rlpBytes(new Uint8Array(30).fill(2));
    const { signature } = decodeOperation(payloadOf("S", transaction.with(5, short).with(6, rlpInteger(0))));
    assert.equal(toHex(signature), `0x0000${"02".repeat(30)}${"00".repeat(32)}01`);
  });

  test("other types of payload are refused, those that are reserved included", () => {
    for (const type of ["", "G", "E", "K", "T", "V", "Z", "H", "s", "\0"])
      refuse(type, transaction, JSON.stringify(type));
    assert.throws(() => decodeOperation(new Uint8Array(0)), malformed);
  });

  test("a transaction's bytes are no permission change, and the reverse", () => {
    refuse("P", transaction, "a transaction as P");
    refuse("S", change, "a permission change as S");
  });
});

suite("size", () => {
  const withData = (bytes: number): Uint8Array =>
    payloadOf(
      "S",
      transaction
        .with(1, rlpInteger(2n ** 64n - 1n))
        .with(2, rlpInteger(2 ** 53 - 1))
        .with(3, rlpBytes(new Uint8Array(bytes))),
    );

  test("the largest data fits an entry whatever the other fields are", () => {
    const payload = withData(DATA_BYTES_MAX);
    assert.ok(encodeEntry({ timestamp: 2 ** 53 - 1, payload }).length <= ENTRY_BYTES_MAX);
    assert.ok(decodeOperation(payload));
  });

  test("one byte more is refused with the limit, however large it is", () => {
    for (const bytes of [DATA_BYTES_MAX + 1, ENTRY_BYTES_MAX, 1_000_000]) {
      assert.throws(() => decodeOperation(withData(bytes)), tooLarge);
    }
  });
});
