/**
 * Intake: strict order of arrival whatever verification does, repeats, bounds and budgets.
 */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { toHex, utf8 } from "../../src/base/bytes.ts";
import { SequencerError } from "../../src/base/errors.ts";
import { FAILED_SIGNATURES_BURST, INTAKE_BYTES_MAX } from "../../src/base/limits.ts";
import { ROLES } from "../../src/permission/policy.ts";
import { decodeOperation, encodeOperation, operationId } from "../../src/sequencing/transaction.ts";
import { TransactionBatch } from "../../src/sequencing/transaction-batch.ts";
import { TransactionReader } from "../../src/sequencing/transaction-reader.ts";
import {
  accountOf,
  operator,
  permissionChangeOf,
  stranger,
  transactionOf,
  writer,
} from "../helpers/accounts.ts";
import { checkLog } from "../helpers/check-log.ts";
import {
  appended,
  HeldVerifier,
  LIFETIME_MS,
  type Pipeline,
  refusal,
  settled,
  startPipeline,
} from "../helpers/pipeline.ts";
import { verifyByRecovery } from "../helpers/verify-by-recovery.ts";

let nonce = 0n;

/** A transaction that nobody submitted before, expiring a second from now. */
function fresh(
  { log, time }: Pipeline,
  from = writer,
  fields: { expires?: number; data?: Uint8Array } = {},
): Uint8Array {
  const { expires = time.wall() + 1_000, data = utf8("data") } = fields;
  return transactionOf(log.context, from, { nonce: nonce++, expires, data });
}

/** The same payload with another signature: the same id. */
function forged(payload: Uint8Array): Uint8Array {
  const operation = decodeOperation(payload);
  return encodeOperation({
    ...operation,
    signature: operation.signature.with(40, operation.signature[40]! ^ 1),
  });
}

