/** The life of a bond on a real chain, plain and as an optimistic rollup: every way in, through, and out. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { toHex } from "../../src/base/bytes.ts";
import { addressOfPrivateKey } from "../../src/base/secp256k1.ts";
import { encodeEntry } from "../../src/log/entry.ts";
import { encodeGenesis } from "../../src/log/genesis.ts";
import { leafHash } from "../../src/log/merkle.ts";
import { answerChallenges } from "../../src/slashing/answer-challenges.ts";
import { commitmentOf } from "../../src/slashing/bond-calls.ts";
import type { BondChain } from "../../src/slashing/bond-chain.ts";
import { deployBond, openBond } from "../../src/slashing/chain.ts";
import { contractErrorOf } from "../../src/slashing/chain-error.ts";
import { verifyEvidence } from "../../src/slashing/evidence.ts";
import { consistencyNodes } from "../../src/slashing/find-evidence.ts";
import { saltFor, slashWithEvidence } from "../../src/slashing/slasher.ts";
import { type BondNetwork, startBondNetwork } from "../helpers/bond-chain.ts";
import { BondedLog, DAY_SECONDS, ETHER, fork, honest, STAKE_WEI, TERMS } from "../helpers/bonded-log.ts";

const REWARD_WEI = STAKE_WEI / 20n;
const rewardSecret = new Uint8Array(32).fill(5);

for (const [name, ...args] of [
  ["a plain chain"],
  ["an optimistic rollup", "--network", "optimism"],
] as const) {
  describe(`on ${name}`, () => {
    let network: BondNetwork;
    let owner: BondChain;
    let reporter: BondChain;

    before(async () => {
      network = await startBondNetwork(...args);
      owner = await network.as(2);
      reporter = await network.as(3);
    });

    after(() => network.stop());

    test("deploy, genesis, log id, register: in this order", async () => {
      const privateKey = new Uint8Array(32).fill(2);
      const { chainId } = network.domain;
      const terms = { ...TERMS, minimumStakeWei: 2n * ETHER };
      const { bond } = await deployBond({ rpcUrl: network.rpcUrl, pollMs: 10, chainId, privateKey }, terms);
      const operatorKey = new Uint8Array(32).fill(0x44);
      const operator = addressOfPrivateKey(operatorKey);
      const genesis = encodeGenesis({
        origin: "example.com/bonded",
        chainId,
        bond,
        operator,
        noteKey: new Uint8Array(32).fill(1),
        maxTransactionLifetimeMs: 120_000,
        admins: [operator],
        writers: [],
      });
      const log = new BondedLog(
        { chainId, bond, logId: leafHash(encodeEntry({ timestamp: 1, payload: genesis })) },
        operatorKey,
      );
      const chain = await openBond({ rpcUrl: network.rpcUrl, pollMs: 10, domain: log.domain, privateKey });
      assert.equal((await chain.state(log.logId, operator)).status, "none");
      await log.register(chain);
      const state = await chain.state(log.logId, operator);
      assert.equal(state.status, "active");
      assert.equal(state.stakeWei, STAKE_WEI);
      assert.deepEqual([toHex(state.owner), toHex(state.operator)], [toHex(chain.address), toHex(operator)]);
      assert.deepEqual(await chain.terms(), terms);
    });

    test("top up, anchor, exit, cancel, exit again, wait, withdraw", async () => {
      const log = network.log("exit");
      await log.register(owner);
      await reporter.topUp(log.logId, log.operator, ETHER);
      await reporter.anchor(log.logId, log.head(honest, 7));
      const { anchored } = await owner.state(log.logId, log.operator);
      assert.deepEqual([anchored?.size, toHex(anchored!.root)], [7, toHex(honest.root(7))]);
      assert.equal(anchored?.atSeconds, await network.nowSeconds());

      await rejects(owner.requestExit(log.logId, log.head(honest, 6)), "OlderThanAnchor");
      await owner.requestExit(log.logId, log.head(honest, 9));
      await owner.cancelExit(log.logId, log.operator);
      await owner.requestExit(log.logId, log.head(honest, 9));
      const { exitAtSeconds } = await owner.state(log.logId, log.operator);
      assert.equal(exitAtSeconds, (await network.nowSeconds()) + 21 * DAY_SECONDS);
      await network.anvil.passTime(21 * DAY_SECONDS - 60);
      await rejects(owner.withdraw(log.logId, log.operator), "TooEarly");
      await network.anvil.passTime(60);
      await rejects(reporter.withdraw(log.logId, log.operator), "NotOwner");
      const balance = () => network.anvil.client.getBalance({ address: toHex(owner.address) });
      const before = await balance();
      await owner.withdraw(log.logId, log.operator);
      assert.ok((await balance()) - before > STAKE_WEI + ETHER - ETHER / 100n);
      assert.equal((await owner.state(log.logId, log.operator)).status, "withdrawn");
      await rejects(reporter.anchor(log.logId, log.head(honest, 12)), "WrongStatus");
      await rejects(log.register(owner), "AlreadyRegistered");
    });

    test("equivocation at one size costs everything, the reporter gets five percent, the rest burns", async () => {
      const log = network.log("same size");
      await log.register(owner);
      const evidence = log.sameSize(9);
      verifyEvidence(evidence, [log.operator]);
      const slashing = slashWithEvidence(reporter, evidence, { rewardSecret, pollMs: 10 });
      assert.equal((await passingTime(slashing)).outcome, "slashed");
      assert.equal(await reporter.owed(reporter.address), REWARD_WEI);
      await reporter.claim(reporter.address);
      const burnt = () => network.anvil.client.getBalance({ address: `0x${"dead".padStart(40, "0")}` });
      const before = await burnt();
      await reporter.burn(log.logId, log.operator);
      assert.equal((await burnt()) - before, STAKE_WEI - REWARD_WEI);
      assert.equal((await owner.state(log.logId, log.operator)).stakeWei, 0n);
    });

    test("two leaves at one index cost everything, small log or large", async () => {
      for (const kind of ["small", "large"]) {
        const log = network.log(`leaves ${kind}`);
        await log.register(owner);
        const evidence = kind === "small" ? log.leafConflict(7, 9, 40) : log.deepLeafConflict();
        verifyEvidence(evidence, [log.operator]);
        assert.equal((await slashWithEvidence(reporter, evidence, {})).outcome, "slashed");
        assert.equal((await owner.state(log.logId, log.operator)).status, "slashed");
      }
    });

    test("a tree that does not extend a signed one costs everything", async () => {
      const log = network.log("inconsistent");
      await log.register(owner);
      const evidence = log.inconsistent(8, 12);
      verifyEvidence(evidence, [log.operator]);
      assert.equal((await slashWithEvidence(reporter, evidence, {})).outcome, "slashed");
      assert.equal((await slashWithEvidence(owner, log.sameSize(9), {})).outcome, "already-slashed");
      assert.equal((await owner.state(log.logId, log.operator)).stakeWei, STAKE_WEI);
    });

    test("an answered challenge pays who answered and frees the exit", async () => {
      const log = network.log("answered");
      await log.register(owner);
      const question = await reporter.challenge(log.question(log.head(honest, 7), log.head(honest, 12)));
      assert.equal((await owner.state(log.logId, log.operator)).openChallenges, 1);
      await rejects(reporter.timeout(question), "TooEarly");
      await owner.answer(question, consistencyNodes(7, 12, honest.node));
      assert.equal(await owner.owed(owner.address), TERMS.minimumChallengeBondWei);
      await owner.claim(owner.address);
      assert.equal((await owner.state(log.logId, log.operator)).openChallenges, 0);
    });

    test("whoever has the log finds the open challenges and answers what it can", async () => {
      const log = network.log("many challenges");
      await log.register(owner);
      const heads = [7, 12, 20].map((size) => log.head(honest, size));
      for (const [older, newer] of [
        [0, 1],
        [0, 2],
        [1, 2],
      ] as const) {
        await reporter.challenge(log.question(heads[older]!, heads[newer]!));
      }
      await reporter.challenge(log.question(heads[0]!, log.head(fork, 12)));
      await reporter.challenge(log.question(heads[0]!, log.head(honest, 30)));
      // Other logs' challenges on the same contract are not this operator's business.
      const other = network.log("another's challenge");
      await other.register(owner);
      await reporter.challenge(other.question(other.head(honest, 7), other.head(honest, 12)));
      const helper = await network.as(41);
      const tree = { size: 20, node: honest.node };
      const { answered, unanswerable } = await answerChallenges(helper, log.logId, log.operator, tree);
      assert.deepEqual(answered.map(({ oldSize, newSize }) => `${oldSize}-${newSize}`).sort(), [
        "12-20",
        "7-12",
        "7-20",
      ]);
      assert.deepEqual(unanswerable.map(({ newSize }) => newSize).sort(), [12, 30]);
      assert.equal(await owner.owed(helper.address), 3n * TERMS.minimumChallengeBondWei);
      assert.equal((await owner.state(log.logId, log.operator)).openChallenges, 2);
      // Two blocks a request find the same two, though others' blocks lie in between.
      assert.equal((await owner.openQuestions(log.logId, log.operator, 2n)).length, 2);
      const none = { answered: [], unanswerable: [] };
      const quiet = network.log("quiet");
      await quiet.register(owner);
      assert.deepEqual(await answerChallenges(helper, quiet.logId, quiet.operator, tree), none);
    });

    test("an unanswered challenge costs everything", async () => {
      const log = network.log("unanswered");
      await log.register(owner);
      const question = await reporter.challenge(log.question(log.head(fork, 7), log.head(honest, 12)));
      await rejects(owner.answer(question, consistencyNodes(7, 12, honest.node)), "RootMismatch");
      await network.anvil.passTime(7 * DAY_SECONDS + 1);
      await reporter.timeout(question);
      assert.equal((await owner.state(log.logId, log.operator)).status, "slashed");
      assert.equal(await reporter.owed(reporter.address), REWARD_WEI + TERMS.minimumChallengeBondWei);
      await reporter.claim(reporter.address);
    });

    test("after a rotation both keys stand under the bond", async () => {
      const log = network.log("rotation");
      await log.register(owner);
      const newKey = new Uint8Array(32).fill(0x55);
      const newSigner = addressOfPrivateKey(newKey);
      const possession = log.possession(owner.address, newKey);
      await owner.rotateSigner(log.logId, newSigner, possession, log.head(honest, 7));
      assert.deepEqual((await owner.state(log.logId, newSigner)).operator, log.operator.subarray());
      const mixed = {
        kind: "same-size",
        log: log.domain,
        heads: [log.head(honest, 9), log.head(fork, 9, newKey)],
      } as const;
      verifyEvidence(mixed, [log.operator, newSigner]);
      assert.equal((await slashWithEvidence(reporter, mixed, {})).outcome, "slashed");
      assert.equal((await owner.state(log.logId, newSigner)).status, "slashed");
    });

    test("of watchers that race, one slashes and the others see it", async () => {
      const log = network.log("race");
      await log.register(owner);
      const watchers = await Promise.all([21, 22, 23].map((number) => network.as(number)));
      const evidence = log.sameSize(9);
      const results = await Promise.all(watchers.map((watcher) => slashWithEvidence(watcher, evidence, {})));
      const outcomes = results.map(({ outcome }) => outcome).sort();
      assert.deepEqual(outcomes, ["already-slashed", "already-slashed", "slashed"]);
      const again = await Promise.all(watchers.map((watcher) => slashWithEvidence(watcher, evidence, {})));
      assert.ok(again.every(({ outcome }) => outcome === "already-slashed"));
    });

    test("of watchers that race for the reward, one gets it", async () => {
      const log = network.log("race for the reward");
      await log.register(owner);
      const watchers = await Promise.all([31, 32, 33].map((number) => network.as(number)));
      const evidence = log.sameSize(9);
      const options = { rewardSecret, pollMs: 10 };
      const race = Promise.all(watchers.map((watcher) => slashWithEvidence(watcher, evidence, options)));
      const outcomes = (await passingTime(race)).map(({ outcome }) => outcome).sort();
      assert.deepEqual(outcomes, ["already-slashed", "already-slashed", "slashed"]);
      const owed = await Promise.all(watchers.map((watcher) => owner.owed(watcher.address)));
      assert.deepEqual(owed.sort(), [0n, 0n, REWARD_WEI]);
    });

    test("a reporter that starts again goes on with its commitment", async () => {
      const log = network.log("restart");
      await log.register(owner);
      const controller = new AbortController();
      const first = slashWithEvidence(reporter, log.sameSize(9), {
        rewardSecret,
        pollMs: 10,
        signal: controller.signal,
      });
      const reveal = { reporter: reporter.address, salt: saltFor(log.sameSize(9), rewardSecret) };
      const commitment = commitmentOf(log.sameSize(9), reveal);
      while ((await owner.committedAtSeconds(commitment)) === 0) await setImmediate();
      const sent = () => network.anvil.client.getTransactionCount({ address: toHex(reporter.address) });
      const before = await sent();
      controller.abort();
      await assert.rejects(first, { name: "AbortError" });
      await network.anvil.passTime(60);
      const second = await slashWithEvidence(reporter, log.sameSize(9), { rewardSecret, pollMs: 10 });
      assert.equal(second.outcome, "slashed");
      assert.equal((await sent()) - before, 1);
      await reporter.claim(reporter.address);
    });

    /** Lets the chain's time run until something has happened that waits for it. */
    async function passingTime<T>(waiting: Promise<T>): Promise<T> {
      let over = false;
      const watched = waiting.finally(() => {
        over = true;
      });
      while (!over) await network.anvil.passTime(10);
      return watched;
    }
  });
}

function rejects(sent: Promise<unknown>, contractError: string): Promise<void> {
  return assert.rejects(sent, (error) => {
    assert.equal(contractErrorOf(error), contractError, `${error}`);
    return true;
  });
}
