/** From an equivocation to the burnt stake, through nodes, on chains as they are. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { before, describe, type TestContext, test } from "node:test";
import { pino } from "pino";
import { toHex } from "../../src/base/bytes.ts";
import type { ChainSettings } from "../../src/node/bonding.ts";
import { startWatchNode, type WatchNode } from "../../src/node/watch-node.ts";
import type { BondChain } from "../../src/slashing/bond-chain.ts";
import { accountOf, operator } from "../helpers/accounts.ts";
import { type BondNetwork, startBondNetwork } from "../helpers/bond-chain.ts";
import { BondedLog, STAKE_WEI } from "../helpers/bonded-log.ts";
import { defer, temporaryDirectory } from "../helpers/cleanup.ts";
import { type Fork, forkOf } from "../helpers/fork.ts";
import { serveForkFiles } from "../helpers/fork-server.ts";
import { genesisFor } from "../helpers/genesis.ts";
import { startTestPrimary, type TestPrimary } from "../helpers/primary.ts";
import { startProxy } from "../helpers/proxy.ts";
import { call } from "../helpers/rpc.ts";
import { wholeFile } from "../helpers/whole-file.ts";

const WAIT_MS = 30_000;
const LOOK_MS = 50;
let network: BondNetwork;

before(async () => {
  network = await startBondNetwork();
  defer(wholeFile, network.stop);
});

interface Scene {
  readonly primary: TestPrimary;
  readonly log: BondedLog;
  readonly chain: BondChain;
  /** A server of a history that the operator signed too. */
  fork(surplus?: number): Promise<{ readonly url: string; readonly fork: Fork }>;
  status(): Promise<string>;
}

/** A bonded primary with three entries. */
async function bonded(
  t: TestContext,
  name: string,
  options: Parameters<typeof startTestPrimary>[1] = {},
): Promise<Scene> {
  const { chainId, bond } = network.domain;
  const genesis = { ...genesisFor([accountOf(2).address]), origin: `example.com/${name}`, chainId, bond };
  const primary = await startTestPrimary(t, { genesis, solo: true, writers: [], ...options });
  const { logId } = primary.node.log;
  for (let i = 0; i < 2; i++) {
    await call(primary.url, "sequencer_append", [primary.transaction({ by: operator })]);
  }
  const log = new BondedLog({ ...network.domain, logId }, operator.key);
  const chain = await network.as(0x20);
  await log.register(chain);
  return {
    primary,
    log,
    chain,
    fork: async (surplus) => {
      const fork = await forkOf(primary.url, operator.key, surplus);
      return { fork, url: await serveForkFiles(t, fork) };
    },
    status: async () => (await chain.state(logId, operator.address)).status,
  };
}

interface Watching extends WatchNode {
  readonly lines: readonly string[];
  said(text: RegExp): Promise<void>;
}

async function watch(
  t: TestContext,
  urls: readonly string[],
  { directory, ...chain }: Partial<ChainSettings> & { readonly directory?: string } = {},
): Promise<Watching> {
  const lines: string[] = [];
  const logger = pino({ level: "info" }, { write: (line) => void lines.push(line) });
  const settings = { rpcUrl: network.rpcUrl, lookMs: LOOK_MS, ...chain };
  const node = await startWatchNode({
    ...{ urls, logger, chain: settings, pollMs: LOOK_MS },
    ...(directory !== undefined && { directory }),
  });
  let closed = false;
  const close = async (): Promise<void> => {
    if (!closed) await node.close();
    closed = true;
  };
  defer(t, close);
  return {
    ...node,
    close,
    lines,
    said: (text) => until(async () => lines.some((line) => text.test(line)), `${text}`),
  };
}

