/** What each call of the bond costs, against the table in docs/slashing.md: the table holds what is measured here. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { fromHex, toHex } from "../../src/base/bytes.ts";
import { addressOfPrivateKey } from "../../src/base/secp256k1.ts";
import type { CompleteEvidence } from "../../src/slashing/bond-calls.ts";
import { commitmentOf } from "../../src/slashing/bond-calls.ts";
import { sequencerBondAbi as abi } from "../../src/slashing/generated/sequencer-bond.ts";
import { type BondNetwork, startBondNetwork } from "../helpers/bond-chain.ts";
import { DAY_SECONDS, ETHER, honest } from "../helpers/bonded-log.ts";

const documented = readFileSync(new URL("../../docs/slashing.md", import.meta.url), "utf8");

let network: BondNetwork;
before(async () => {
  network = await startBondNetwork();
});
after(() => network.stop());

test("the gas table is what the contract takes", async () => {
  const measured = await measure();
  const table = new Map<string, number>();
  for (const [, action, gas] of documented.matchAll(/^\| ([^|]+) \| ([\d,]+) \|$/gm)) {
    table.set(action!.trim(), Number(gas!.replaceAll(",", "")));
  }
  const text = [...measured].map(([action, gas]) => `| ${action} | ${gas.toLocaleString("en")} |`).join("\n");
  assert.deepEqual(table, measured, `the table should be:\n${text}`);
  assert.ok(measured.get("slash, two leaves under paths of 32 hashes, with the reward")! < 150_000);
  const answerGasMax = await network.anvil.client.readContract({
    abi,
    address: toHex(network.bond),
    functionName: "ANSWER_GAS_MAX",
  });
  assert.ok(measured.get("answer a challenge, longest path")! <= answerGasMax);
});

async function measure(): Promise<Map<string, number>> {
  const measured = new Map<string, number>();
  const record = async (action: string, sent: Promise<{ readonly gasUsed: bigint }>) => {
    measured.set(action, Number((await sent).gasUsed));
  };
  const owner = await network.as(2);
  const reporter = await network.as(3);
  const deployment = await network.anvil.client.getBlock({ blockNumber: 1n });
  measured.set("deploy the contract", Number(deployment.gasUsed));

  const log = network.log("gas: a life");
  const possession = log.possession(owner.address);
  const stakeWei = 10n * ETHER;
  await record("register", owner.register(log.logId, log.operator, possession, stakeWei));
  await record("top up", owner.topUp(log.logId, log.operator, ETHER));
  await record("anchor, first", owner.anchor(log.logId, log.head(honest, 5)));
  await record("anchor, later", owner.anchor(log.logId, log.head(honest, 6)));
  const longest = log.longestQuestion();
  const question = await reporter.challenge(longest.heads);
  const { gasUsed } = await network.anvil.client.getBlock();
  measured.set("challenge", Number(gasUsed));
  await record("answer a challenge, longest path", owner.answer(question, longest));
  await record("claim", owner.claim(owner.address));
  const newKey = new Uint8Array(32).fill(0x55);
  const newPossession = log.possession(owner.address, newKey);
  const newSigner = addressOfPrivateKey(newKey);
  await record(
    "rotate the signer",
    owner.rotateSigner(log.logId, newSigner, newPossession, log.head(honest, 7)),
  );
  await record("request the exit", owner.requestExit(log.logId, log.head(honest, 8)));
  await record("cancel the exit", owner.cancelExit(log.logId, log.operator));
  await owner.requestExit(log.logId, log.head(honest, 8));
  await network.anvil.passTime(21 * DAY_SECONDS);
  await record("withdraw", owner.withdraw(log.logId, log.operator));

  const kinds: Record<string, (name: string) => CompleteEvidence> = {
    "two signatures": (name) => network.log(name).sameSize(9),
    "two leaves under paths of 32 hashes": (name) => network.log(name).deepLeafConflict(),
    "inconsistent trees of 2^32 leaves": (name) => network.log(name).tallInconsistent(),
  };
  for (const [kind, evidenceFor] of Object.entries(kinds)) {
    const unpaid = network.log(`gas: ${kind}`);
    await unpaid.register(owner);
    await record(`slash, ${kind}, unpaid`, reporter.slash(evidenceFor(`gas: ${kind}`)));
    const paid = network.log(`gas: ${kind}, paid`);
    await paid.register(owner);
    const evidence = evidenceFor(`gas: ${kind}, paid`);
    const reveal = { reporter: reporter.address, salt: fromHex(`0x${"5a".repeat(32)}`) };
    await record("commit", reporter.commit(commitmentOf(evidence, reveal)));
    await network.anvil.passTime(60);
    await record(`slash, ${kind}, with the reward`, reporter.slash(evidence, reveal));
    await reporter.claim(reporter.address);
  }
  await record("burn", owner.burn(network.log("gas: two signatures").logId, log.operator));

  const silent = network.log("gas: silence");
  await silent.register(owner);
  const unanswered = await reporter.challenge(silent.longestQuestion().heads);
  await network.anvil.passTime(8 * DAY_SECONDS);
  await record("time out a challenge", reporter.timeout(unanswered));
  return measured;
}