suite("order", () => {
  test("is that of arrival, though verification finishes in another order", async (t) => {
    const verifier = new HeldVerifier();
    const pipeline = await startPipeline(t, { verifier });
    const requests = Array.from({ length: 5 }, () => [fresh(pipeline), fresh(pipeline)]);
    const outcomes = requests.map((payloads) => pipeline.submit(...payloads));
    for (const i of [3, 1, 4, 2]) verifier.release(i);
    await settled();
    assert.equal(pipeline.log.committed.size, 1, "the first request holds the others back");
    verifier.release(0);
    const sequences = (await Promise.all(outcomes)).flat().map((outcome) => appended(outcome).sequence);
    assert.deepEqual(sequences, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    checkLog(pipeline.log);
  });

  test("within a request is that of the array, and a refused element does not stop later ones", async (t) => {
    const pipeline = await startPipeline(t);
    const [a, b, c] = [fresh(pipeline), fresh(pipeline), fresh(pipeline)];
    const bad = [forged(fresh(pipeline)), fresh(pipeline, stranger), utf8("S"), new Uint8Array(70_000)];
    const outcomes = await pipeline.submit(a, bad[0]!, b, bad[1]!, bad[2]!, c, bad[3]!);
    assert.deepEqual(
      [0, 2, 5].map((i) => appended(outcomes[i]).sequence),
      [1, 2, 3],
    );
    assert.deepEqual(
      [1, 3, 4, 6].map((i) => refusal(outcomes[i])),
      ["invalid-signature", "not-permitted", "malformed", "too-large"],
    );
    checkLog(pipeline.log);
  });

  test("decides about roles: who is let in by a request may write in the same one, and nobody else", async (t) => {
    const pipeline = await startPipeline(t);
    const { log, time } = pipeline;
    const grant = {
      nonce: nonce++,
      expires: time.wall() + 1_000,
      account: stranger.address,
      role: "writer" as const,
    };
    const [early, granted, late, other] = await pipeline.submit(
      fresh(pipeline, stranger),
      permissionChangeOf(log.context, operator, grant),
      fresh(pipeline, stranger),
      fresh(pipeline, accountOf(0x78)),
    );
    assert.equal(refusal(early), "not-permitted");
    assert.deepEqual(
      [granted, late].map((outcome) => appended(outcome).sequence),
      [1, 2],
    );
    assert.equal(refusal(other), "not-permitted");
    checkLog(log);
  });

  test("a request whose verification broke is answered so, and those behind it go on", async (t) => {
    const verifier = new HeldVerifier();
    const pipeline = await startPipeline(t, { verifier });
    const [first, second] = [pipeline.submit(fresh(pipeline)), pipeline.submit(fresh(pipeline))];
    verifier.release(1);
    verifier.fail(0);
    assert.equal(refusal((await first)[0]), "internal");
    assert.equal(appended((await second)[0]).sequence, 1);
    assert.equal(pipeline.intake.transactions, 0);
  });

  /** What a worker makes of payloads that it finds nothing wrong with. */
  function read({ log, time }: Pipeline, payloads: readonly Uint8Array[]): TransactionBatch {
    const reader = new TransactionReader({ verify: verifyByRecovery }, () => time.wall());
    const roles = [{ account: writer.address, role: ROLES.writer }];
    reader.note({ kind: "log", context: log.context, lifetimeMs: LIFETIME_MS, roles });
    return new TransactionBatch(payloads.length, reader.read([payloads])[0]!);
  }

  test("is kept for requests that workers read, and for those that then go the ordinary way", async (t) => {
    const pipeline = await startPipeline(t);
    const { intake } = pipeline;
    const requests = Array.from({ length: 4 }, () => [fresh(pipeline), fresh(pipeline)]);
    const places = [0, 1, 2].map(() => intake.reserve("203.0.113.1", 1_000)!);
    assert.equal(intake.bytes, 3_000);
    const last = pipeline.submit(...requests[3]!);
    const third = intake.accept([read(pipeline, requests[2]!)], places[2]!);
    const second = intake.submit(requests[1]!, "203.0.113.1", places[1]!);
    await settled();
    assert.equal(pipeline.ordering.queued, 0, "the first place holds all others back");
    const first = intake.accept([read(pipeline, requests[0]!)], places[0]!);
    const outcomes = (await Promise.all([first, second, third, last])).flat();
    assert.deepEqual(
      outcomes.map((outcome) => appended(outcome).sequence),
      [1, 2, 3, 4, 5, 6, 7, 8],
    );
    assert.deepEqual([intake.transactions, intake.bytes], [0, 0]);
    checkLog(pipeline.log);
  });

  test("takes a request that two workers have read as one, in its order", async (t) => {
    const pipeline = await startPipeline(t);
    const { intake } = pipeline;
    const halves = [0, 1].map(() => [fresh(pipeline), forged(fresh(pipeline)), fresh(pipeline)]);
    const batches = halves.map((half) => read(pipeline, half));
    const outcomes = await intake.accept(batches, intake.reserve("203.0.113.1", 1)!);
    assert.deepEqual(
      [0, 2, 3, 5].map((i) => appended(outcomes[i]).sequence),
      [1, 2, 3, 4],
    );
    for (const i of [1, 4]) assert.equal(refusal(outcomes[i]), "invalid-signature");
    assert.deepEqual([intake.transactions, intake.bytes], [0, 0]);
    checkLog(pipeline.log);
  });

  test("does not wait for a place that was given up, and a place is given up once", async (t) => {
    const pipeline = await startPipeline(t);
    const place = pipeline.intake.reserve("203.0.113.1", 1_000)!;
    const outcome = pipeline.submit(fresh(pipeline));
    pipeline.intake.release(place);
    pipeline.intake.release(place);
    assert.equal(appended((await outcome)[0]).sequence, 1);
    assert.equal(pipeline.intake.bytes, 0);
  });

  test("is decided again where workers verified: repeats, wrong signatures and lost roles", async (t) => {
    const pipeline = await startPipeline(t);
    const { intake } = pipeline;
    const original = fresh(pipeline);
    await pipeline.submit(original);
    const accept = (...payloads: Uint8Array[]) =>
      intake.accept([read(pipeline, payloads)], intake.reserve("203.0.113.1", 1)!);
    const outcomes = await accept(original, forged(original), forged(fresh(pipeline)), fresh(pipeline));
    assert.deepEqual(
      [0, 1, 3].map((i) => appended(outcomes[i]).sequence),
      [1, 1, 2],
    );
    assert.equal(refusal(outcomes[2]), "invalid-signature");
    const late = read(pipeline, [
      fresh(pipeline),
      fresh(pipeline, writer, { expires: pipeline.time.wall() + 50_000 }),
    ]);
    pipeline.time.advance(2_000);
    const decided = await intake.accept([late], intake.reserve("203.0.113.1", 1)!);
    assert.equal(refusal(decided[0]), "expired");
    assert.equal(appended(decided[1]).sequence, 3);
    checkLog(pipeline.log);
  });

  test("is not given to a source without budget, nor while the node refuses new transactions", async (t) => {
    const pipeline = await startPipeline(t);
    pipeline.intake.close(new SequencerError("unavailable", "later"));
    assert.equal(pipeline.intake.reserve("203.0.113.1", 1), undefined);
    pipeline.intake.close(undefined);
    assert.equal(pipeline.intake.reserve("203.0.113.1", INTAKE_BYTES_MAX + 1), undefined);
    for (let i = 0; i < FAILED_SIGNATURES_BURST; i += 500) {
      await pipeline.submit(...Array.from({ length: 500 }, () => forged(fresh(pipeline))));
    }
    assert.equal(pipeline.intake.reserve("203.0.113.1", 1), undefined);
    assert.ok(pipeline.intake.reserve("203.0.113.2", 1) !== undefined);
  });

  test("an empty request has no outcomes", async (t) => {
    assert.deepEqual(await (await startPipeline(t)).submit(), []);
  });
});

suite("repeats", () => {
  async function original(t: Parameters<typeof startPipeline>[0]) {
    const pipeline = await startPipeline(t);
    const payload = fresh(pipeline);
    const first = appended((await pipeline.submit(payload))[0]);
    const isRepeat = async (again: Uint8Array): Promise<void> => {
      const { sequence, timestamp, id, head } = appended((await pipeline.submit(again))[0]);
      assert.deepEqual(
        { sequence, timestamp, id: toHex(id) },
        { sequence: 1, timestamp: first.timestamp, id: toHex(first.id) },
      );
      assert.equal(head.size, pipeline.log.signed?.size);
    };
    return { pipeline, payload, isRepeat };
  }

  test("are answered with the original sequence number, under the newest head", async (t) => {
    const { pipeline, payload, isRepeat } = await original(t);
    await isRepeat(payload);
    await pipeline.submit(fresh(pipeline));
    await isRepeat(payload);
    assert.equal(pipeline.log.committed.size, 3);
  });

  test("need no right signature: their id was verified when it was ordered", async (t) => {
    const { payload, isRepeat } = await original(t);
    await isRepeat(forged(payload));
  });

  test("are answered after the role was revoked", async (t) => {
    const { pipeline, payload, isRepeat } = await original(t);
    const { log, time } = pipeline;
    const revoke = { nonce: 1n, expires: time.wall() + 1, account: writer.address, role: "none" as const };
    appended((await pipeline.submit(permissionChangeOf(log.context, operator, revoke)))[0]);
    assert.equal(refusal((await pipeline.submit(fresh(pipeline)))[0]), "not-permitted");
    await isRepeat(payload);
  });

  test("are answered after expiry, for at least twice the lifetime", async (t) => {
    const { pipeline, payload, isRepeat } = await original(t);
    pipeline.time.advance(2 * LIFETIME_MS);
    appended((await pipeline.submit(fresh(pipeline)))[0]);
    await isRepeat(payload);
  });

  test("are answered while nothing new is accepted", async (t) => {
    const { pipeline, payload, isRepeat } = await original(t);
    pipeline.intake.close(new SequencerError("unavailable", "closed for the test"));
    assert.equal(refusal((await pipeline.submit(fresh(pipeline)))[0]), "unavailable");
    await isRepeat(payload);
    pipeline.intake.close(undefined);
    assert.equal(appended((await pipeline.submit(fresh(pipeline)))[0]).sequence, 2);
  });

  test("within one request get one sequence number", async (t) => {
    const pipeline = await startPipeline(t);
    const [a, b] = [fresh(pipeline), fresh(pipeline)];
    const outcomes = await pipeline.submit(a, a, b, a);
    assert.deepEqual(
      outcomes.map((outcome) => appended(outcome).sequence),
      [1, 1, 2, 1],
    );
    assert.equal(pipeline.log.committed.size, 3);
  });

  test("in flight are merged only once one of them is verified", async (t) => {
    const verifier = new HeldVerifier();
    const pipeline = await startPipeline(t, { verifier });
    const payload = fresh(pipeline);
    const copies = [forged(payload), payload, forged(payload)].map((each) => pipeline.submit(each));
    assert.equal(verifier.count, 3, "each copy is verified for itself");
    for (const i of [2, 1, 0]) verifier.release(i);
    const [[before], [right], [after]] = (await Promise.all(copies)) as [[never], [never], [never]];
    assert.equal(refusal(before), "invalid-signature");
    assert.equal(appended(right).sequence, 1);
    assert.equal(appended(after).sequence, 1, "the wrong copy behind the right one is a repeat");
    assert.equal(pipeline.log.committed.size, 2);
  });
});

suite("refusals", () => {
  test("an invalid signature is explained with everything that was signed over", async (t) => {
    const pipeline = await startPipeline(t);
    const { log, time } = pipeline;
    const payload = fresh(pipeline, { ...writer, key: stranger.key });
    const [outcome] = await pipeline.submit(payload);
    assert.ok(outcome instanceof SequencerError);
    assert.deepEqual(outcome.data, {
      reason: "invalid-signature",
      digest: toHex(operationId(log.context, decodeOperation(payload))),
      recovered: toHex(stranger.address),
      logId: toHex(log.logId),
      chainId: 1,
      bond: `0x${"00".repeat(20)}`,
    });
    const noPoint = { ...decodeOperation(fresh(pipeline)), signature: new Uint8Array(65) };
    const [none] = await pipeline.submit(encodeOperation(noPoint));
    assert.equal(none instanceof SequencerError && none.data?.recovered, null);
    assert.equal(time.wall(), pipeline.log.committed.lastTimestamp);
  });

  test("what is expired, too far ahead or not permitted costs no verification", async (t) => {
    const verifier = new HeldVerifier();
    const pipeline = await startPipeline(t, { verifier });
    const now = pipeline.time.wall();
    const outcomes = await pipeline.submit(
      fresh(pipeline, writer, { expires: now - 1 }),
      fresh(pipeline, writer, { expires: now + LIFETIME_MS + 1 }),
      fresh(pipeline, stranger),
    );
    assert.deepEqual(outcomes.map(refusal), ["expired", "expires-too-late", "not-permitted"]);
    assert.equal(verifier.count, 0);
  });
});
