/**
 * Requests that are read in WebAssembly become the same bytes as if JavaScript had read them, or are left to it.
 */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { concatBytes, toHex, utf8 } from "../../src/base/bytes.ts";
import { DATA_BYTES_MAX } from "../../src/base/limits.ts";
import { rlpBytes, rlpInteger, rlpList } from "../../src/base/rlp.ts";
import { appendColumns } from "../../src/rpc/append-columns.ts";
import { readTask } from "../../src/rpc/read-appends.ts";
import { ReadRequest } from "../../src/rpc/read-request.ts";
import { body, call, calls, openReader, payloadOf, transaction } from "../helpers/append-bodies.ts";
import {
  assertKnown,
  assertUnknown,
  compare,
  MEMBERS,
  VALID,
  withId,
  withPayload,
} from "../helpers/both-readers.ts";
import { RLP_ITEMS } from "../helpers/rlp-items.ts";
import { START } from "../helpers/stored-log.ts";

/** All orders of these. */
function orders<T>(items: readonly T[]): T[][] {
  if (items.length === 0) return [[]];
  return items.flatMap((item, i) => orders(items.toSpliced(i, 1)).map((rest) => [item, ...rest]));
}

suite("known are", () => {
  test("the members in any order, in a batch and alone", () => {
    const texts = orders(MEMBERS).map((members) => `{${members}}`);
    assert.equal(texts.length, 24);
    for (const text of texts) assertKnown(text);
    assertKnown(`[${texts}]`);
  });

  test("ids that are integers of up to 15 digits, and short strings", () => {
    const uuid = '"123e4567-e89b-42d3-a456-426614174000"';
    const strings = ['""', '"a b"', '"!#[]~{}:,/"', uuid, `"${"x".repeat(62)}"`];
    for (const id of ["0", "9", "10", "999999999999999", ...strings]) assertKnown(withId(id));
    const read = new ReadRequest(
      readTask(openReader().reader)([utf8(`[${withId(uuid)},${withId("12")}]`)])[0]!,
    );
    assert.deepEqual([read.id(0).toString(), read.id(1).toString(), read.isBatch], [uuid, "12", true]);
  });

  test("digits of either case", () => {
    const text = withId("1");
    const digits = toHex(VALID).slice(2);
    assertKnown(text.replace(digits, digits.toUpperCase()));
    assertKnown(
      text.replace(
        digits,
        digits.replace(/[a-f]/g, (c, at) => (at % 2 ? c : c.toUpperCase())),
      ),
    );
  });

  test("data of any length that is allowed, and numbers of any size", () => {
    for (const length of [0, 1, 15, 16, 17, 55, 56, 255, 256, 300, DATA_BYTES_MAX - 1, DATA_BYTES_MAX]) {
      assertKnown(withPayload(payloadOf({ data: new Uint8Array(length).fill(length) })));
    }
    assertKnown(withPayload(payloadOf({ data: Uint8Array.of(0) })));
    for (const nonce of [0n, 1n, 127n, 128n, 2n ** 63n, 2n ** 64n - 1n]) {
      assertKnown(withPayload(payloadOf({ nonce })));
    }
  });

  test("signatures of any value: the verifier decides", () => {
    for (const at of [0, 31, 32, 63]) {
      for (const length of [1, 2, 31, 32]) {
        const signature = new Uint8Array(65).fill(0xff, at, Math.min(at + length, 64));
        for (const yParity of [0, 1, 2, 255]) {
          assertKnown(withPayload(payloadOf({ signature: signature.with(64, yParity) })));
        }
      }
    }
  });

  test("requests of which something is refused: all of such a request is, and nothing of it verified", () => {
    const refused = [
      { from: new Uint8Array(20).fill(0x77) },
      { expires: START - 1 },
      { expires: START + 60_001 },
      { expires: 0 },
      { expires: Number.MAX_SAFE_INTEGER },
    ];
    for (const fields of refused) {
      const bad = body([...calls(2), call({ params: [toHex(payloadOf(fields))] })]);
      const { reader, verified } = openReader();
      const task = [bad, body(calls(3)), bad].map(utf8);
      assert.deepEqual(
        readTask(reader)(task).map(({ length }) => length > 0),
        [false, true, false],
      );
      assert.deepEqual(verified, [3]);
      assert.equal(compare(task), 3);
    }
  });
});

