/**
 * `start` as users run it: keys, genesis, refusals; secrets are never printed.
 */
import assert from "node:assert/strict";
import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { test } from "node:test";
import { toHex } from "../../src/base/bytes.ts";
import { accountOf, operator, writer } from "../helpers/accounts.ts";
import { checkLog } from "../helpers/check-served-log.ts";
import { temporaryDirectory } from "../helpers/cleanup.ts";
import { launchNode, sequencer } from "../helpers/process.ts";
import { call } from "../helpers/rpc.ts";

const P2P_KEY =
  "0x0801124098bba74fbc32342624d74e8e523644be41d1e745b21af54933735ea6f0d92de17f7858dd065ece3d57a79a48b203664a63c356fb53c2dd3c5ce6a92aca4ebc39";
const PEER_ID = "12D3KooWJPxP7QYvfkDoHRXFirAixtvmy3dMjy1eszPza7oFqdgt";
const OPERATOR_KEY = toHex(operator.key);

/** Every secret that must never be printed, in the ways that it could be. */
function assertSecret(output: string, ...keys: readonly string[]): void {
  for (const key of keys) {
    const digits = key.replace(/^0x/, "").toLowerCase();
    assert(!output.toLowerCase().includes(digits.slice(0, 24)), "the beginning of a key was printed");
    assert(!output.toLowerCase().includes(digits.slice(-24)), "the end of a key was printed");
  }
}

test("the first command of all starts a primary with the peer id of its key", async (t) => {
  const cwd = temporaryDirectory(t);
  const env = {
    PRIVATE_KEY: P2P_KEY,
    XDG_STATE_HOME: `${cwd}/state`,
    SEQUENCER_RPCPORT: "0",
    SEQUENCER_P2PPORT: "0",
  };
  const args = ["-dbpath", "tmp/db", "-mode", "primary"];
  // As it is written down: only the ports come from elsewhere.
  const node = await launchNode(t, args, { cwd, env });
  assert.match(node.stdout, new RegExp(`^P2P multiaddr: /ip4/\\S+/p2p/${PEER_ID}$`, "m"));
  assert.match(node.stdout, /^No operator key was given: made one and kept it in tmp\/db\/operator.key\.$/m);
  assert.match(node.stdout, /^UNBONDED/m);
  assert.match(node.stdout, /^Warning: the operator is an admin too/m);
  assert.match(node.stdout, /^Size +1$/m);
  const made = readFileSync(`${cwd}/tmp/db/operator.key`, "utf8").trim();
  assert.equal(statSync(`${cwd}/tmp/db/operator.key`).mode & 0o777, 0o600);
  const { operator: address, logId } = await call(node.url, "sequencer_info");
  assert.match(
    (await call(node.url, "sequencer_info")).origin,
    new RegExp(`^localhost/sequencer/${address}/\\d+$`),
  );
  assert.deepEqual(await call(node.url, "sequencer_permissions"), [{ account: address, role: "admin" }]);

  const second = await sequencer(["start", ...args], { cwd, env });
  assert.equal(second.code, 1);
  assert.match(second.stderr, /^sequencer: .*in use by another process.*$/m);

  node.signal("SIGTERM");
  const { stdout, stderr } = await node.finished();
  assertSecret(stdout + stderr + second.stdout + second.stderr, P2P_KEY, made);
  const again = await launchNode(t, args, { cwd, env });
  assert.equal((await call(again.url, "sequencer_info")).logId, logId, "the key that was kept is used again");
  assert.doesNotMatch(again.stdout, /made one/);
});

test("without any key both are made, kept with mode 0600, and used again", async (t) => {
  const directory = temporaryDirectory(t);
  const args = ["-dbpath", `${directory}/db`, "-guard", `${directory}/guard`, "-loglevel", "debug"];
  const first = await launchNode(t, args, { env: { PRIVATE_KEY: "", OPERATOR_PRIVATE_KEY: "" } });
  const [, peerId] = /^P2P multiaddr: \S+\/p2p\/(\S+)$/m.exec(first.stdout)!;
  first.signal("SIGTERM");
  const { stdout, stderr } = await first.finished();
  const keys = ["p2p.key", "operator.key"].map((name) => {
    assert.equal(statSync(`${directory}/db/${name}`).mode & 0o777, 0o600);
    return readFileSync(`${directory}/db/${name}`, "utf8").trim();
  });
  assertSecret(stdout + stderr, ...keys);
  for (const name of readdirSync(`${directory}/guard`)) {
    assert.equal(statSync(`${directory}/guard/${name}`).mode & 0o077, 0, name);
  }
  const again = await launchNode(t, args);
  assert.match(again.stdout, new RegExp(`^P2P multiaddr: \\S+/p2p/${peerId}$`, "m"));
});

test('-dbpath "" keeps everything in memory, and says so', async (t) => {
  const cwd = temporaryDirectory(t);
  const env = { OPERATOR_PRIVATE_KEY: OPERATOR_KEY.slice(2), PRIVATE_KEY: P2P_KEY };
  const node = await launchNode(t, ["-dbpath", "", "-mode", "primary", "-peers", ""], { cwd, env });
  assert.match(node.stdout, /^The log is kept in memory: it ends with this process\.$/m);
  assert.equal((await call(node.url, "sequencer_info")).operator, toHex(operator.address));
  await checkLog(node.url);
  assert.deepEqual(readdirSync(cwd), []);
});

