/** Whatever happens to an honest primary, the watchtower finds nothing in all that it ever published. */
import assert from "node:assert/strict";
import { cpSync, rmSync } from "node:fs";
import { execPath } from "node:process";
import { type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import fc from "fast-check";
import { fromHex, type Hex, toHex } from "../../src/base/bytes.ts";
import { domainSeparator } from "../../src/base/eip712.ts";
import { Transport } from "../../src/client/transport.ts";
import { VerifiedLog } from "../../src/client/verified-log.ts";
import { type AttestedHead, CheckpointVerifier } from "../../src/log/checkpoint.ts";
import { LmdbStore } from "../../src/log/lmdb-store.ts";
import { Log } from "../../src/log/log.ts";
import { domainOf } from "../../src/node/evidence-keeper.ts";
import { useNativeSecp256k1 } from "../../src/sequencing/native-secp256k1.ts";
import { findEvidence } from "../../src/slashing/find-evidence.ts";
import { writer } from "../helpers/accounts.ts";
import { defer, temporaryDirectory } from "../helpers/cleanup.ts";
import { signers } from "../helpers/primary.ts";
import { Running } from "../helpers/process.ts";
import { batch, call } from "../helpers/rpc.ts";

const STEPS = ["ordered", "sealed", "committed", "guarded", "signed", "published"] as const;
const PROGRAM = fileURLToPath(new URL("../helpers/crashing-primary.ts", import.meta.url));

useNativeSecp256k1();

/** What happens to the machine: a power cut at a step, an old copy of the database put back, a second process. */
type Mishap =
  | { readonly kind: "crash"; readonly step: string; readonly passes: number }
  | { readonly kind: "backup" | "twice" };
const MISHAPS: readonly Mishap[] = [
  ...STEPS.map((step, i) => ({ kind: "crash" as const, step, passes: i % 3 })),
  { kind: "backup" },
  { kind: "twice" },
];

test("a primary that crashes, is restored from a backup or started twice never signs evidence", async (t) => {
  await fc.assert(
    fc.asyncProperty(fc.shuffledSubarray([...MISHAPS], { minLength: 4, maxLength: 4 }), async (mishaps) => {
      const life = new Life(t);
      await life.run("never", 0, 8);
      life.backUp();
      for (const one of mishaps) {
        if (one.kind === "crash") await life.run(one.step, one.passes, 40);
        else if (one.kind === "twice") await life.runTwice();
        else await life.runBackup();
      }
      await life.run("never", 0, 8);
      life.judge();
    }),
    { numRuns: 1, endOnFailure: true },
  );
});

class Life {
  readonly #t: TestContext;
  readonly #directory: string;
  /** Every head that anybody was shown, by its statement. */
  readonly #heads = new Map<string, AttestedHead>();

  constructor(t: TestContext) {
    this.#t = t;
    this.#directory = temporaryDirectory(t);
  }

  /** Starts the primary, appends while it lives, and ends it with a power cut at the latest. */
  async run(step: string, passes: number, appends: number): Promise<void> {
    const { running, url } = await this.#start(step, passes);
    await this.#use(url, appends).catch(() => undefined);
    await running.kill();
  }

  /** A second process on the same directory must not start, and the first goes on. */
  async runTwice(): Promise<void> {
    const { running, url } = await this.#start("never", 0);
    await assert.rejects(this.#start("never", 0), /in use by another process/);
    await this.#use(url, 8);
    await running.kill();
  }

  backUp(): void {
    cpSync(`${this.#directory}/db`, `${this.#directory}/backup`, { recursive: true });
  }

  /** With the old database the guard refuses; with the one it belongs to the primary starts again. */
  async runBackup(): Promise<void> {
    await this.run("never", 0, 8); // The backup is older than what the guard allowed.
    const { db, kept, backup } = this.#places();
    cpSync(db, kept, { recursive: true });
    rmSync(db, { recursive: true });
    cpSync(backup, db, { recursive: true });
    await assert.rejects(this.#start("never", 0), /guard/);
    rmSync(db, { recursive: true });
    cpSync(kept, db, { recursive: true });
    rmSync(kept, { recursive: true });
  }

  /** Every pair of heads that were shown, with the tree that is left. */
  judge(): void {
    const store = new LmdbStore({ path: `${this.#directory}/db` });
    defer(this.#t, () => store.close());
    const log = Log.open(store)!;
    const heads = [...this.#heads.values()];
    assert(heads.length > 10, `${heads.length} heads were seen`);
    for (const one of heads) {
      assert(log.holds(one), `the head of size ${one.size} is of the log`);
      for (const other of heads) {
        assert.equal(findEvidence(domainOf(log), one, other, log.node), undefined);
      }
    }
  }

  #places() {
    const place = (name: string): string => `${this.#directory}/${name}`;
    return { db: place("db"), kept: place("kept"), backup: place("backup") };
  }

  async #start(step: string, passes: number): Promise<{ running: Running; url: string }> {
    const args = [PROGRAM, this.#directory, toHex(writer.address), step, String(passes)];
    const running = new Running(execPath, args);
    defer(this.#t, () => running.kill());
    const [, url] = await running.printed(/^API (\S+)$/m);
    return { running, url: url! };
  }

  async #use(url: string, appends: number): Promise<void> {
    const { genesis, context } = await VerifiedLog.open(new Transport(url), {});
    const checkpoints = new CheckpointVerifier(genesis, context);
    const { logId, chainId, bond } = await call(url, "sequencer_info");
    const separator = domainSeparator({ chainId, bond: fromHex(bond) });
    const { transaction } = signers({ separator, logId: fromHex(logId) });
    for (let i = 0; i < appends; i++) {
      const note = await (await fetch(`${url}/checkpoint`)).text();
      const served = checkpoints.open(note);
      assert(served !== undefined, "the checkpoint is signed");
      this.#see(served);
      const [answer] = await batch(url, [{ method: "sequencer_append", params: [transaction()] }]);
      const { checkpoint } = answer!.result as { checkpoint: { size: number; root: Hex; signature: Hex } };
      this.#see({
        size: checkpoint.size,
        root: fromHex(checkpoint.root),
        signature: fromHex(checkpoint.signature),
      });
    }
  }

  #see(head: AttestedHead): void {
    this.#heads.set(`${head.size} ${toHex(head.root)}`, head);
  }
}
