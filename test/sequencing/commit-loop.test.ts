/**
 * Commit, then sign: the write order, group commit, and what a crash at any step leaves behind.
 */
import assert from "node:assert/strict";
import { suite, type TestContext, test } from "node:test";
import { equalBytes, toHex } from "../../src/base/bytes.ts";
import { checkpointDigest } from "../../src/base/eip712.ts";
import { BLOCK_BYTES_MAX, DATA_BYTES_MAX, ENTRY_BYTES_MAX } from "../../src/base/limits.ts";
import { recoveredFrom } from "../../src/base/secp256k1.ts";
import type { Log } from "../../src/log/log.ts";
import { MemoryStore } from "../../src/log/memory-store.ts";
import { leafHash } from "../../src/log/merkle.ts";
import { unpackProof, verifyInclusion } from "../../src/log/proof.ts";
import type { Commit } from "../../src/log/store.ts";
import type { CommitStep } from "../../src/sequencing/commit-loop.ts";
import { type Appended, proofOf } from "../../src/sequencing/outcome.ts";
import type { Guard } from "../../src/sequencing/sign-guard.ts";
import { VerifierPool } from "../../src/sequencing/verifier-pool.ts";
import { transactionOf, writer } from "../helpers/accounts.ts";
import { checkLog } from "../helpers/check-log.ts";
import {
  appended,
  HeldStore,
  ManualTime,
  type Pipeline,
  type PipelineOptions,
  settled,
  startPipeline,
} from "../helpers/pipeline.ts";
import { temporaryDirectory } from "../helpers/temporary-directory.ts";

const STEPS: readonly CommitStep[] = ["ordered", "sealed", "committed", "guarded", "signed", "published"];

let nonce = 0n;
const fresh = (
  { log, time }: Pick<Pipeline, "log" | "time">,
  data: Uint8Array = new Uint8Array(5),
): Uint8Array =>
  transactionOf(log.context, writer, {
    nonce: nonce++,
    expires: time.wall() + 1_000,
    data,
  });

function proves(log: Log, outcome: Appended): void {
  const { sequence, head } = outcome;
  const leaf = leafHash(log.entry(sequence).entry);
  assert.ok(verifyInclusion(sequence, head.size, leaf, unpackProof(proofOf(log, outcome))!, head.root));
  assert.ok(recoveredFrom(checkpointDigest(log.context, head), head.signature, log.genesis.operator));
}

suite("the write order", () => {
  test("is order, commit, guard, sign, publish; nothing is served before the last", async (t) => {
    const steps: [CommitStep, committed: number, signed: number][] = [];
    const onStep = (step: CommitStep, log: Log): void => {
      steps.push([step, log.committed.size, log.signed!.size]);
    };
    const pipeline = await startPipeline(t, { onStep });
    await pipeline.submit(fresh(pipeline), fresh(pipeline));
    assert.deepEqual(steps, [
      ["ordered", 1, 1],
      ["sealed", 1, 1],
      ["committed", 3, 1],
      ["guarded", 3, 1],
      ["signed", 3, 1],
      ["published", 3, 3],
    ]);
  });

  test("every answer comes with a proof under a signed head, from the block or from the log", async (t) => {
    const pipeline = await startPipeline(t);
    const payloads = Array.from({ length: 30 }, () => fresh(pipeline));
    const first = await pipeline.submit(...payloads);
    await pipeline.submit(fresh(pipeline));
    const repeats = await pipeline.submit(...payloads);
    for (const outcome of [...first, ...repeats]) proves(pipeline.log, appended(outcome));
    assert.ok(repeats.every((outcome) => appended(outcome).head.size === 32));
    checkLog(pipeline.log);
  });

  test("what arrives during a commit goes into the next block, all of it", async (t) => {
    const store = new HeldStore();
    const pipeline = await startPipeline(t, { store });
    const blocks: [first: number, size: number][] = [];
    pipeline.log.onPublish((_head, { growth }) => blocks.push([growth.first, growth.size]));
    store.hold();
    const first = pipeline.submit(fresh(pipeline));
    await settled();
    const later = Array.from({ length: 7 }, () => pipeline.submit(fresh(pipeline)));
    await settled();
    assert.equal(pipeline.ordering.queued, 7);
    assert.equal(pipeline.log.signed?.size, 1);
    store.release();
    await Promise.all([first, ...later]);
    assert.deepEqual(blocks, [
      [1, 2],
      [2, 9],
    ]);
  });

  test("stopping publishes everything that was ordered", async (t) => {
    const pipeline = await startPipeline(t);
    const outcomes = pipeline.submit(fresh(pipeline), fresh(pipeline));
    await settled();
    await pipeline.commitLoop.stop();
    assert.deepEqual(
      (await outcomes).map((outcome) => appended(outcome).sequence),
      [1, 2],
    );
    assert.equal(pipeline.log.signed?.size, 3);
  });
});