test("genesis is as the flags say, from addresses or from a file", async (t) => {
  const directory = temporaryDirectory(t);
  const writers = [writer, accountOf(9), accountOf(3)].map(({ address }) => toHex(address));
  writeFileSync(`${directory}/writers`, `${writers.join("\n")}\n`);
  const genesis = [
    ...["-admins", toHex(accountOf(5).address), "--writers", `${directory}/writers`],
    ...["-origin=example.com/mine", "--lifetime=5000", "-chainid", "31337"],
  ];
  const env = { OPERATOR_PRIVATE_KEY: OPERATOR_KEY };
  const place = ["-dbpath", `${directory}/db`, "-guard", `${directory}/guard`];
  const node = await launchNode(t, [...place, ...genesis], { env });
  const info = await call(node.url, "sequencer_info");
  assert.deepEqual(
    [info.origin, info.maxTransactionLifetimeMs, info.chainId],
    ["example.com/mine", 5_000, 31_337],
  );
  const roles = await call(node.url, "sequencer_permissions");
  assert.deepEqual(
    roles
      .filter(({ role }: { role: string }) => role === "writer")
      .map((one: { account: string }) => one.account),
    [...writers].sort(),
  );
  assert.doesNotMatch(node.stdout, /Warning: the operator is an admin/);
  await node.kill();
  const refusals: [args: string[], message: RegExp][] = [
    [[...place, "-origin", "example.com/other"], /origin is example.com\/other.*Genesis never changes/],
    [[...place, "-log", `0x${"11".repeat(32)}`], /the database holds log 0x/],
    [
      ["-dbpath", `${directory}/empty`, "-guard", `${directory}/guard`, "-log", info.logId],
      /-log names .* empty/,
    ],
    [
      ["-dbpath", `${directory}/new`, "-guard", `${directory}/guard`, ...genesis],
      /already signs a log of origin/,
    ],
  ];
  for (const [args, message] of refusals) {
    const { code, stderr } = await sequencer(["start", "-rpcport", "0", "-p2pport", "0", ...args], { env });
    assert.equal(code, 1, stderr);
    assert.match(stderr, message);
    const said = stderr.split("\n").filter((line) => !line.startsWith("{") && line !== "");
    assert.equal(said.length, 1, "one line besides the log's");
    assertSecret(stderr, OPERATOR_KEY);
  }
});

test("what cannot be a start is refused in one line that says what to do", async (t) => {
  const directory = temporaryDirectory(t);
  const place = [
    "-dbpath",
    `${directory}/db`,
    "-guard",
    `${directory}/guard`,
    "-rpcport",
    "0",
    "-p2pport",
    "0",
  ];
  writeFileSync(`${directory}/unknown.json`, '{"colour": "red"}');
  const cases: [args: string[], env: Record<string, string>, code: number, message: RegExp][] = [
    [
      ["start", ...place],
      { PRIVATE_KEY: OPERATOR_KEY },
      1,
      /PRIVATE_KEY is the P2P identity.*OPERATOR_PRIVATE_KEY/,
    ],
    [
      ["start", ...place],
      { OPERATOR_PRIVATE_KEY: P2P_KEY },
      1,
      /OPERATOR_PRIVATE_KEY is not.*sequencer init/,
    ],
    [["start", ...place, "-writers", "0x12"], {}, 2, /is not an address/],
    [["start", ...place, "-writers", `${directory}/nowhere`], {}, 1, /cannot read .*nowhere/],
    [["start", ...place, "-recover-guard"], {}, 2, /go together/],
    [["start", ...place, "-trust-proxy", "192.0.2.1,loopback"], {}, 2, /addresses, or networks .*"loopback"/],
    [["start", ...place, "-config", `${directory}/unknown.json`], {}, 2, /sets colour/],
    [
      ["start", ...place, "-key", `${directory}/nowhere`],
      { SEQUENCER_KEY_PASSWORD: "x" },
      1,
      /cannot open the key file/,
    ],
    [["frobnicate"], {}, 2, /no command frobnicate/],
  ];
  // A few at a time: each is a process.
  for (let i = 0; i < cases.length; i += 3) {
    const some = cases.slice(i, i + 3);
    const results = await Promise.all(
      some.map(([args, env], at) => {
        const own = args.map((arg) => (arg === `${directory}/db` ? `${directory}/db${i + at}` : arg));
        return sequencer(own, { env });
      }),
    );
    results.forEach(({ code, stdout, stderr }, at) => {
      const [args, env, expected, message] = some[at]!;
      assert.equal(code, expected, `${args.join(" ")}: ${stdout}${stderr}`);
      assert.match(stderr, message);
      assert.match(stderr, /^sequencer: [^\n]+\n$/, "one line");
      assertSecret(stdout + stderr, ...Object.values(env).filter((value) => value.length > 60));
    });
  }
});
