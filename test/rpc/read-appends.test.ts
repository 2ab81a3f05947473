/**
 * Requests that are read in WebAssembly become the same bytes as if JavaScript had read them, or are left to it.
 */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import fc from "fast-check";
import { concatBytes, fromBase64, toHex, utf8 } from "../../src/base/bytes.ts";
import { DATA_BYTES_MAX, REQUEST_CALLS_MAX } from "../../src/base/limits.ts";
import { rlpBytes, rlpInteger, rlpList } from "../../src/base/rlp.ts";
import { instantiate } from "../../src/base/wasm.ts";
import { appendColumns } from "../../src/rpc/append-columns.ts";
import { read as binary } from "../../src/rpc/generated/read.ts";
import { readCalls, readColumns, readTask } from "../../src/rpc/read-appends.ts";
import { ReadRequest } from "../../src/rpc/read-request.ts";
import {
  body,
  call,
  calls,
  DATA_AT_300,
  openReader,
  payloadOf,
  transaction,
  WRITERS,
} from "../helpers/append-bodies.ts";
import { mutated } from "../helpers/arbitraries.ts";
import { RLP_ITEMS } from "../helpers/rlp-items.ts";
import { START } from "../helpers/stored-log.ts";

const BODY_BYTES = 2 ** 21;
const TRANSACTIONS_MAX = 2_048;

/** Requests of one job: how many of them WebAssembly knows, after all of them were compared. */
function compare(bodies: readonly Uint8Array[]): number {
  const expected = readCalls(openReader().reader, bodies);
  const known = readColumns(openReader().reader, appendColumns!, bodies);
  for (const [i, bytes] of known.entries()) {
    if (bytes !== undefined) assert.deepEqual(hex(bytes), hex(expected[i]!));
  }
  assert.deepEqual(readTask(openReader().reader)(bodies).map(hex), expected.map(hex));
  return known.filter((bytes) => bytes !== undefined).length;
}

const hex = (bytes: Uint8Array): string => toHex(bytes);

/** Compared, and accepted in WebAssembly. */
function assertKnown(text: string): void {
  assert.equal(compare([utf8(text)]), 1, text.slice(0, 300));
  assert.ok(readCalls(openReader().reader, [utf8(text)])[0]!.length > 0, text.slice(0, 300));
}

function assertUnknown(text: string): void {
  assert.equal(compare([utf8(text)]), 0, text.slice(0, 300));
}

/** All orders of these. */
function orders<T>(items: readonly T[]): T[][] {
  if (items.length === 0) return [[]];
  return items.flatMap((item, i) => orders(items.toSpliced(i, 1)).map((rest) => [item, ...rest]));
}

const VALID = payloadOf({});
const MEMBERS: readonly string[] = [
  '"jsonrpc":"2.0"',
  '"id":7',
  '"method":"sequencer_append"',
  `"params":["${toHex(VALID)}"]`,
];
const withId = (id: string): string => `{${MEMBERS.with(1, `"id":${id}`)}}`;
const withPayload = (payload: Uint8Array): string => body([call({ params: [toHex(payload)] })]);

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

suite("there is room for", () => {
  test("a full request, and not for one call more", () => {
    assert.equal(compare([utf8(body(calls(REQUEST_CALLS_MAX)))]), 1);
    assert.equal(compare([utf8(body(calls(REQUEST_CALLS_MAX + 1)))]), 0);
  });

  test("a full request of transactions with 300 bytes of data and ids of 64 bytes", () => {
    const id = "x".repeat(62);
    const full = Array.from({ length: REQUEST_CALLS_MAX }, () => call({ id, params: [toHex(DATA_AT_300)] }));
    assert.equal(compare([utf8(body(full))]), 1);
  });

  test("so many transactions in a job, and so many bytes; what is beyond them is read in the other way", () => {
    const last = TRANSACTIONS_MAX - 2 * REQUEST_CALLS_MAX;
    const job = [REQUEST_CALLS_MAX, REQUEST_CALLS_MAX, last + 1, last, 1].map((count) =>
      utf8(body(calls(count))),
    );
    assert.equal(compare(job), 3);
    const large = call({ params: [toHex(payloadOf({ data: new Uint8Array(DATA_BYTES_MAX) }))] });
    const bytes = utf8(body(large));
    const fitting = Math.floor(BODY_BYTES / 2 / (DATA_BYTES_MAX + 120));
    assert.equal(compare([...Array<Uint8Array>(fitting + 2).fill(bytes), utf8(body(calls(1)))]), fitting + 1);
  });

  test("a body of exactly so many bytes", () => {
    const large = payloadOf({ data: new Uint8Array(DATA_BYTES_MAX) });
    const most = Array.from({ length: 15 }, () => call({ params: [toHex(large)] }));
    const room = BODY_BYTES - utf8(body([...most, call({ params: ["0x"] })])).length;
    const data = new Uint8Array(
      Math.floor(room / 2) - payloadOf({ data: new Uint8Array(1_000) }).length + 1_000,
    );
    const payload = payloadOf({ data });
    const left = BODY_BYTES - utf8(body([...most, call({ params: [toHex(payload)] })])).length;
    for (const [more, known] of [
      [0, 1],
      [1, 0],
    ] as const) {
      const last = call({ id: 10 ** (left + more), params: [toHex(payload)] });
      const bytes = utf8(body([...most, last]));
      assert.equal(bytes.length, BODY_BYTES + more);
      assert.equal(compare([bytes]), known);
    }
  });
});