suite("a full block behind a commit that is under way", () => {
  /** As many of the largest transactions as a block holds, and one. */
  const moreThanABlock = (pipeline: Pipeline): Uint8Array[] =>
    Array.from({ length: Math.ceil(BLOCK_BYTES_MAX / ENTRY_BYTES_MAX) + 1 }, () =>
      fresh(pipeline, new Uint8Array(DATA_BYTES_MAX)),
    );

  /** A pipeline that commits its first block for as long as the store is held, while two more fill up. */
  async function held(t: TestContext, onStep: PipelineOptions["onStep"] = () => undefined) {
    const store = new HeldStore();
    const time = new ManualTime();
    const guardDirectory = temporaryDirectory(t);
    const steps: CommitStep[] = [];
    const pipeline = await startPipeline(t, {
      ...{ store, time, guardDirectory },
      onStep: (step, log) => {
        steps.push(step);
        onStep(step, log);
      },
    });
    store.hold();
    const first = pipeline.submit(fresh(pipeline));
    await settled();
    const rest = [moreThanABlock(pipeline), moreThanABlock(pipeline)].map((payloads) =>
      pipeline.submit(...payloads),
    );
    await settled();
    return { pipeline, store, time, guardDirectory, steps, first, rest };
  }

  test("is hashed meanwhile, one and no more, and waits for its turn", async (t) => {
    const { pipeline, store, steps, first, rest } = await held(t);
    assert.deepEqual(steps, ["ordered", "sealed", "ordered", "sealed"]);
    assert.equal(pipeline.log.committed.size, 1);
    store.release();
    for (const outcome of (await Promise.all([first, ...rest])).flat())
      proves(pipeline.log, appended(outcome));
    assert.equal(steps.filter((step) => step === "committed").length, 4);
    for (const step of ["committed", "guarded", "signed", "published"] as const) {
      assert.ok(steps.indexOf(step) > 3, step);
    }
    checkLog(pipeline.log);
  });

  test("is lost in a crash before its commit, and takes nothing with it", async (t) => {
    const crash = new Error("power cut");
    let seals = 0;
    const { pipeline, store, time, guardDirectory, first, rest } = await held(t, (step) => {
      if (step === "sealed" && ++seals === 2) throw crash;
    });
    for (const outcomes of rest) void outcomes.then(() => assert.fail("answered"));
    assert.deepEqual(pipeline.fatal, [crash]);
    store.release();
    const answered = appended((await first)[0]);
    await pipeline.crash();

    const next = await startPipeline(t, { store, time, guardDirectory });
    assert.equal(next.log.signed?.size, 2);
    assert.ok(equalBytes(next.log.rootAt(2), answered.head.root));
    assert.equal(appended((await next.submit(fresh(next)))[0]).sequence, 2);
    checkLog(next.log);
  });

  test("is neither committed nor signed if the commit before it fails", async (t) => {
    const broken = new Error("the disk is gone");
    class FailingStore extends HeldStore {
      override async commit(commit: Commit): Promise<void> {
        await super.commit(commit);
        if (commit.block.first > 0) throw broken;
      }
    }
    const steps: CommitStep[] = [];
    const store = new FailingStore();
    const pipeline = await startPipeline(t, { store, onStep: (step) => void steps.push(step) });
    store.hold();
    void pipeline.submit(fresh(pipeline)).then(() => assert.fail("answered"));
    await settled();
    void pipeline.submit(...moreThanABlock(pipeline)).then(() => assert.fail("answered"));
    await settled();
    store.release();
    await settled();
    assert.deepEqual([...new Set(pipeline.fatal)], [broken]);
    assert.deepEqual(steps, ["ordered", "sealed", "ordered", "sealed"]);
    assert.equal(pipeline.log.signed?.size, 1);
  });
});

