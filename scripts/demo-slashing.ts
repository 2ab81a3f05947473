/**
 * Slashing, end to end, with real processes: a chain, a bonded primary, two replicas. The operator's key then signs a
 * second history, and the stake burns without anybody doing anything. Everything is gone afterwards.
 */

import { fileURLToPath } from "node:url";
import { toHex } from "../src/base/bytes.ts";
import { addressOfPrivateKey } from "../src/base/secp256k1.ts";
import { type Cleanup, defer, temporaryDirectory } from "../test/helpers/cleanup.ts";
import { bondStatusOf } from "../test/helpers/fork.ts";
import { startAnvil } from "../test/helpers/foundry.ts";
import { launchNode, Running, sequencer } from "../test/helpers/process.ts";

const CHAIN_ID = "31337";
const BURN_ADDRESS = "0x000000000000000000000000000000000000dead";
const keys = Object.fromEntries(
  ["operator", "owner", "watch1", "watch2"].map((name, i) => [name, new Uint8Array(32).fill(0x31 + i)]),
) as Record<"operator" | "owner" | "watch1" | "watch2", Uint8Array>;

const undo: (() => Promise<void>)[] = [];
const cleanup: Cleanup = { after: (one) => void undo.push(one) };

function say(text: string): void {
  console.log(`\n== ${text}`);
}

async function run(args: readonly string[], env: Record<string, string> = {}): Promise<string> {
  console.log(`$ sequencer ${args.join(" ")}`);
  const { code, stdout, stderr } = await sequencer(args, { env });
  console.log(stdout.trimEnd().replaceAll(/^/gm, "  "));
  if (code !== 0) throw new Error(stderr);
  return stdout;
}

async function main(): Promise<void> {
  const directory = temporaryDirectory(cleanup);
  say("A chain: anvil as an optimistic rollup");
  const anvil = await startAnvil("--network", "optimism");
  defer(cleanup, anvil.stop);
  for (const name of ["owner", "watch1", "watch2"] as const) await anvil.fund(keys[name]);
  console.log(`  ${anvil.rpcUrl}, chain ${CHAIN_ID}`);
  const operatorEnv = { OPERATOR_PRIVATE_KEY: toHex(keys.operator) };
  const ownerEnv = { CHAIN_PRIVATE_KEY: toHex(keys.owner), ...operatorEnv };
  const rpc = ["-l2rpc", anvil.rpcUrl];

  say("The bond contract");
  const deployed = await run(["bond", "deploy", ...rpc, "-chainid", CHAIN_ID, "-yes"], ownerEnv);
  const bond = /^Bond +(0x\S+)$/m.exec(deployed)![1]!;

  say("A primary whose genesis names it");
  const place = (name: string) => [
    "-dbpath",
    `${directory}/${name}`,
    "-guard",
    `${directory}/guard`,
    "-p2pport",
    "0",
  ];
  const genesis = ["-chainid", CHAIN_ID, "-bond", bond, ...rpc, "-solo"];
  const primary = await launchNode(cleanup, [...place("primary"), ...genesis], { env: ownerEnv });
  const [, logId] = await primary.printed(/^Log +(0x\S+)/m);
  const [, peer] = await primary.printed(/-peers (\S+)$/m);
  console.log(`  log ${logId}`);

  say("The stake: ten ether");
  const at = [...rpc, "-url", primary.url];
  await run(["bond", "register", ...at, "-stake", "10ether", "-yes"], ownerEnv);
  await run(["bond", "anchor", ...at, "-yes"], ownerEnv);
  await run(["bond", "status", ...at]);

  await run(["append", "-url", primary.url, "-log", logId!, "an honest entry"], operatorEnv);

  say("Two replicas, each with a key of its own that pays for evidence");
  const replica = async (name: "watch1" | "watch2") =>
    await launchNode(cleanup, [...place(name), "-mode", "replica", "-log", logId!, "-peers", peer!, ...rpc], {
      env: { CHAIN_PRIVATE_KEY: toHex(keys[name]) },
    });
  const replicas = [await replica("watch1"), await replica("watch2")];
  for (const { url } of replicas) {
    await until(
      async () => (await bondStatusOf(url).catch(() => undefined))?.status === "active",
      "a bonded log",
    );
    console.log(`  ${url}: bond ${JSON.stringify(await bondStatusOf(url))}`);
  }
  for (const { url } of replicas) await until(async () => (await sizeOf(url)) === 2, "replication");

  say("The operator's key signs another second entry, on another machine");
  const [, address] = await replicas[0]!.printed(/^P2P multiaddr: (\S+)$/m);
  const script = fileURLToPath(new URL("../test/helpers/children/equivocator.ts", import.meta.url));
  const since = performance.now();
  const equivocator = new Running(process.execPath, [script, primary.url, address!], { env: operatorEnv });
  defer(cleanup, () => equivocator.kill());
  await equivocator.printed(/equivocated/);

  say("Nobody does anything");
  const burnt = (): Promise<bigint> => anvil.client.getBalance({ address: BURN_ADDRESS });
  await until(async () => (await burnt()) > 0n, "the stake to burn");
  const seconds = ((performance.now() - since) / 1_000).toFixed(1);
  for (const { stderr } of replicas) {
    for (const line of stderr.split("\n").filter((text) => /EQUIVOCATION|SLASHED|burnt/.test(text)))
      console.log(`  ${line}`);
  }
  const last = JSON.parse(primary.stderr.trim().split("\n").at(-1)!) as { msg: string };
  console.log(`  the primary: ${last.msg}`);
  await run(["bond", "status", ...rpc, "-url", replicas[0]!.url]);
  const ready = await fetch(`${replicas[0]!.url}/ready`);
  console.log(`  /ready of a replica: ${ready.status} ${await ready.text()}`);
  say(
    `${(await burnt()) / 10n ** 18n} ether of ${toHex(addressOfPrivateKey(keys.operator))} burnt, ${seconds} s after it signed`,
  );
}

async function sizeOf(url: string): Promise<number> {
  const text = await (await fetch(`${url}/checkpoint`)).text();
  return Number(text.split("\n")[1]);
}

async function until(holds: () => Promise<boolean>, what: string): Promise<void> {
  const deadline = performance.now() + 60_000;
  while (!(await holds())) {
    if (performance.now() > deadline) throw new Error(`waited for ${what} in vain`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

try {
  await main();
} catch (error) {
  console.error(error);
  process.exitCode = 1;
} finally {
  for (const one of undo) await one();
}
