/**
 * Every command as a process of its own, against a node of the test.
 */
import assert from "node:assert/strict";
import { readFileSync, statSync, writeFileSync } from "node:fs";
import { before, test } from "node:test";
import { privateKeyFromProtobuf } from "@libp2p/crypto/keys";
import { peerIdFromPrivateKey } from "@libp2p/peer-id";
import { privateKeyToAccount, publicKeyToAddress } from "viem/accounts";
import { fromHex, type Hex, toHex, utf8 } from "../../src/base/bytes.ts";
import { verifyReceipt } from "../../src/client/receipt.ts";
import { newWriter, operator, writer } from "../helpers/accounts.ts";
import { checkLog } from "../helpers/check-served-log.ts";
import { temporaryDirectory } from "../helpers/cleanup.ts";
import { startTestPrimary, type TestPrimary } from "../helpers/primary.ts";
import { launch, type RunOptions, sequencer } from "../helpers/process.ts";
import { batch, call } from "../helpers/rpc.ts";
import { wholeFile } from "../helpers/whole-file.ts";

let primary: TestPrimary;
let directory: string;
let logId: Hex;
before(async () => {
  primary = await startTestPrimary(wholeFile);
  directory = temporaryDirectory(wholeFile);
  logId = toHex(primary.node.log.logId);
  const calls = Array.from({ length: 5 }, () => ({
    method: "sequencer_append",
    params: [primary.transaction()],
  }));
  await batch(primary.url, calls);
});

/** A command that succeeds, against the test's node; standard output. */
async function run(args: readonly string[], options: RunOptions = {}): Promise<string> {
  const { code, stdout, stderr } = await sequencer(args, {
    ...options,
    env: { ...(args[0] !== "verify" && { SEQUENCER_URL: primary.url }), ...options.env },
  });
  assert.equal(code, 0, stderr);
  assert.equal(stderr, "");
  return stdout;
}

const as = (account: { key: Uint8Array }) => ({ OPERATOR_PRIVATE_KEY: toHex(account.key) });

test("init prints two secrets and what belongs to them, new ones each time", async () => {
  const [first, second] = await Promise.all([sequencer(["init"]), sequencer(["init", "-p2pport", "30000"])]);
  const parse = (stdout: string, port: number) => {
    const line = (name: string): string => new RegExp(`^${name}: (.+)$`, "m").exec(stdout)![1]!;
    const secret = line("Core operator private key") as Hex;
    assert.match(secret, /^0x[0-9a-f]{64}$/);
    const publicKey = line("Core operator public key") as Hex;
    assert.match(publicKey, /^0x04[0-9a-f]{128}$/);
    assert.equal(publicKeyToAddress(publicKey), privateKeyToAccount(secret).address);
    const p2p = line("P2P private key") as Hex;
    assert.match(p2p, /^0x08011240[0-9a-f]{128}$/);
    const peerId = peerIdFromPrivateKey(privateKeyFromProtobuf(fromHex(p2p))).toString();
    assert.match(
      line("P2P multiaddr"),
      new RegExp(`^/ip4/\\d+\\.\\d+\\.\\d+\\.\\d+/tcp/${port}/p2p/${peerId}$`),
    );
    return secret;
  };
  assert.notEqual(parse(first.stdout, 24_445), parse(second.stdout, 30_000));
});

test("append, receipt and verify: from a text to a file that proves it offline", async () => {
  const [text, bytes] = await Promise.all([
    run(["append", "-log", logId, "hello"], { env: as(writer) }),
    run(["append", "--file", "-"], { env: as(writer), input: "\0\xff binary" }),
  ]);
  const receipt = JSON.parse(text);
  const { entries } = await call(primary.url, "sequencer_read", [receipt.sequence, receipt.sequence]);
  assert.equal(entries[0].data, toHex(utf8("hello")));
  assert.equal(JSON.parse(bytes).logId, logId);

  const [file, tlogProof] = await Promise.all([
    run(["receipt", String(receipt.sequence)]),
    run(["receipt", receipt.id, "-tlog-proof"]),
  ]);
  assert.equal(verifyReceipt(JSON.parse(file), logId).sequence, receipt.sequence);
  assert.match(tlogProof, new RegExp(`^c2sp.org/tlog-proof@v1\nextra [^\n]+\nindex ${receipt.sequence}\n`));
  writeFileSync(`${directory}/receipt.json`, file);
  writeFileSync(`${directory}/forged.json`, file.replace(/"index": \d+/, '"index": 1'));
  const [valid, forged, untrusted] = await Promise.all([
    run(["verify", "-log", logId, `${directory}/receipt.json`]),
    sequencer(["verify", "-log", logId, `${directory}/forged.json`]),
    sequencer(["verify", `${directory}/receipt.json`]),
  ]);
  assert.match(valid, new RegExp(`^VALID: entry ${receipt.sequence} of log ${logId}$`, "m"));
  assert.equal(forged.code, 1);
  assert.match(forged.stderr, /the receipt does not hold/);
  assert.equal(untrusted.code, 2);
  assert.match(untrusted.stderr, /-log/);
});