async function until(holds: () => Promise<boolean>, what: string): Promise<void> {
  const deadline = performance.now() + WAIT_MS;
  while (!(await holds())) {
    assert(performance.now() < deadline, `waited for ${what} in vain`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** A way to the chain that is down until it is switched on. */
async function startRpc(t: TestContext): Promise<{ readonly url: string; isDown: boolean }> {
  const headers = { "content-type": "application/json" };
  const { url } = await startProxy(t, network.rpcUrl, async ({ body }) => {
    if (rpc.isDown) return "cut";
    const answer = await fetch(network.rpcUrl, { method: "POST", headers, body });
    return { status: answer.status, body: await answer.text() };
  });
  const rpc = { url, isDown: true };
  return rpc;
}

/** The key of a funded account of its own. */
const payer = async (number: number): Promise<{ privateKey: Uint8Array }> => ({
  privateKey: await network.anvil.fund(accountOf(number).key),
});

describe("a watchtower", () => {
  test("slashes for two heads of one size, and burns the stake", async (t) => {
    const scene = await bonded(t, "same-size");
    const { url } = await scene.fork();
    const tower = await watch(t, [scene.primary.url, url], await payer(0x60));
    await tower.said(/the forfeited stake is burnt/);
    assert.equal(await scene.status(), "slashed");
    assert.deepEqual(tower.evidence(), ["same-size"]);
  });

  test("proves a larger fork from the tiles of whoever serves it", async (t) => {
    const scene = await bonded(t, "larger");
    const { url } = await scene.fork(5);
    const tower = await watch(t, [scene.primary.url, url], await payer(0x61));
    await tower.said(/SLASHED/);
    assert.deepEqual(tower.evidence(), ["inconsistent"]);
  });

  test("finds nothing in an honest log that grows, nor in an older mirror of it", async (t) => {
    const scene = await bonded(t, "honest");
    const old = await (await fetch(`${scene.primary.url}/checkpoint`)).text();
    const mirror = await startProxy(t, scene.primary.url, async ({ path }) =>
      path === "/checkpoint" ? { status: 200, body: old } : undefined,
    );
    const directory = temporaryDirectory(t);
    const tower = await watch(t, [scene.primary.url, mirror.url], { ...(await payer(0x62)), directory });
    for (let i = 0; i < 20; i++) {
      await call(scene.primary.url, "sequencer_append", [scene.primary.transaction({ by: operator })]);
    }
    const { size } = await call(scene.primary.url, "sequencer_info");
    await until(async () => readHead(directory).startsWith(`${size}\n`), "the newest head to be seen");
    assert.deepEqual(tower.evidence(), []);
    assert.equal(await scene.status(), "active");
  });

  test("races with others, and the stake is taken once", async (t) => {
    const scene = await bonded(t, "race");
    const { url } = await scene.fork();
    const towers = await Promise.all(
      [0x63, 0x64, 0x65].map(async (number) => watch(t, [scene.primary.url, url], await payer(number))),
    );
    await Promise.all(towers.map((tower) => tower.said(/SLASHED|no stake stands behind/)));
    const slashed = towers.filter(({ lines }) => lines.some((line) => line.includes('"outcome":"slashed"')));
    assert.equal(slashed.length, 1);
    const events = await network.anvil.client.getLogs({ address: toHex(network.bond), fromBlock: 0n });
    const ofThisLog = events.filter(({ topics }) => topics[1] === toHex(scene.log.logId));
    const kinds = ofThisLog.map(({ topics }) => topics[0]);
    assert.equal(new Set(kinds).size, kinds.length, "every event happened once");
  });
});

describe("evidence survives", () => {
  test("a chain that is down: after a restart it is submitted once the chain is back", async (t) => {
    const scene = await bonded(t, "outage");
    const { url } = await scene.fork();
    const directory = temporaryDirectory(t);
    const rpc = await startRpc(t);
    const chain = { ...(await payer(0x66)), rpcUrl: rpc.url, directory };
    const first = await watch(t, [scene.primary.url, url], chain);
    await first.said(/EQUIVOCATION/);
    await first.said(/no usable answer from 127\.0\.0\.1:\d+/);
    await first.close();
    assert.equal(readdirSync(`${directory}/evidence`).length, 1);
    assert.equal(await scene.status(), "active");
    // The fork is not served any more: the file alone has to do.
    const second = await watch(t, [scene.primary.url], chain);
    assert.deepEqual(second.evidence(), ["same-size"]);
    rpc.isDown = false;
    await second.said(/SLASHED/);
    assert.equal(await scene.status(), "slashed");
  });

  test("an account that cannot pay: it says how much to send, and slashes once it can", async (t) => {
    const scene = await bonded(t, "poor");
    const { url } = await scene.fork();
    const poor = accountOf(0x67);
    const tower = await watch(t, [scene.primary.url, url], { privateKey: poor.key });
    await tower.said(/cannot pay for it\. Send 0x[0-9a-f]{40}|cannot pay for it\. Send the sending account/);
    assert.equal(await scene.status(), "active");
    await network.anvil.fund(poor.key);
    await tower.said(/SLASHED/);
  });

  test("a reorganisation that undoes the slash: it is submitted again", async (t) => {
    const scene = await bonded(t, "reorg");
    const { url } = await scene.fork();
    const { privateKey } = await payer(0x68);
    const snapshot = await network.anvil.client.snapshot();
    const tower = await watch(t, [scene.primary.url, url], { privateKey });
    await tower.said(/burnt/);
    await network.anvil.client.revert({ id: snapshot });
    const slashes = () => tower.lines.filter((line) => line.includes('"outcome":"slashed"')).length;
    await until(async () => slashes() === 2, "the second slash");
    assert.equal(await scene.status(), "slashed");
  });
});

describe("a node that is told of a chain", () => {
  test("refuses one that is not what genesis means, and goes on without one that is down", async (t) => {
    const { chainId, bond } = network.domain;
    const place = {
      genesis: { ...genesisFor([]), origin: "example.com/refused", chainId, bond },
      solo: true,
    };
    const settings = { rpcUrl: network.rpcUrl, lookMs: LOOK_MS };
    const other = { ...place, genesis: { ...place.genesis, chainId: 10 } };
    await assert.rejects(
      startTestPrimary(t, { ...other, chain: settings }),
      /on chain 31337, the log's bond on chain 10/,
    );
    const nowhere = { ...place, genesis: { ...place.genesis, bond: accountOf(9).address } };
    await assert.rejects(startTestPrimary(t, { ...nowhere, chain: settings }), /there is no contract at/);
    const unbonded = { genesis: genesisFor([]) };
    await assert.rejects(startTestPrimary(t, { ...unbonded, chain: settings }), /the log is unbonded/);
    const down = await startRpc(t);
    const { url } = await startTestPrimary(t, { ...place, chain: { ...settings, rpcUrl: down.url } });
    assert.deepEqual((await call(url, "sequencer_info")).bondStatus, { status: "unknown" });
    down.isDown = false;
    await until(async () => (await call(url, "sequencer_info")).bondStatus.status === "none", "the chain");
  });

  test("shows the bond, anchors heads, and answers challenges by itself", async (t) => {
    const chain = { rpcUrl: network.rpcUrl, lookMs: LOOK_MS, anchorEveryMs: LOOK_MS, ...(await payer(0x69)) };
    const scene = await bonded(t, "keeper", { chain });
    const info = async () => (await call(scene.primary.url, "sequencer_info")).bondStatus;
    await until(async () => (await info()).anchoredSize === 3, "the anchor");
    const { status, stakeWei, exitAt } = await info();
    assert.deepEqual([status, stakeWei, exitAt], ["active", String(STAKE_WEI), null]);
    const { log } = scene.primary.node;
    const challenger = await network.as(0x21);
    const heads = [2, 3].map((size) => scene.log.sign(size, log.rootAt(size)));
    await challenger.challenge(scene.log.question(heads[0]!, heads[1]!));
    const open = async () => (await scene.chain.state(log.logId, operator.address)).openChallenges;
    await until(async () => (await open()) === 0, "the answer");
    assert.ok((await scene.chain.owed(accountOf(0x69).address)) > 0n, "the answer is paid");
  });
});

function readHead(directory: string): string {
  try {
    return readFileSync(`${directory}/newest-checkpoint`, "utf8").split("\n").slice(1).join("\n");
  } catch {
    return "";
  }
}