suite("a crash", () => {
  for (const step of STEPS) {
    test(`at "${step}" loses nothing that was answered, and the next start signs what was committed`, async (t) => {
      const store = new MemoryStore();
      const time = new ManualTime();
      const guardDirectory = temporaryDirectory(t);
      const crash = new Error("power cut");
      let armed = false;
      const onStep = (at: CommitStep): void => {
        if (armed && at === step) throw crash;
      };
      const pipeline = await startPipeline(t, { store, time, guardDirectory, onStep });
      const answered = appended((await pipeline.submit(fresh(pipeline)))[0]);
      armed = true;
      let wasAnswered = false;
      void pipeline.submit(fresh(pipeline), fresh(pipeline)).then(() => {
        wasAnswered = true;
      });
      await pipeline.commitLoop.stop();
      assert.deepEqual([...new Set(pipeline.fatal)], [crash]);
      assert.equal(wasAnswered, false);
      assert.equal(pipeline.log.signed?.size, step === "published" ? 4 : 2);
      await pipeline.crash();

      const next = await startPipeline(t, { store, time, guardDirectory });
      assert.equal(next.log.signed?.size, step === "ordered" || step === "sealed" ? 2 : 4);
      assert.ok(equalBytes(next.log.rootAt(answered.head.size), answered.head.root));
      assert.equal(appended((await next.submit(fresh(next)))[0]).sequence, next.log.committed.size - 1);
      checkLog(next.log);
    });
  }

  test("a commit that fails ends it: nothing is signed or answered, and nothing is tried again", async (t) => {
    const broken = new Error("the disk is gone");
    let commits = 0;
    class BrokenStore extends MemoryStore {
      override async commit(...args: Parameters<MemoryStore["commit"]>): Promise<void> {
        if (++commits > 1) throw broken;
        await super.commit(...args);
      }
    }
    const pipeline = await startPipeline(t, { store: new BrokenStore() });
    for (let i = 0; i < 3; i++) void pipeline.submit(fresh(pipeline)).then(() => assert.fail("answered"));
    await settled();
    assert.deepEqual([...new Set(pipeline.fatal)], [broken]);
    assert.equal(commits, 2);
    assert.equal(pipeline.log.signed?.size, 1);
  });

  test("a guard that refuses ends it: the block is committed and never signed", async (t) => {
    const refusal = new Error("the guard refuses");
    const steps: CommitStep[] = [];
    const guardAs = ({ head, peers }: Guard): Guard => ({
      head,
      peers,
      advance: async () => {
        throw refusal;
      },
      setPeers: async () => undefined,
      close: async () => undefined,
    });
    const pipeline = await startPipeline(t, { guardAs, onStep: (step) => void steps.push(step) });
    void pipeline.submit(fresh(pipeline)).then(() => assert.fail("answered"));
    await settled();
    void pipeline.submit(fresh(pipeline)).then(() => assert.fail("answered"));
    await settled();
    assert.deepEqual([...new Set(pipeline.fatal)], [refusal]);
    assert.ok(!steps.includes("signed") && !steps.includes("published"), String(steps));
    assert.equal(pipeline.log.signed?.size, 1);
  });
});

suite("after a restart", () => {
  test("repeats of what was committed are answered, as far back as twice the lifetime", async (t) => {
    const store = new MemoryStore();
    const time = new ManualTime();
    const first = await startPipeline(t, { store, time });
    const payloads = Array.from({ length: 20 }, () => fresh(first));
    await first.submit(...payloads);
    await first.commitLoop.stop();
    time.advance(100_000);
    const second = await startPipeline(t, { store, time });
    const outcomes = await second.submit(...payloads);
    assert.deepEqual(
      outcomes.map((outcome) => appended(outcome).sequence),
      Array.from(payloads, (_, i) => i + 1),
    );
    assert.equal(second.log.committed.size, 21);
  });
});

test("a real pool of verifiers orders many requests as they came", async (t) => {
  const verifier = new VerifierPool({ workers: 2 });
  t.after(() => verifier.close());
  const pipeline = await startPipeline(t, { verifier });
  const requests = Array.from({ length: 40 }, (_, i) =>
    Array.from({ length: 1 + ((i * 7) % 13) }, () => fresh(pipeline)),
  );
  const outcomes = (await Promise.all(requests.map((payloads) => pipeline.submit(...payloads)))).flat();
  assert.deepEqual(
    outcomes.map((outcome) => appended(outcome).sequence),
    outcomes.map((_, i) => i + 1),
  );
  for (const outcome of outcomes) proves(pipeline.log, appended(outcome));
  checkLog(pipeline.log);
  assert.equal(toHex(pipeline.log.rootAt(pipeline.log.committed.size)), toHex(pipeline.log.signed!.root));
});
