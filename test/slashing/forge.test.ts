/** The contracts' own tests: forge's fuzz, invariant and unit tests, offline, through the shim round npm's solc. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { foundryBinary } from "../helpers/foundry.ts";

const repository = join(import.meta.dirname, "../..");

test("forge finds no sequence of calls or evidence that breaks the bond", async (context) => {
  const home = await mkdtemp(join(tmpdir(), "forge-home-"));
  context.after(() => rm(home, { recursive: true }));
  const { stdout } = await promisify(execFile)(foundryBinary("forge"), ["test", "--color", "never"], {
    cwd: repository,
    env: {
      ...process.env,
      HOME: home,
      FOUNDRY_OUT: join(home, "out"),
      FOUNDRY_CACHE_PATH: join(home, "cache"),
    },
    maxBuffer: 1 << 24,
  }).catch((error: { stdout?: string; stderr?: string }) =>
    assert.fail(`${error.stdout ?? ""}${error.stderr ?? ""}`),
  );
  const [, passed, failed] = /(\d+) tests passed, (\d+) failed/.exec(stdout) ?? [];
  assert.equal(failed, "0", stdout);
  assert.ok(Number(passed) >= 55, `only ${passed} tests ran`);
});
