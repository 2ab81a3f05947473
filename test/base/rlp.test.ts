/**
 * Strict RLP: examples of the Ethereum wiki, and every encoding that is not the shortest.
 */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import fc from "fast-check";
import { fromHex, toHex, utf8 } from "../../src/base/bytes.ts";
import { RlpError, RlpReader, rlpBytes, rlpInteger, rlpList, stripLeadingZeros } from "../../src/base/rlp.ts";
import { hostile } from "../helpers/arbitraries.ts";

const refused = { name: "RlpError" };

/** Nested lists of byte strings. */
type Item = Uint8Array | readonly Item[];

function encode(item: Item): Uint8Array {
  return item instanceof Uint8Array ? rlpBytes(item) : rlpList(item.map(encode));
}

/** Reads whatever items there are: first as bytes, else as a list. */
function decode(list: RlpReader): Item[] {
  const items: Item[] = [];
  while (!list.done) items.push(readItem(list));
  return items;
}

function readItem(list: RlpReader): Item {
  try {
    return list.bytes();
  } catch (error) {
    if (!(error instanceof RlpError) || !error.message.startsWith("expected a byte string")) throw error;
    return decode(list.list());
  }
}

const { items } = fc.letrec<{ item: Item; items: readonly Item[] }>((tie) => ({
  item: fc.oneof({ depthSize: "small" }, fc.uint8Array({ maxLength: 70 }), tie("items")),
  items: fc.array(tie("item"), { maxLength: 6 }),
}));

suite("examples", () => {
  test("strings, integers and lists are encoded as the documentation shows", () => {
    assert.equal(toHex(rlpBytes(utf8("dog"))), "0x83646f67");
    assert.equal(toHex(rlpList([rlpBytes(utf8("cat")), rlpBytes(utf8("dog"))])), "0xc88363617483646f67");
    assert.equal(toHex(rlpBytes(new Uint8Array(0))), "0x80");
    assert.equal(toHex(rlpList([])), "0xc0");
    assert.equal(toHex(rlpInteger(0)), "0x80");
    assert.equal(toHex(rlpBytes(Uint8Array.of(0))), "0x00");
    assert.equal(toHex(rlpInteger(15)), "0x0f");
    assert.equal(toHex(rlpInteger(1_024)), "0x820400");
    const sentence = utf8("Lorem ipsum dolor sit amet, consectetur adipisicing elit");
    assert.equal(toHex(rlpBytes(sentence)), `0xb838${toHex(sentence).slice(2)}`);
  });

  test("integers keep every bit up to their bound", () => {
    const list = rlpList([rlpInteger(Number.MAX_SAFE_INTEGER), rlpInteger(2n ** 64n - 1n), rlpInteger(0)]);
    const reader = RlpReader.list(list);
    assert.equal(reader.number(), Number.MAX_SAFE_INTEGER);
    assert.equal(reader.bigint(), 2n ** 64n - 1n);
    assert.equal(reader.number(), 0);
    reader.end();
  });
});

suite("refusals", () => {
  const read: Record<string, (list: RlpReader) => unknown> = {
    bytes: (list) => list.bytes(),
    integer: (list) => list.integer(32),
    number: (list) => list.number(),
    bigint: (list) => list.bigint(),
    list: (list) => list.list(),
    address: (list) => list.bytes(2),
  };
  const cases: [what: string, reader: string, encoding: string][] = [
    ["a small byte with a length", "bytes", "c28105"],
    ["a long length for a short string", "bytes", "c4b8020102"],
    ["a long length with a leading zero", "bytes", `f83bb90038${"01".repeat(56)}`],
    ["a length of five bytes", "bytes", "c6bc0000000001"],
    ["a length of eight bytes", "bytes", "c9bfffffffffffffffff"],
    ["a string longer than its list", "bytes", "c183"],
    ["a length cut off", "bytes", "c1b9"],
    ["a list where a string belongs", "bytes", "c1c0"],
    ["a string where a list belongs", "list", "c180"],
    ["an item that is not there", "bytes", "c0"],
    ["an inner list longer than the outer", "list", "c1c1"],
    ["an integer with a leading zero", "integer", "c3820001"],
    ["a zero as a byte", "integer", "c100"],
    ["a number above 2^53 - 1", "number", "c88720000000000000"],
    ["a number of eight bytes", "number", "c9880100000000000000"],
    ["a bigint of nine bytes", "bigint", "ca89010000000000000000"],
    ["an integer of 33 bytes", "integer", `e2a1${"01".repeat(33)}`],
    ["a fixed-size string too short", "address", "c101"],
    ["a fixed-size string too long", "address", "c483010203"],
  ];
  for (const [what, reader, encoding] of cases) {
    test(`${what} is refused`, () => {
      assert.throws(() => read[reader]!(RlpReader.list(fromHex(`0x${encoding}`))), refused);
    });
  }

  test("bytes behind or before the one list are refused", () => {
    for (const encoding of ["", "80", "c000", "c0c0", "c1", "05", "f800", "f838", "f90000"]) {
      assert.throws(() => RlpReader.list(fromHex(`0x${encoding}`)), refused, encoding);
    }
    const list = RlpReader.list(fromHex("0xc20102"));
    list.bytes();
    assert.throws(() => list.end(), refused);
  });
});

suite("properties", () => {
  test("nested lists round-trip", () => {
    fc.assert(
      fc.property(items, (nested) => {
        assert.equal(toHex(encode(decode(RlpReader.list(encode(nested))))), toHex(encode(nested)));
      }),
    );
  });

  test("whatever is accepted re-encodes to the same bytes, everything else is an RlpError", () => {
    fc.assert(
      fc.property(hostile(items.map(encode)), (bytes) => {
        let decoded: Item;
        try {
          decoded = decode(RlpReader.list(bytes));
        } catch (error) {
          assert.ok(error instanceof RlpError, String(error));
          return;
        }
        assert.equal(toHex(encode(decoded)), toHex(bytes));
      }),
      { numRuns: 2_000 },
    );
  });

  test("stripping leading zeros leaves the same integer", () => {
    fc.assert(
      fc.property(fc.uint8Array({ max: 3, maxLength: 6 }), (bytes) => {
        const stripped = stripLeadingZeros(bytes);
        assert.notEqual(stripped[0], 0);
        assert.equal(BigInt(toHex(Uint8Array.of(0, ...stripped))), BigInt(toHex(Uint8Array.of(0, ...bytes))));
      }),
    );
  });
});
