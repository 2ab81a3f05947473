/**
 * The columns that requests are read into: how much there is room for, and that nothing else is written.
 */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import fc from "fast-check";
import { concatBytes, fromBase64, toHex, utf8 } from "../../src/base/bytes.ts";
import { DATA_BYTES_MAX, REQUEST_CALLS_MAX } from "../../src/base/limits.ts";
import { instantiate } from "../../src/base/wasm.ts";
import { read as binary } from "../../src/rpc/generated/read.ts";
import { readTask } from "../../src/rpc/read-appends.ts";
import { body, call, calls, DATA_AT_300, openReader, payloadOf, WRITERS } from "../helpers/append-bodies.ts";
import { mutated } from "../helpers/arbitraries.ts";
import { compare, hex } from "../helpers/both-readers.ts";
import { START } from "../helpers/stored-log.ts";

const BODY_BYTES = 2 ** 21;
const TRANSACTIONS_MAX = 2_048;

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