suite("left to JavaScript is", () => {
  test("any other JSON, valid or not", () => {
    const [version, id, method, params] = MEMBERS;
    const text = withId("7");
    const objects = [
      [version, method, params],
      [version, id, method],
      [version, id, params],
      [id, method, params],
      ...MEMBERS.map((member) => [...MEMBERS, member]),
      ...MEMBERS.map((member) => [member, ...MEMBERS, '"more":1']),
      [],
    ].map((members) => `{${members}}`);
    for (const object of objects) assertUnknown(object);
    for (const other of [
      "",
      "[",
      "[]",
      "{",
      "[[]]",
      "null",
      `[${text},]`,
      `[,${text}]`,
      `[${text}`,
      `${text}]`,
    ])
      assertUnknown(other);
    for (const other of [
      `[${text}]]`,
      `[${text}]\0`,
      `${text}\0`,
      `\ufeff${text}`,
      `[${text}${text}]`,
      `[[${text}]]`,
    ])
      assertUnknown(other);
    for (const space of [" ", "\n", "\t"]) {
      for (const [from, to] of [
        ["{", `{${space}`],
        ["}", `}${space}`],
        [",", `${space},`],
        [":", `:${space}`],
        ["]", `${space}]`],
      ] as const) {
        assertUnknown(text.replace(from, to));
      }
      assertUnknown(`${space}${text}`);
    }
  });

  test("any other id", () => {
    const numbers = [
      "null",
      "-1",
      "1.5",
      "1e3",
      "01",
      "00",
      "1000000000000000",
      "+1",
      "0x1",
      "{}",
      "[]",
      "true",
    ];
    const strings = [
      '"\\n"',
      '"\\u0041"',
      '"ä"',
      '"\x7f"',
      '"\n"',
      '"\x1f"',
      `"${"x".repeat(63)}"`,
      '"',
      '"x',
    ];
    for (const id of [...numbers, ...strings, "/", ":", ""]) assertUnknown(withId(id));
  });

  test("any other parameters, version or method", () => {
    const digits = toHex(VALID);
    const others = [
      `["${digits}",{}]`,
      `["${digits}",null]`,
      `{"tx":"${digits}"}`,
      `["${digits}0"]`,
      "[]",
      "null",
    ];
    for (const digit of ["g", "G", "/", ":", "@", "`", "\\u0030", "\u0130", " ", "\0"])
      others.push(`["${digits.slice(0, 40)}${digit}${digits.slice(40 + 1)}"]`);
    others.push(
      `["0X${digits.slice(2)}"]`,
      `["${digits.slice(2)}"]`,
      '["0x"]',
      '["0x53"]',
      '["0x53c0"]',
      `["${digits}']`,
    );
    for (const params of others) assertUnknown(`{${MEMBERS.with(3, `"params":${params}`)}}`);
    assertUnknown(`{${MEMBERS.with(0, '"jsonrpc":"2.1"')}}`);
    for (const method of ["sequencer_appendx", "sequencer_appen", "sequencer_read", "Sequencer_append"])
      assertUnknown(`{${MEMBERS.with(2, `"method":"${method}"`)}}`);
  });

  test("whatever is not the strict form of a transaction", () => {
    const fields = transaction({});
    const { signature } = fields;
    const whole = [
      ...[rlpBytes(fields.from), rlpInteger(fields.nonce), rlpInteger(fields.expires), rlpBytes(fields.data)],
      ...[rlpInteger(1), rlpBytes(signature.subarray(0, 32)), rlpBytes(signature.subarray(32, 64))],
    ];
    const list = rlpList(whole);
    const type = Uint8Array.of(0x53);
    assertKnown(withPayload(concatBytes(type, list)));
    const lists = [
      list.subarray(1),
      list.subarray(0, 1),
      list.subarray(0, -1),
      list.with(0, list[0]! - 0x40),
    ];
    lists.push(concatBytes(list, type), rlpList(whole.slice(0, 6)), rlpList([...whole, rlpBytes(type)]));
    for (const each of lists) assertUnknown(withPayload(concatBytes(type, each)));
    for (const other of [0x50, 0x47, 0x52, 0x54])
      assertUnknown(withPayload(concatBytes(Uint8Array.of(other), list)));
    let known = 0;
    const integers = ["820001", "8100", "881fffffffffffffff", "8720000000000000", "89010000000000000000"];
    const items = [...RLP_ITEMS, ...integers.map((digits) => new Uint8Array(Buffer.from(digits, "hex")))];
    items.push(rlpBytes(new Uint8Array(32).fill(1)), rlpBytes(new Uint8Array(33).fill(1)));
    items.push(rlpBytes(Uint8Array.of(0, ...new Uint8Array(31).fill(1))));
    items.push(rlpBytes(new Uint8Array(DATA_BYTES_MAX + 1)), rlpBytes(new Uint8Array(65_600)));
    for (const at of whole.keys()) {
      for (const item of items)
        known += compare([utf8(withPayload(concatBytes(type, rlpList(whole.with(at, item)))))]);
    }
    assert.ok(known > 20, `${known} of them are strict`);
  });

  test("what is left of a request before it, whatever a request is cut to", () => {
    const bytes = utf8(body(calls(2)));
    for (let length = 0; length < bytes.length; length++) {
      assert.equal(appendColumns!.read(bytes, 0), 2);
      assert.equal(appendColumns!.read(bytes.subarray(0, length), 0), 0);
    }
  });
});