test("all requests of a job are verified as one, and results stay when the next job comes", () => {
  const { reader, verified } = openReader();
  const task = readTask(reader);
  const job = [1, 4, 2].map((count) => utf8(body(calls(count))));
  const results = task(job);
  assert.deepEqual(verified, [7]);
  const before = results.map(hex);
  task([utf8(body(calls(9)))]);
  assert.deepEqual(results.map(hex), before);
});

suite("any requests, valid and spoiled", () => {
  const fields = fc.record(
    {
      from: fc.constantFrom(...WRITERS, ...WRITERS, new Uint8Array(20).fill(9)),
      nonce: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
      expires: fc.integer({ min: START, max: START + 60_001 }),
      data: fc.uint8Array({ maxLength: 200 }),
      signature: fc.uint8Array({ minLength: 65, maxLength: 65 }),
    },
    { noNullPrototype: true },
  );
  const valid = fields.map(payloadOf);
  const payload = fc.oneof({ weight: 12, arbitrary: valid }, { weight: 1, arbitrary: mutated(valid) });
  const id = fc.oneof(
    fc.nat(),
    fc.string({ maxLength: 70 }),
    fc.string({ unit: "binary", maxLength: 3 }),
    fc.constantFrom(null, 1.5, -1, 10 ** 15, 10 ** 15 - 1),
  );
  const simple = fc.oneof(fc.nat(), fc.uuid());
  const member = fc.shuffledSubarray([0, 1, 2, 3], { minLength: 4 });
  const text = fc
    .tuple(fc.oneof({ weight: 9, arbitrary: simple }, { weight: 1, arbitrary: id }), payload, member)
    .map(([id, bytes, order]) => {
      const all = call({ id, params: [toHex(bytes)] });
      return body(Object.fromEntries(order.map((i) => Object.entries(all)[i]!)));
    });
  const request = fc
    .oneof(
      text,
      fc.array(text, { minLength: 1, maxLength: 6 }).map((all) => `[${all}]`),
    )
    .map(utf8);
  const spliced = fc.tuple(request, request, fc.nat(), fc.nat()).map(([a, b, i, j]) => {
    return concatBytes(a.subarray(0, i % (a.length + 1)), b.subarray(j % (b.length + 1)));
  });
  const any = fc.oneof(request, request, mutated(request), spliced);

  test("become the bytes that JavaScript makes of them, or nothing", () => {
    let [known, all, accepted] = [0, 0, 0];
    fc.assert(
      fc.property(fc.array(any, { minLength: 1, maxLength: 4 }), (bodies) => {
        all += bodies.length;
        known += compare(bodies);
        accepted += readTask(openReader().reader)(bodies).filter(({ length }) => length > 0).length;
      }),
      { numRuns: 2_000 },
    );
    assert.ok(known > all / 4 && accepted > all / 8, `${known} known and ${accepted} accepted of ${all}`);
  });

  test("nothing is written but the columns", () => {
    type Module = Record<string, WebAssembly.Global<"i32">> & {
      memory: WebAssembly.Memory;
      read: (bytes: number, first: number) => number;
    };
    const wasm = instantiate<Module>(fromBase64(binary)!);
    const memory = new Uint8Array(wasm.memory.buffer);
    const slack = 32;
    const sizes: Record<string, number> = {
      ...{ BODY: BODY_BYTES + slack, ENTRIES: BODY_BYTES / 2 + slack, DATA: BODY_BYTES / 2 },
      ...{ SENDERS: 20, NONCES: 8, EXPIRES: 8, SIGNATURES: 65, LINES: 65 },
    };
    const areas = Object.entries(sizes).map(([name, bytes]): [number, number] => {
      const start = wasm[name]!.value;
      return [start, start + (bytes < 100 ? bytes * TRANSACTIONS_MAX : bytes)];
    });
    for (const name of ["ENTRY_OFFSETS", "DATA_OFFSETS", "LINE_OFFSETS"]) {
      areas.push([wasm[name]!.value, wasm[name]!.value + 4 * (TRANSACTIONS_MAX + 1)]);
    }
    areas.sort(([a], [b]) => a - b);
    const outside = (): string => {
      const gaps = areas.map(([, end], i) => memory.subarray(end, areas[i + 1]?.[0] ?? memory.length));
      return hex(concatBytes(memory.subarray(0, areas[0]![0]), ...gaps));
    };
    const before = outside();
    assert.ok(before.length < 300_000 && areas.every(([, end], i) => end <= (areas[i + 1]?.[0] ?? end)));
    let count = 0;
    const read = (bytes: Uint8Array, first: number): number => {
      memory.set(bytes, wasm.BODY!.value);
      return wasm.read(bytes.length, first);
    };
    // Full up to the last place, up to the last byte, and digits and ids that do not end.
    for (const each of [1_000, 1_000, 48, 1, 48]) count += read(utf8(body(calls(each))), count);
    assert.equal(count, TRANSACTIONS_MAX);
    const endless = ['{"params":["0x', '[{"id":"', '[{"id":'];
    for (const start of endless) {
      const bytes = new Uint8Array(BODY_BYTES).fill(0x35);
      bytes.set(utf8(start));
      for (const first of [0, 1_999, 2_047, 2_048, 2_049, 2 ** 31]) assert.equal(read(bytes, first), 0);
    }
    const large = utf8(body(call({ params: [toHex(payloadOf({ data: new Uint8Array(DATA_BYTES_MAX) }))] })));
    for (count = 0; read(large, count) > 0; ) count++;
    assert.equal(count, 16);
    fc.assert(fc.property(any, fc.nat(16), (bytes, first) => void read(bytes, first)));
    assert.equal(wasm.read(BODY_BYTES + 1, 0), 0);
    assert.equal(outside(), before);
  });
});
