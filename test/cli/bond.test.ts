import assert from "node:assert/strict";
import { once } from "node:events";
import { readdirSync, writeFileSync } from "node:fs";
import { before, test } from "node:test";
import { fromHex, type Hex, toHex } from "../../src/base/bytes.ts";
import { openBond } from "../../src/slashing/chain.ts";
import type { LogDomain } from "../../src/slashing/evidence.ts";
import { formatEvidence } from "../../src/slashing/evidence-file.ts";
import { accountOf, operator } from "../helpers/accounts.ts";
import { BondedLog, DAY_SECONDS } from "../helpers/bonded-log.ts";
import { defer, temporaryDirectory } from "../helpers/cleanup.ts";
import { forkOf } from "../helpers/fork.ts";
import { serveForkFiles } from "../helpers/fork-server.ts";
import { type Anvil, startAnvil } from "../helpers/foundry.ts";
import { type Finished, launch, launchNode, sequencer } from "../helpers/process.ts";
import { call } from "../helpers/rpc.ts";
import { wholeFile } from "../helpers/whole-file.ts";

const owner = accountOf(0x51);
const poor = accountOf(0x52);
let anvil: Anvil;
let directory: string;
let bond: Hex;
let url: string;

/** A command with the owner's key, asked for nothing. */
async function command(args: readonly string[], env: Record<string, string> = {}): Promise<Finished> {
  const consent = args[0] === "verify" ? [] : ["-yes"];
  return await sequencer([...args, "-l2rpc", anvil.rpcUrl, ...consent], {
    env: {
      CHAIN_PRIVATE_KEY: toHex(owner.key),
      OPERATOR_PRIVATE_KEY: toHex(operator.key),
      ...(args[0] === "bond" && url !== undefined && { SEQUENCER_URL: url }),
      ...env,
    },
  });
}

async function done(args: readonly string[], env: Record<string, string> = {}): Promise<string> {
  const { code, stdout, stderr } = await command(args, env);
  assert.equal(code, 0, `${args.join(" ")}: ${stdout}${stderr}`);
  const secrets = [owner.key, operator.key].map((key) => toHex(key).slice(2, 26));
  assert(!secrets.some((secret) => (stdout + stderr).includes(secret)), "no key is printed");
  return stdout;
}

async function refused(args: readonly string[], message: RegExp, env: Record<string, string> = {}) {
  const { code, stdout, stderr } = await command(args, env);
  assert.equal(code, 1, `${args.join(" ")}: ${stdout}${stderr}`);
  assert.match(stderr, message);
  assert.match(stderr, /^sequencer: [^\n]+\n$/, "one line");
}

const status = async () => JSON.parse(await done(["bond", "status", "-json"]));

before(async () => {
  anvil = await startAnvil();
  defer(wholeFile, anvil.stop);
  await anvil.fund(owner.key);
  directory = temporaryDirectory(wholeFile);
  const output = await done(["bond", "deploy", "-chainid", "31337"]);
  assert.match(output, /^ {2}exit delay +21 days$/m);
  bond = /^Bond +(0x[0-9a-f]{40})$/m.exec(output)![1] as Hex;
  const place = ["-dbpath", `${directory}/db`, "-guard", `${directory}/guard`, "-p2pport", "0"];
  const env = { OPERATOR_PRIVATE_KEY: toHex(operator.key) };
  const genesis = ["-chainid", "31337", "-bond", bond, "-solo"];
  ({ url } = await launchNode(wholeFile, [...place, ...genesis], { env }));
});

