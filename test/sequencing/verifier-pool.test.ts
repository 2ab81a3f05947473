/**
 * Verifiers: in this thread, and in workers that may break.
 */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { suite, test } from "node:test";
import { pathToFileURL } from "node:url";
import { VERIFY_JOB_SIGNATURES_MAX } from "../../src/base/limits.ts";
import { packSignatures } from "../../src/sequencing/verifier.ts";
import { VerifierPool, type VerifierPoolOptions } from "../../src/sequencing/verifier-pool.ts";
import type { SignatureBatch } from "../../src/verify/verify.ts";
import { promptVerifier } from "../helpers/pipeline.ts";
import { type Scope, temporaryDirectory } from "../helpers/temporary-directory.ts";
import { claimOf, verifierCompliance } from "./verifier-compliance.ts";

type PoolEvent = Parameters<NonNullable<VerifierPoolOptions["onEvent"]>>[0];

function poolOf(scope: Scope, workers: number, onEvent?: (event: PoolEvent) => void): VerifierPool {
  const pool = new VerifierPool({ workers, ...(onEvent !== undefined && { onEvent }) });
  scope.after(() => pool.close());
  return pool;
}

verifierCompliance("verifyByRecovery", () => promptVerifier);
verifierCompliance("VerifierPool of one", (t) => poolOf(t, 1));
verifierCompliance("VerifierPool of three", (t) => poolOf(t, 3));

suite("workers", () => {
  /** A whole job that is not packed as it says: it breaks any worker that gets it. */
  const claims = Array.from({ length: VERIFY_JOB_SIGNATURES_MAX }, () => claimOf(0));
  const poison: SignatureBatch = { ...packSignatures(claims), signatures: new Uint8Array(0) };

  test("verify with WebAssembly or the native library", async (t) => {
    const variants: string[] = [];
    const pool = poolOf(t, 2, (event) => {
      if ("variant" in event) variants.push(event.variant);
    });
    const many = packSignatures([...claims, ...claims, ...claims]);
    assert.ok((await pool.verify(many)).every((verdict) => verdict === 1));
    assert.ok(variants.length >= 1 && !variants.includes("javascript"), String(variants));
    assert.equal(pool.sum("accepted") + pool.sum("referred"), many.count);
    assert.equal(pool.sum("disagreements"), 0);
  });

  test("that break are replaced: the batch is tried once more, then refused, and the pool goes on", async (t) => {
    const errors: unknown[] = [];
    const pool = poolOf(t, 1, (event) => {
      if ("error" in event) errors.push(event.error);
    });
    await assert.rejects(pool.verify(poison), { code: "internal", message: /two workers broke/ });
    assert.equal(errors.length, 2);
    assert.deepEqual([...(await pool.verify(packSignatures([claimOf(1), claimOf(2, 1)])))], [1, 0]);
  });

  test("that break do not lose what others, or the same worker, had to do before", async (t) => {
    const pool = poolOf(t, 2);
    const sound = Array.from({ length: 6 }, (_, i) =>
      pool.verify(packSignatures([claimOf(i), claimOf(i, 1)])),
    );
    const broken = pool.verify(poison);
    broken.catch(() => undefined);
    for (const verdicts of await Promise.all(sound)) assert.deepEqual([...verdicts], [1, 0]);
    await assert.rejects(broken, { code: "internal" });
  });

  test("that break while they load are replaced ever more slowly; jobs are refused until one loads", async (t) => {
    const directory = temporaryDirectory(t);
    const [module, mended] = [join(directory, "worker.ts"), join(directory, "mended")];
    const sound = new URL("../../src/sequencing/verifier-worker.ts", import.meta.url);
    writeFileSync(
      module,
      `import { existsSync } from "node:fs";
       if (!existsSync(${JSON.stringify(mended)})) throw new Error("it cannot be loaded");
       await import(${JSON.stringify(sound.href)});`,
    );
    const [errors, notices]: [number[], string[]] = [[], []];
    const pool = new VerifierPool({
      ...{ workers: 2, module: pathToFileURL(module) },
      onEvent: (event) => {
        if ("error" in event) errors.push(performance.now());
        if ("notice" in event) notices.push(event.notice);
      },
    });
    t.after(() => pool.close());
    const one = packSignatures([claimOf(1)]);
    const refusal = { code: "unavailable", data: { reason: "no-verifier" } };
    await assert.rejects(pool.verify(one), refusal);
    assert.equal(errors.length, 10, "five in each place");
    assert.equal(notices.length, 1);
    await assert.rejects(pool.verify(one), refusal);
    assert(errors.at(-1)! - errors[0]! > 700, "100 + 200 + 400 ms of pauses");
    writeFileSync(mended, "");
    const verified = async (): Promise<boolean> => {
      const verdicts = await pool.verify(one).catch(() => undefined);
      return verdicts?.[0] === 1;
    };
    while (!(await verified())) await new Promise((resolve) => setTimeout(resolve, 50));
  });

  test("that break over one job in one place leave the other place at work", async (t) => {
    const pool = poolOf(t, 2);
    for (let i = 0; i < 4; i++) {
      await assert.rejects(pool.verify(poison), { code: "internal" });
      assert.deepEqual([...(await pool.verify(packSignatures([claimOf(1)])))], [1]);
    }
  });

  test("finish what they have at the end; what waited is refused, and whatever comes later", async () => {
    for (let i = 0; i < 2; i++) {
      let loaded = 0;
      const pool = new VerifierPool({
        workers: 2,
        onEvent: (event) => {
          if ("variant" in event) loaded++;
        },
      });
      while (loaded < 2) await new Promise((resolve) => setImmediate(resolve));
      const answers = Array.from({ length: 8 }, () => pool.verify(packSignatures(claims)));
      const settled = Promise.allSettled(answers);
      await new Promise((resolve) => setImmediate(resolve));
      await pool.close();
      const outcomes = (await settled).map((each) =>
        each.status === "fulfilled" ? "done" : each.reason.code,
      );
      assert.deepEqual(outcomes, ["done", "done", "done", "done", ...Array(4).fill("unavailable")]);
      await assert.rejects(pool.verify(packSignatures(claims)), { code: "unavailable" });
    }
  });
});
