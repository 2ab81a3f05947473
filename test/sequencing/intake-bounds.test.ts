/**
 * What intake holds is bounded, and senders of junk pay for it.
 */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { u64be } from "../../src/base/bytes.ts";
import { SequencerError } from "../../src/base/errors.ts";
import {
  FAILED_SIGNATURE_SOURCES_MAX,
  FAILED_SIGNATURES_BURST,
  INTAKE_BYTES_MAX,
  INTAKE_TRANSACTIONS_MAX,
} from "../../src/base/limits.ts";
import { FailureBudget } from "../../src/sequencing/failure-budget.ts";
import type { Outcome } from "../../src/sequencing/outcome.ts";
import { encodeOperation } from "../../src/sequencing/transaction.ts";
import { transactionOf, writer } from "../helpers/accounts.ts";
import { appended, HeldVerifier, type Pipeline, refusal, startPipeline } from "../helpers/pipeline.ts";

/** `count` transactions of the writer's, each with its own nonce and all with a signature of nobody's. */
function junk({ time }: Pipeline, count: number, data = new Uint8Array(0)): Uint8Array[] {
  const nonce = 2n ** 63n;
  const payload = encodeOperation({
    type: "transaction",
    from: writer.address,
    nonce,
    expires: time.wall() + 1_000,
    data,
    signature: new Uint8Array(65).fill(1),
  });
  const at = Buffer.from(payload).indexOf(Buffer.from([0x80, 0, 0, 0, 0, 0, 0, 0]));
  return Array.from({ length: count }, (_, i) => {
    const copy = payload.slice();
    copy.set(u64be(i).subarray(4), at + 4);
    return copy;
  });
}

function isOverload(outcome: Outcome | undefined): void {
  assert.ok(outcome instanceof SequencerError);
  assert.equal(outcome.code, "limit-exceeded");
  const retryAfterMs = Number(outcome.data?.retryAfterMs);
  assert.ok(retryAfterMs >= 20 && retryAfterMs <= 5_000, String(retryAfterMs));
}

/** What is verified never is: the intake stays as full as the test makes it. */
const neverVerified = (): HeldVerifier => new HeldVerifier();

suite("capacity", () => {
  test("transactions are bounded in number", async (t) => {
    const pipeline = await startPipeline(t, { verifier: neverVerified() });
    const payloads = junk(pipeline, INTAKE_TRANSACTIONS_MAX + 1);
    void pipeline.submit(...payloads.slice(0, -1));
    assert.equal(pipeline.intake.transactions, INTAKE_TRANSACTIONS_MAX);
    isOverload((await pipeline.submit(payloads.at(-1)!))[0]);
    assert.equal(pipeline.intake.transactions, INTAKE_TRANSACTIONS_MAX);
  });

  test("transactions are bounded in bytes", async (t) => {
    const pipeline = await startPipeline(t, { verifier: neverVerified() });
    const payloads = junk(pipeline, 1_030, new Uint8Array(65_400));
    const bytes = payloads[0]!.length;
    const room = Math.floor(INTAKE_BYTES_MAX / bytes);
    void pipeline.submit(...payloads.slice(0, room));
    assert.equal(pipeline.intake.bytes, room * bytes);
    isOverload((await pipeline.submit(payloads[room]!))[0]);
    void pipeline.submit(...junk(pipeline, 1));
    assert.equal(pipeline.intake.transactions, room + 1, "a small one still has room");
  });

  test("what is answered gives its room back", async (t) => {
    const pipeline = await startPipeline(t);
    await pipeline.submit(...junk(pipeline, 10));
    assert.equal(pipeline.intake.transactions, 0);
    assert.equal(pipeline.intake.bytes, 0);
  });
});

suite("failed signatures", () => {
  test("stop their source, and no other, until the budget has grown again", async (t) => {
    // Verification says no without the work: the budget is what is tested.
    const verifier = {
      verify: async ({ count }: { count: number }) => new Uint8Array(count),
      close: async () => undefined,
    };
    const pipeline = await startPipeline(t, { verifier });
    const payloads = junk(pipeline, FAILED_SIGNATURES_BURST + 20);
    const send = async (payload: Uint8Array, source: string): Promise<Outcome | undefined> =>
      (await pipeline.intake.submit([payload], source))[0];
    await pipeline.intake.submit(payloads.slice(0, FAILED_SIGNATURES_BURST), "junk");
    isOverload(await send(payloads.at(-1)!, "junk"));
    assert.equal(refusal(await send(payloads.at(-1)!, "other")), "invalid-signature");
    pipeline.time.advance(10);
    assert.equal(refusal(await send(payloads.at(-2)!, "junk")), "invalid-signature");
    isOverload(await send(payloads.at(-3)!, "junk"));
  });

  test("of others do not stop the account that they name", async (t) => {
    const pipeline = await startPipeline(t);
    await pipeline.intake.submit(junk(pipeline, 50), "junk");
    const expires = pipeline.time.wall() + 1;
    const payload = transactionOf(pipeline.log.context, writer, {
      nonce: 1n,
      expires,
      data: new Uint8Array(1),
    });
    assert.equal(appended((await pipeline.intake.submit([payload], "writer"))[0]).sequence, 1);
  });

  test("are forgotten with time, and the least recent source first", () => {
    let now = 0;
    const budget = new FailureBudget(() => now);
    assert.equal(budget.waitMs("a"), 0);
    for (let i = 0; i < FAILED_SIGNATURES_BURST; i++) budget.spend("a");
    assert.equal(budget.waitMs("a"), 10);
    now += 4;
    assert.equal(budget.waitMs("a"), 6);
    now += 6;
    assert.equal(budget.waitMs("a"), 0);
    budget.spend("a");
    assert.equal(budget.waitMs("a"), 10);
    for (let i = 0; i < FAILED_SIGNATURE_SOURCES_MAX; i++) budget.spend(`source ${i}`);
    assert.equal(budget.waitMs("a"), 0);
    now += 1e9;
    for (let i = 0; i < FAILED_SIGNATURES_BURST; i++) budget.spend("source 0");
    assert.ok(budget.waitMs("source 0") > 0, "waiting long does not save up more than the burst");
  });
});
