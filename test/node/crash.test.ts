/**
 * Power cuts between order and answer: nothing acknowledged is lost, and no two histories are signed.
 */
import assert from "node:assert/strict";
import { execPath } from "node:process";
import { type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import { fromHex, type Hex, toHex } from "../../src/base/bytes.ts";
import { domainSeparator } from "../../src/base/eip712.ts";
import { useNativeSecp256k1 } from "../../src/sequencing/native-secp256k1.ts";
import { writer } from "../helpers/accounts.ts";
import { type CheckedLog, checkCheckpoint, checkLog, type ReceiptLike } from "../helpers/check-served-log.ts";
import { defer, temporaryDirectory } from "../helpers/cleanup.ts";
import { signers } from "../helpers/primary.ts";
import { Running } from "../helpers/process.ts";
import { batch, call } from "../helpers/rpc.ts";

const STEPS = ["ordered", "sealed", "committed", "guarded", "signed", "published"] as const;
const PROGRAM = fileURLToPath(new URL("../helpers/crashing-primary.ts", import.meta.url));

useNativeSecp256k1();

interface Crashing {
  readonly process: Running;
  readonly url: string;
}

async function startCrashing(
  t: TestContext,
  directory: string,
  step: string,
  passes: number,
): Promise<Crashing> {
  const running = new Running(execPath, [PROGRAM, directory, toHex(writer.address), step, String(passes)]);
  defer(t, () => running.kill());
  const [, url] = await running.printed(/^API (\S+)$/m);
  return { process: running, url: url! };
}

async function signersOf(url: string): Promise<ReturnType<typeof signers>> {
  const { logId, chainId, bond } = await call(url, "sequencer_info");
  const separator = domainSeparator({ chainId, bond: fromHex(bond) });
  return signers({ separator, logId: fromHex(logId) });
}

async function killed({ process }: Crashing): Promise<void> {
  await process.finished();
  assert.equal(process.child.signalCode, "SIGKILL", process.stdout + process.stderr);
}

const appendCalls = (txs: readonly Hex[]) => txs.map((tx) => ({ method: "sequencer_append", params: [tx] }));

const payloadsOf = ({ entries }: CheckedLog): Hex[] => entries.map((entry) => toHex(entry.subarray(8)));

test("a batch whose block was not committed is wholly out after a crash, any other wholly in", async (t) => {
  const directory = temporaryDirectory(t);
  let size = 1;
  for (const step of STEPS) {
    const crashing = await startCrashing(t, directory, step, 0);
    const { transaction } = await signersOf(crashing.url);
    const txs = Array.from({ length: 20 }, () => transaction());
    await assert.rejects(batch(crashing.url, appendCalls(txs)), "nothing is answered");
    await killed(crashing);
    const restarted = await startCrashing(t, directory, "never", 0);
    const checked = await checkLog(restarted.url);
    const added = payloadsOf(checked).slice(size);
    assert.deepEqual(added, step === "ordered" || step === "sealed" ? [] : txs, step);
    // Sending it all again is safe: what is in is answered, what is out is ordered.
    const answers = await batch(restarted.url, appendCalls(txs));
    const receipts = answers.map(({ result }) => result as ReceiptLike);
    assert.deepEqual(
      receipts.map(({ sequence }) => sequence),
      txs.map((_, i) => size + i),
    );
    await checkLog(restarted.url, receipts);
    size += 20;
    await restarted.process.kill();
  }
});

test("crashes at every step under load lose nothing acknowledged and sign no two histories", async (t) => {
  const directory = temporaryDirectory(t);
  const receipts: ReceiptLike[] = [];
  const attempted = new Set<Hex>();
  const notes: string[] = [];
  for (const [round, step] of [...STEPS, ...STEPS].entries()) {
    const crashing = await startCrashing(t, directory, step, (round * 7) % 11);
    const { transaction } = await signersOf(crashing.url);
    notes.push(await (await fetch(`${crashing.url}/checkpoint`)).text());
    const client = async (index: number): Promise<void> => {
      for (let i = 0; ; i++) {
        const data = new Uint8Array(1 + ((index * 7919 + i * 104_729) % 3_000));
        const txs = Array.from({ length: 1 + ((index + i) % 9) }, () => transaction({ data }));
        for (const tx of txs) attempted.add(tx);
        for (const { result } of await batch(crashing.url, appendCalls(txs)))
          receipts.push(result as ReceiptLike);
      }
    };
    await Promise.allSettled([0, 1, 2, 3].map(client));
    await killed(crashing);
  }
  const { url } = await startCrashing(t, directory, "never", 0);
  const checked = await checkLog(url, receipts);
  const payloads = payloadsOf(checked).slice(1);
  assert(
    payloads.every((payload) => attempted.has(payload)),
    "nothing is in that nobody sent",
  );
  assert(payloads.length >= receipts.length);
  const info = await call(url, "sequencer_info");
  for (const note of notes) {
    const { size, root } = await checkCheckpoint(note, info);
    assert.deepEqual(checked.rootAt(size), root, "every head that was ever served is of the one log");
  }
  assert(receipts.length > 50, `${receipts.length} receipts`);
});
