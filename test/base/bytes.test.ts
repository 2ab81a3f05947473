/**
 * Bytes, text and numbers: round trips, and hostile text that must be refused rather than misread.
 */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import fc from "fast-check";
import {
  compareBytes,
  concatBytes,
  equalBytes,
  fromBase64,
  fromHex,
  fromUtf8,
  isHex,
  readU64be,
  toBase64,
  toHex,
  u64be,
  utf8,
} from "../../src/base/bytes.ts";

const invalidParams = { name: "SequencerError", code: "invalid-params" };

suite("hexadecimal", () => {
  test("bytes round-trip, in lower case out and either case in", () => {
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        const hex = toHex(bytes);
        assert.equal(hex, `0x${Buffer.from(bytes).toString("hex")}`);
        assert.deepEqual(fromHex(hex), bytes);
        assert.deepEqual(fromHex(`0x${hex.slice(2).toUpperCase()}`, bytes.length), bytes);
      }),
    );
  });

  test("text that is not whole bytes of 0x-hexadecimal is refused", () => {
    const texts = [
      "",
      "0",
      "0x0",
      "00",
      "0X00",
      "x0",
      "0x0g",
      "0xg0",
      "0x 0",
      "0x00 ",
      " 0x00",
      "0x0x",
      "0x-1",
      "0x00\n",
      "0x\u0130\u0130",
      "0x\u0661\u0662",
      "0x0\u0141",
      "0x\ud800\udc00",
      17,
      null,
      undefined,
      ["0x00"],
      {},
    ];
    for (const text of texts) {
      assert.throws(() => fromHex(text), invalidParams, JSON.stringify(text));
      assert.equal(isHex(text), false);
    }
    assert.throws(() => fromHex("0x0011", 1), invalidParams);
    assert.throws(() => fromHex("0x", 1), invalidParams);
  });

  test("text of any characters is either hexadecimal or refused", () => {
    const character = fc.oneof(fc.constantFrom(..."0123456789abcdefABCDEFxg"), fc.string({ unit: "binary" }));
    fc.assert(
      fc.property(fc.array(character), (characters) => {
        const text = `0x${characters.join("")}`;
        if (isHex(text)) assert.equal(toHex(fromHex(text)), text.toLowerCase());
        else assert.throws(() => fromHex(text), invalidParams);
      }),
      { numRuns: 500 },
    );
  });
});

suite("base64", () => {
  test("bytes round-trip", () => {
    fc.assert(fc.property(fc.uint8Array(), (bytes) => assert.deepEqual(fromBase64(toBase64(bytes)), bytes)));
  });

  test("every other spelling of the same bytes is refused", () => {
    for (const text of [
      "AA",
      "AA=",
      "AAA",
      "A",
      "AB==",
      "AA==\n",
      " AA==",
      "A A==",
      "_w==",
      "-w==",
      "AA==AA==",
      "é",
    ]) {
      assert.equal(fromBase64(text), undefined, text);
    }
    assert.deepEqual(fromBase64(""), new Uint8Array(0));
  });
});

suite("UTF-8", () => {
  test("text round-trips, a leading byte-order mark included", () => {
    fc.assert(fc.property(fc.string({ unit: "binary" }), (text) => assert.equal(fromUtf8(utf8(text)), text)));
    assert.equal(fromUtf8(utf8("\ufeffx")), "\ufeffx");
  });

  test("what decodes re-encodes to the same bytes, and invalid bytes do not decode", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 6 }), (bytes) => {
        const text = fromUtf8(bytes);
        if (text !== undefined) assert.deepEqual(utf8(text), bytes);
      }),
      { numRuns: 1_000 },
    );
    for (const bytes of [[0xff], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0xe2, 0x82]]) {
      assert.equal(fromUtf8(Uint8Array.from(bytes)), undefined);
    }
  });
});

suite("integers and order", () => {
  test("a safe integer is eight big-endian bytes", () => {
    fc.assert(
      fc.property(fc.maxSafeNat(), (value) => {
        const bytes = u64be(value);
        assert.equal(Buffer.from(bytes).readBigUInt64BE(), BigInt(value));
        assert.equal(readU64be(bytes, 0), value);
      }),
    );
  });

  test("eight bytes above 2^53 - 1 are no integer", () => {
    const view = new DataView(new ArrayBuffer(8));
    for (const value of [2n ** 53n, 2n ** 53n + 1n, 2n ** 63n, 2n ** 64n - 1n]) {
      view.setBigUint64(0, value);
      assert.equal(readU64be(new Uint8Array(view.buffer), 0), undefined);
    }
  });

  test("comparison is lexicographic and agrees with equality", () => {
    const short = fc.uint8Array({ maxLength: 4, max: 2 });
    fc.assert(
      fc.property(short, short, (a, b) => {
        assert.equal(Math.sign(compareBytes(a, b)), Buffer.compare(a, b));
        assert.equal(equalBytes(a, b), Buffer.compare(a, b) === 0);
        assert.deepEqual(concatBytes(a, b), Uint8Array.from([...a, ...b]));
      }),
    );
  });
});