test("deploying the same terms again sends nothing, and terms that let a cheater escape are refused", async () => {
  assert.match(await done(["bond", "deploy", "-chainid", "31337"]), /nothing was sent/);
  await refused(["bond", "deploy", "-chainid", "10"], /on chain 31337, the log's bond on chain 10/);
  await refused(["bond", "deploy", "-chainid", "31337", "-exit-delay", "20d"], /ParameterOutOfBounds/);
});

test("a bond lives from registration to withdrawal", async () => {
  assert.equal((await status()).status, "none");
  const receipt = `${directory}/receipt.json`;
  const { stdout: receiptText } = await sequencer(["receipt", "-url", url, "0"]);
  writeFileSync(receipt, receiptText);
  const { logId } = await call(url, "sequencer_info");
  const verified = () => done(["verify", "-log", logId, receipt]);
  const possession = (await done(["bond", "possession", "-owner", toHex(owner.address)])).trim();
  const stranger = { OPERATOR_PRIVATE_KEY: toHex(owner.key) };
  const [, , , unregistered, offline] = await Promise.all([
    refused(["bond", "anchor"], /no bond is registered.*bond register/),
    refused(["bond", "register", "-stake", "0.5ether", "-possession", possession], /StakeTooSmall/),
    refused(["bond", "register", "-stake", "2ether"], /not that of the log's operator/, stranger),
    verified(),
    sequencer(["verify", "-log", logId, receipt]),
  ]);
  assert.match(unregistered, /^ {2}bond +UNBONDED: the operator never registered/m);
  assert.match(
    offline.stdout,
    /^ {2}bond +open: whether a stake stands behind it; ask with -l2rpc of chain 31337$/m,
  );
  const registered = await done(
    ["bond", "register", "-stake", "2ether", "-possession", possession],
    stranger,
  );
  assert.match(registered, /^ {2}stake +2 ether \(2000000000000000000 wei\)$/m);
  assert.match(await verified(), /^ {2}bond +UNANCHORED: active with 2 ether/m);
  await done(["bond", "anchor"]);
  const [again, bondedReceipt] = await Promise.all([
    done(["bond", "anchor"]),
    verified(),
    refused(["bond", "withdraw"], /WrongStatus\(active\)/),
    refused(["bond", "exit"], /NotOwner|cannot pay/, { CHAIN_PRIVATE_KEY: toHex(poor.key) }),
  ]);
  assert.match(again, /anchored already: nothing was sent/);
  assert.match(bondedReceipt, /^ {2}bond +BONDED: active with 2 ether .*; anchored at size 1/m);
  await done(["bond", "top-up", "-stake", "1wei"]);
  const { owner: kept, stakeWei, anchoredSize, ...active } = await status();
  assert.deepEqual(
    [active.status, active.exitAt, kept, stakeWei, anchoredSize],
    ["active", null, toHex(owner.address), "2000000000000000001", 1],
  );
  assert.match(await done(["bond", "exit"]), /after 21 days/);
  await done(["bond", "cancel-exit"]);
  await done(["bond", "exit"]);
  await refused(["bond", "withdraw"], /TooEarly/);
  await anvil.passTime(21 * DAY_SECONDS + 1);
  await done(["bond", "withdraw"]);
  assert.match(await done(["bond", "status"]), /^WITHDRAWN/);
});

test("nothing is sent without consent, without a key, or without a unit", async () => {
  const args = ["bond", "top-up", "-l2rpc", anvil.rpcUrl, "-url", url];
  const env = { CHAIN_PRIVATE_KEY: toHex(owner.key) };
  const before = await anvil.client.getTransactionCount({ address: toHex(owner.address) });
  const [unasked, keyless, unitless, unknown] = await Promise.all([
    sequencer([...args, "-stake", "1wei"], { env }),
    sequencer([...args, "-stake", "1wei"]),
    sequencer([...args, "-stake", "1"], { env }),
    sequencer(["bond", "spend"]),
  ]);
  assert.match(unasked.stderr, /nothing was sent.*-yes/);
  assert.match(keyless.stderr, /no key to pay.*-chain-key/);
  assert.match(unitless.stderr, /amount with its unit/);
  assert.deepEqual([unasked.code, keyless.code, unitless.code, unknown.code], [1, 1, 2, 2]);
  assert.equal(await anvil.client.getTransactionCount({ address: toHex(owner.address) }), before);
});

test("evidence is checked offline, submitted once, and no failure the second time", async () => {
  const network = await deployed("evidence");
  const file = `${directory}/evidence.json`;
  writeFileSync(file, formatEvidence(network.sameSize(9)));
  const open = await done(["evidence", "verify", file]);
  assert.match(open, /^VALID: evidence of the kind same-size$/m);
  const [offline, other] = await Promise.all([
    sequencer(["evidence", "verify", file]),
    sequencer(["evidence", "verify", "-operator", toHex(owner.address), file]),
  ]);
  assert.match(offline.stdout, /^Open: whether the signer is this log's operator/m);
  assert.equal(other.code, 1);
  assert.match(other.stderr, /not signed by this log's operator/);
  assert.match(await done(["evidence", "submit", file]), /^SLASHED: transaction 0x/m);
  assert.match(await done(["evidence", "submit", file]), /^ALREADY SLASHED/m);
});

test("a challenge is opened, waits, and slashes an operator that is silent", async () => {
  const network = await deployed("silent");
  const file = `${directory}/question.json`;
  const [older, newer] = network.inconsistent(8, 12).heads;
  writeFileSync(file, formatEvidence(network.question(older, newer)));
  assert.match(await done(["evidence", "verify", file]), /^WELL-FORMED/m);
  assert.match(await done(["evidence", "submit", file]), /^CHALLENGED/m);
  assert.match(await done(["evidence", "submit", file]), /^OPEN/m);
  await anvil.passTime(7 * DAY_SECONDS + 1);
  assert.match(await done(["evidence", "submit", file]), /^SLASHED/m);
  const owed = await done(["bond", "claim"]);
  assert.match(owed, /^Claimed/m);
});

test("watch keeps the evidence of two servers that show different histories, and ends when it is asked", async (t) => {
  const appended = await sequencer(["append", "-url", url, "first"], {
    env: { OPERATOR_PRIVATE_KEY: toHex(operator.key) },
  });
  assert.equal(appended.code, 0, appended.stderr);
  const mirror = await serveForkFiles(t, await forkOf(url, operator.key, 2));
  const directory = temporaryDirectory(t);
  const tower = launch(t, ["watch", "-url", `${url},${mirror}`, "-dbpath", directory]);
  await tower.printed(/^Watching +0x[0-9a-f]{64} at /m);
  while (!tower.stderr.includes("EQUIVOCATION")) await once(tower.child.stderr!, "data");
  tower.signal("SIGTERM");
  const ended = await tower.finished();
  assert.deepEqual([ended.code, tower.child.signalCode], [0, null], ended.stderr.slice(-1500));
  const [file] = readdirSync(`${directory}/evidence`);
  const { code, stdout } = await sequencer([
    ...["evidence", "verify", "-operator", toHex(operator.address)],
    `${directory}/evidence/${file}`,
  ]);
  assert.equal(code, 0);
  assert.match(stdout, /^VALID: evidence of the kind inconsistent$/m);
});

/** A registered log under the contract, whose operator signs anything. */
async function deployed(name: string): Promise<BondedLog> {
  const domain: LogDomain = {
    chainId: 31337,
    bond: fromHex(bond),
    logId: new Uint8Array(32).fill(name.length),
  };
  const log = new BondedLog(domain, operator.key);
  await log.register(await openBond({ rpcUrl: anvil.rpcUrl, domain, pollMs: 10, privateKey: owner.key }));
  return log;
}
