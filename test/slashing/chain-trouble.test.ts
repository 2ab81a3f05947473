/** Chains as they are: wrong, down, lossy, congested, forked, and shared with others. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { privateKeyToAccount } from "viem/accounts";
import { type Hex, toHex } from "../../src/base/bytes.ts";
import { describeError, SequencerError } from "../../src/base/errors.ts";
import { bondAddress, deployBond, openBond } from "../../src/slashing/chain.ts";
import { contractErrorOf } from "../../src/slashing/chain-error.ts";
import { slashWithEvidence } from "../../src/slashing/slasher.ts";
import { type BondNetwork, startBondNetwork } from "../helpers/bond-chain.ts";
import { BondedLog, DAY_SECONDS, ETHER, fork, honest, STAKE_WEI, TERMS } from "../helpers/bonded-log.ts";
import { startAnvil } from "../helpers/foundry.ts";
import { startLossyProxy } from "../helpers/lossy-proxy.ts";

describe("a chain", () => {
  let network: BondNetwork;

  before(async () => {
    network = await startBondNetwork();
  });

  after(() => network.stop());

  test("with another id is refused", async () => {
    const { rpcUrl, domain } = network;
    const opened = openBond({ rpcUrl, domain: { ...domain, chainId: 10 } });
    await fails(opened, /the node is on chain 31337, the log's bond on chain 10\. Check -l2rpc/);
  });

  test("that does not answer is named without the path that may hold a key", async () => {
    const gone = await startAnvil();
    await gone.stop();
    const opened = openBond({ rpcUrl: `${gone.rpcUrl}/secret-key`, domain: network.domain });
    await fails(opened, /^ask for the chain id: no usable answer from 127\.0\.0\.1:\d+\. Check -l2rpc/);
  });

  test("without the contract is refused", async () => {
    const { rpcUrl, domain } = network;
    const opened = openBond({ rpcUrl, domain: { ...domain, bond: new Uint8Array(20).fill(1) } });
    await fails(opened, /there is no contract at 0x0101.* Check the bond address in genesis/);
  });

  test("with an impostor for a contract is refused", async () => {
    const { rpcUrl, domain, anvil } = network;
    const genuine = (await anvil.client.getCode({ address: toHex(domain.bond) }))!;
    const delay = (21 * 86_400).toString(16).padStart(64, "0");
    const impostors: Record<string, Hex> = {
      "another program": "0x6001600155",
      "the same code, with whatever its storage held from the start": genuine,
      "an exit delay that no constructor allows": `0x${genuine.slice(2).replaceAll(delay, "1".padStart(64, "0"))}`,
    };
    const bond = new Uint8Array(20).fill(2);
    for (const bytecode of Object.values(impostors)) {
      await anvil.client.setCode({ address: toHex(bond), bytecode });
      await fails(openBond({ rpcUrl, domain: { ...domain, bond } }), /is not a bond of this version/);
    }
    const renumbered = openBond({ rpcUrl, domain: { ...domain, chainId: 10 }, rpcChainId: domain.chainId });
    await fails(renumbered, /is not a bond of this version/);
  });

  test("gets one contract for equal terms, and none for terms that let a cheater escape", async () => {
    const { rpcUrl, bond } = network;
    const privateKey = await network.anvil.fund(new Uint8Array(32).fill(0x6b));
    const options = { rpcUrl, pollMs: 10, chainId: network.domain.chainId, privateKey };
    assert.deepEqual(bondAddress(TERMS), bond);
    assert.deepEqual(await deployBond(options, TERMS), { bond });
    const hasty = deployBond(options, { ...TERMS, exitDelaySeconds: 20 * DAY_SECONDS });
    await fails(hasty, /deploy the bond contract: .* refused with ParameterOutOfBounds\(exitDelay\)/);
  });

  test("without the deployment proxy says so", async (context) => {
    const bare = await startAnvil("--disable-default-create2-deployer");
    context.after(bare.stop);
    const privateKey = await bare.fund(new Uint8Array(32).fill(1));
    const deploying = deployBond({ rpcUrl: bare.rpcUrl, chainId: 31337, privateKey }, TERMS);
    await fails(deploying, /chain 31337 lacks the deployment proxy 0x4e59/);
  });

  test("tells a poor account what to do", async () => {
    const { rpcUrl, domain } = network;
    const poor = await openBond({ rpcUrl, domain, pollMs: 10, privateKey: new Uint8Array(32).fill(0x66) });
    const log = network.log("poor");
    await fails(
      log.register(poor),
      /^register: .*cannot pay for it\. Send 0x[0-9a-f]{40} about \d+ wei|^register: the sending account cannot pay/,
    );
    const head = network.log("rich");
    await head.register(await network.as(2));
    await fails(
      poor.anchor(head.logId, head.head(honest, 3)),
      /^anchor: 0x[0-9a-f]{40} cannot pay for it\. Send 0x[0-9a-f]{40} about \d+ wei/,
    );
  });

  test("is only read without a key", async () => {
    const { rpcUrl, domain } = network;
    const reader = await openBond({ rpcUrl, domain });
    const log = network.log("unregistered");
    assert.equal((await reader.state(log.logId, log.operator)).status, "none");
    assert.throws(() => reader.claim(log.operator), /no key to send transactions with/);
  });

  test("that refuses says why, and what to do next", async () => {
    const log = network.log("refusals");
    const owner = await network.as(2);
    await fails(log.register(owner, ETHER - 1n), /StakeTooSmall\(1000000000000000000\)\. Send at least/);
    await log.register(owner);
    await fails(log.register(owner), /AlreadyRegistered\(.*look at `sequencer bond status`/);
    await fails(
      owner.withdraw(log.logId, log.operator),
      /the bond contract refused with WrongStatus\(active\)/,
    );
    const honestHeads = {
      ...log.inconsistent(8, 12),
      heads: [log.head(honest, 8), log.head(honest, 12)],
    } as const;
    await assert.rejects(
      slashWithEvidence(owner, honestHeads, {}),
      (error) => contractErrorOf(error) === "Consistent",
    );
  });

  test("that loses requests and answers gets every transaction once", async (context) => {
    const proxy = await startLossyProxy(network.rpcUrl);
    context.after(proxy.stop);
    const privateKey = await network.anvil.fund(new Uint8Array(32).fill(0x67));
    const chain = await openBond({ rpcUrl: proxy.rpcUrl, pollMs: 10, domain: network.domain, privateKey });
    const log = network.log("lossy");
    await log.register(chain);
    for (const what of ["request", "answer"] as const) {
      for (const method of ["eth_sendRawTransaction", "eth_estimateGas", "eth_getTransactionReceipt"]) {
        proxy.lose(method, what);
        await chain.topUp(log.logId, log.operator, ETHER);
        assert.ok(proxy.allLost());
      }
    }
    assert.equal((await chain.state(log.logId, log.operator)).stakeWei, STAKE_WEI + 6n * ETHER);
  });

  test("shared by two programs with one key still gets every transaction once", async () => {
    const log = network.log("shared key");
    const options = { receiptTimeoutMs: 100 };
    const [one, other] = [await network.as(0x68, options), await network.as(0x68, options)];
    await log.register(one);
    const topUps = [one, other, one, other].map((chain, i) =>
      chain.topUp(log.logId, log.operator, ETHER * 10n ** BigInt(i)),
    );
    await Promise.all(topUps);
    assert.equal((await one.state(log.logId, log.operator)).stakeWei, STAKE_WEI + 1_111n * ETHER);
  });

  test("with a stuck transaction gets it replaced, at whatever price", async (context) => {
    const { anvil, rpcUrl, domain } = network;
    const log = network.log("stuck");
    await log.register(await network.as(2));
    const privateKey = await anvil.fund(new Uint8Array(32).fill(0x69));
    const account = privateKeyToAccount(toHex(privateKey));
    const options = { rpcUrl, domain, pollMs: 5, receiptTimeoutMs: 50, privateKey };
    const chain = await openBond(options);
    await anvil.client.setAutomine(false);
    context.after(() => anvil.client.setAutomine(true));
    const { maxFeePerGas, maxPriorityFeePerGas } = await anvil.client.estimateFeesPerGas();
    const serializedTransaction = await account.signTransaction({
      chainId: domain.chainId,
      nonce: 0,
      gas: 21_000n,
      to: account.address,
      maxFeePerGas: maxFeePerGas * 4n,
      maxPriorityFeePerGas: maxPriorityFeePerGas * 4n,
    });
    const stuck = await anvil.client.sendRawTransaction({ serializedTransaction });
    const sent = chain.topUp(log.logId, log.operator, ETHER);
    // First it takes the stuck one's place, then, because nobody mines, its own.
    const waiting = async () => {
      const { pending } = await anvil.client.getTxpoolContent();
      return Object.values(pending).flatMap((byNonce) => Object.values(byNonce))[0]?.hash;
    };
    const first = await changed(waiting, stuck);
    await changed(waiting, first);
    await anvil.client.mine({ blocks: 1 });
    assert.equal((await sent).status, "success");
    assert.equal(await anvil.client.getTransactionCount({ address: account.address }), 1);
    assert.equal((await chain.state(log.logId, log.operator)).stakeWei, STAKE_WEI + ETHER);
  });

  test("that forked under another id still punishes what was signed for the log", async (context) => {
    const log = network.log("fork");
    await log.register(await network.as(2));
    const forked = await startAnvil("--fork-url", network.rpcUrl, "--chain-id", "31338");
    context.after(forked.stop);
    const { rpcUrl } = forked;
    const privateKey = await forked.fund(new Uint8Array(32).fill(0x6a));
    const options = { rpcUrl, pollMs: 10, privateKey, domain: network.domain };
    await fails(openBond(options), /the node is on chain 31338/);
    const chain = await openBond({ ...options, rpcChainId: 31338 });
    const renumbered = new BondedLog({ ...log.domain, chainId: 31338 }, log.operatorKey);
    const heads = [renumbered.head(honest, 9), renumbered.head(fork, 9)] as const;
    const asRenumbered = { kind: "same-size", log: log.domain, heads } as const;
    await assert.rejects(chain.trySlash(asRenumbered), (error) => contractErrorOf(error) === "NotRegistered");
    assert.equal((await slashWithEvidence(chain, log.sameSize(9), {})).outcome, "slashed");
    // The stake of the chain it forked from stands until the same evidence comes there.
    const original = await network.as(2);
    assert.equal((await original.state(log.logId, log.operator)).status, "active");
  });
});

/** Waits until the value is there and another one. */
async function changed<T>(read: () => Promise<T | undefined>, from: T): Promise<T> {
  while (true) {
    const value = await read();
    if (value !== undefined && value !== from) return value;
    await setImmediate();
  }
}

function fails(attempt: Promise<unknown>, text: RegExp): Promise<void> {
  return assert.rejects(attempt, (error) => {
    assert.ok(error instanceof SequencerError && error.code === "chain", `${error}`);
    assert.match(describeError(error), text);
    return true;
  });
}