test("read prints verified entries, follows, and ends when it is interrupted", async (t) => {
  const three = await run(["read", "-from", "1", "-count", "3"]);
  const sequences = three
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line).sequence);
  assert.deepEqual(sequences, [1, 2, 3]);
  const { size } = await call(primary.url, "sequencer_info");
  const following = launch(t, ["read", "-follow", "-from", String(size)], {
    env: { SEQUENCER_URL: primary.url },
  });
  const receipt = await call(primary.url, "sequencer_append", [primary.transaction()]);
  await following.printed(new RegExp(`"id":"${receipt.id}"`));
  following.signal("SIGINT");
  const { code, stderr } = await following.finished();
  assert.deepEqual([code, stderr], [0, ""]);
});

test("grant and revoke change who may append", async () => {
  const account = toHex(newWriter.address);
  const granted = JSON.parse(await run(["grant", account], { env: as(operator) }));
  assert.equal((await call(primary.url, "sequencer_permissions", [account])).role, "writer");
  await run(["grant", "-role", "admin", account], { env: as(operator) });
  assert.equal((await call(primary.url, "sequencer_permissions", [account])).role, "admin");
  await run(["revoke", account], { env: as(operator) });
  assert.equal((await call(primary.url, "sequencer_permissions", [account])).role, "none");
  await checkLog(primary.url, [{ ...granted, checkpoint: granted.head }]);
});

test("key files are encrypted, have mode 0600, are never overwritten, and sign", async () => {
  const file = `${directory}/writer.json`;
  const env = { SEQUENCER_KEY_PASSWORD: "correct horse", ...as(writer) };
  assert.equal(await run(["key", "import", "-key", file], { env }), `${toHex(writer.address)}\n`);
  assert.equal(statSync(file).mode & 0o777, 0o600);
  assert(!readFileSync(file, "utf8").includes(toHex(writer.key).slice(2)));
  writeFileSync(`${directory}/password`, "correct horse\n");
  const [shown, appended, again, wrong] = await Promise.all([
    run(["key", "show", "-key", file]),
    run(["append", "-key", file, "-password-file", `${directory}/password`, "0xabcd"]),
    sequencer(["key", "import", "-key", file], { env }),
    sequencer(["append", "-key", file, "-url", primary.url, "x"], {
      env: { SEQUENCER_KEY_PASSWORD: "wrong" },
    }),
  ]);
  assert.equal(shown, `${toHex(writer.address)}\n`);
  const made = await run(["key", "new", "-key", `${directory}/new.json`], { env });
  assert.match(made, /^0x[0-9a-f]{40}\n$/);
  assert.notEqual(made, shown, "a new key is not the one in the environment");
  const { entries } = await call(primary.url, "sequencer_read", [JSON.parse(appended).sequence]);
  assert.deepEqual([entries[0].data, entries[0].from], ["0xabcd", toHex(writer.address)]);
  assert.equal(again.code, 1);
  assert.match(again.stderr, /cannot write/);
  assert.equal(wrong.code, 1);
  assert.match(wrong.stderr, /the password is wrong/);
  for (const { stdout, stderr } of [again, wrong]) {
    assert.doesNotMatch(stdout + stderr, /correct horse|(11){16}/);
  }
});

test("verify audits the whole log by URL, and info and help say what there is", async () => {
  const [verified, info, help] = await Promise.all([
    run(["verify", "-url", primary.url, "-log", logId]),
    run(["info"]),
    run(["append", "--help"]),
  ]);
  const { size, root } = await call(primary.url, "sequencer_info");
  assert.match(verified, new RegExp(`^VALID: log ${logId}$`, "m"));
  assert.match(verified, new RegExp(`entries +${size},`));
  assert.match(verified, new RegExp(`root +${root}`));
  assert.equal(JSON.parse(info).logId, logId);
  for (const flag of ["-url URL", "-key FILE", "-nonce N"]) assert(help.includes(flag), flag);
});

test("what fails says why in one line, with 1 for failures and 2 for wrong usage", async () => {
  const env = { SEQUENCER_URL: primary.url };
  const cases: [args: string[], env: Record<string, string>, code: number, message: RegExp][] = [
    [["append", "x"], env, 1, /there is no key to sign with.*key new/],
    [["append", "x"], { ...env, ...as(newWriter) }, 1, /may not append.*grant/],
    [["append", "-file", `${directory}/nowhere`], { ...env, ...as(writer) }, 1, /cannot read .*nowhere/],
    [["append", "-nonce", "18446744073709551616", "x"], { ...env, ...as(writer) }, 1, /below 2\^64/],
    [["receipt", "99999"], env, 1, /the log has \d+ entries/],
    [["read", "-from", "99999"], env, 1, /\d+ entries|refuses to stream/],
    [["verify", "-dbpath", `${directory}/nowhere`], {}, 1, /there is no database/],
    [["verify", "-url", `${primary.url}/nowhere`], {}, 1, /is not a signed checkpoint/],
  ];
  for (let i = 0; i < cases.length; i += 3) {
    const some = cases.slice(i, i + 3);
    const results = await Promise.all(
      some.map(([args, environment]) => sequencer(args, { env: environment })),
    );
    results.forEach(({ code, stdout, stderr }, at) => {
      const [args, , expected, message] = some[at]!;
      assert.equal(code, expected, `${args.join(" ")}: ${stdout}${stderr}`);
      assert.match(stderr, message);
      assert.match(stderr, /^sequencer: [^\n]+\n$/, "one line");
      assert.equal(stdout, "");
    });
  }
});
