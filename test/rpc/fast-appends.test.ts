/**
 * The way of most appends: who reads a request, and that its answer is the same whoever did.
 */
import assert from "node:assert/strict";
import { suite, type TestContext, test } from "node:test";
import { fromUtf8, toHex } from "../../src/base/bytes.ts";
import { ROLES } from "../../src/permission/policy.ts";
import { FastAppends } from "../../src/rpc/fast-appends.ts";
import { readTask } from "../../src/rpc/read-appends.ts";
import type { Task } from "../../src/sequencing/task-queue.ts";
import { TransactionReader } from "../../src/sequencing/transaction-reader.ts";
import type { WorkerPool } from "../../src/sequencing/worker-pool.ts";
import { transactionOf, writer } from "../helpers/accounts.ts";
import { LIFETIME_MS, type Pipeline, startPipeline } from "../helpers/pipeline.ts";
import { verifyByRecovery } from "../helpers/verify-by-recovery.ts";

suite("a request of appends", () => {
  interface Fixture extends Pipeline {
    readonly fast: FastAppends;
    /** What was given to workers. */
    readonly bodies: string[];
  }

  async function start(t: TestContext, idle: number): Promise<Fixture> {
    const pipeline = await startPipeline(t);
    const { log, intake, time } = pipeline;
    const reader = new TransactionReader({ verify: verifyByRecovery }, () => time.wall());
    const roles = [{ account: writer.address, role: ROLES.writer }];
    reader.note({ kind: "log", context: log.context, lifetimeMs: LIFETIME_MS, roles });
    const read = readTask(reader);
    const bodies: string[] = [];
    const run = async ({ bytes }: Task): Promise<Uint8Array> => {
      bodies.push(fromUtf8(bytes)!);
      return read([bytes])[0]!;
    };
    const workers = { idle, run } as unknown as WorkerPool;
    const fast = new FastAppends({ log, intake, workers, measure: (outcomes) => outcomes });
    return { ...pipeline, fast, bodies };
  }

  const calls = ({ log, time }: Pipeline, count: number, dataBytes = 300): object[] =>
    Array.from({ length: count }, (_, id) => {
      const fields = { nonce: BigInt(id), expires: time.wall() + 1_000, data: new Uint8Array(dataBytes) };
      const payload = transactionOf(log.context, writer, fields);
      return { jsonrpc: "2.0", id, method: "sequencer_append", params: [toHex(payload)] };
    });

  async function answer({ fast }: Fixture, request: unknown): Promise<unknown> {
    const body = Buffer.from(JSON.stringify(request));
    const place = fast.reserve(body, "203.0.113.1")!;
    const answered = await fast.answer(body, place);
    fast.release(place);
    return answered && JSON.parse(String(answered.body));
  }

  test("is read by two workers if it is large and they are idle, and ordered as it was written", async (t) => {
    const fixture = await start(t, 2);
    const answers = (await answer(fixture, calls(fixture, 201))) as {
      id: number;
      result: { sequence: number };
    }[];
    const halves = fixture.bodies.map((body) => JSON.parse(body).length);
    assert.deepEqual([halves.length, halves[0] + halves[1], halves[1] > 80], [2, 201, true]);
    assert.deepEqual(
      answers.map(({ id, result }) => [id, result.sequence]),
      answers.map((_, i) => [i, 1 + i]),
    );
    assert.equal(answers.length, 201);
  });

  test("is read by one if it is small, if there is one, or if it is one call", async (t) => {
    for (const [idle, count, dataBytes] of [
      [2, 5, 300],
      [1, 201, 300],
      [2, 1, 60_000],
    ] as const) {
      const fixture = await start(t, idle);
      const answers = (await answer(fixture, calls(fixture, count, dataBytes))) as object[];
      assert.deepEqual([answers.length, fixture.bodies.length], [count, 1]);
    }
  });

  test("that is refused says so beside its text, however long that is", async (t) => {
    for (const idBytes of [1, 20_000]) {
      const fixture = await start(t, 2);
      const { id: _, ...call } = calls(fixture, 1)[0] as { id: number };
      const body = Buffer.from(JSON.stringify({ ...call, id: "x".repeat(idBytes) }));
      const place = fixture.fast.reserve(body, "203.0.113.1")!;
      const answered = fixture.fast.answer(body, place);
      // Read in time, ordered too late.
      fixture.time.advance(2_000);
      const { body: text, error } = (await answered)!;
      assert.deepEqual([error?.code, error?.data?.reason], ["rejected", "expired"]);
      assert.equal(JSON.parse(String(text)).error.data.reason, "expired");
    }
  });

  test("goes the ordinary way whichever half has something else in it", async (t) => {
    for (const at of [0, 199]) {
      const fixture = await start(t, 2);
      const request = calls(fixture, 200).with(at, { jsonrpc: "2.0", id: 7, method: "sequencer_append" });
      assert.equal(await answer(fixture, request), undefined);
      assert.deepEqual([fixture.intake.transactions, fixture.intake.bytes], [0, 0]);
    }
  });

  test("goes the ordinary way if both halves are small enough, and the whole is not", async (t) => {
    const fixture = await start(t, 2);
    assert.equal(await answer(fixture, calls(fixture, 1_001, 1)), undefined);
    assert.equal(fixture.bodies.length, 2);
  });

  test("goes the ordinary way if it would be cut in a string or a list", async (t) => {
    const traps = [
      { id: `${"x".repeat(90_000)}},{${"x".repeat(60_000)}` },
      { params: [["x".repeat(90_000), {}, {}, "x".repeat(60_000)]] },
      { more: [{ a: "x".repeat(90_000) }, { b: "x".repeat(60_000) }] },
    ];
    for (const trap of traps) {
      const fixture = await start(t, 2);
      const [first] = calls(fixture, 1);
      assert.equal(await answer(fixture, [{ ...first, ...trap }]), undefined);
      assert.deepEqual([fixture.bodies.length, fixture.intake.bytes], [2, 0]);
    }
  });
});
