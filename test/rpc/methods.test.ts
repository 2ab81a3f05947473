/**
 * Every method of SPEC section 5 from outside: the exact fields of its results, and what it refuses.
 */
import assert from "node:assert/strict";
import { before, test } from "node:test";
import { toHex, u64be } from "../../src/base/bytes.ts";
import { Permissions } from "../../src/permission/policy.ts";
import type { Backend } from "../../src/rpc/backend.ts";
import { rpcMethods } from "../../src/rpc/methods.ts";
import { newWriter, operator, stranger, writer } from "../helpers/accounts.ts";
import { checkLog } from "../helpers/check-served-log.ts";
import { leafHashOf, referenceConsistency } from "../helpers/merkle-reference.ts";
import { startTestPrimary, type TestPrimary } from "../helpers/primary.ts";
import { batch, call, failure } from "../helpers/rpc.ts";
import { genesis } from "../helpers/stored-log.ts";
import { wholeFile } from "../helpers/whole-file.ts";

let primary: TestPrimary;
let url: string;
before(async () => {
  primary = await startTestPrimary(wholeFile);
  url = primary.url;
});

const append = async (options?: unknown) =>
  await call(url, "sequencer_append", [primary.transaction(), ...(options === undefined ? [] : [options])]);

test("an append answers log, place, id, time, head and proof, and nothing else", async () => {
  const receipt = await append();
  assert.deepEqual(Object.keys(receipt), ["logId", "sequence", "id", "timestamp", "checkpoint", "proof"]);
  assert.deepEqual(Object.keys(receipt.checkpoint), ["size", "root", "signature"]);
  assert.equal(receipt.logId, toHex(primary.node.log.logId));
  assert(receipt.checkpoint.size > receipt.sequence);
  assert.match(receipt.checkpoint.signature, /^0x[0-9a-f]{130}$/);
  assert(Math.abs(receipt.timestamp - Date.now()) < 10_000);
  await checkLog(url, [receipt]);
});

test("an append with receipt ack leaves out the proof alone", async () => {
  const receipt = await append({ receipt: "ack" });
  assert.deepEqual(Object.keys(receipt), ["logId", "sequence", "id", "timestamp", "checkpoint"]);
  assert.equal("proof" in (await append({ receipt: "full" })), true);
  assert.equal("proof" in (await append({})), true);
});

test("parameters by name mean the same as by position", async () => {
  const receipt = await call(url, "sequencer_append", {
    tx: primary.transaction(),
    options: { receipt: "ack" },
  });
  assert.deepEqual(
    await call(url, "sequencer_receipt", { sequence: receipt.sequence }),
    await call(url, "sequencer_receipt", [receipt.sequence]),
  );
  assert.deepEqual(
    await call(url, "sequencer_receipt", { id: receipt.id }),
    await call(url, "sequencer_receipt", [receipt.id]),
  );
  assert.deepEqual(
    await call(url, "sequencer_read", { from: 0, to: 0 }),
    await call(url, "sequencer_read", [0, 0]),
  );
  assert.deepEqual(
    await call(url, "sequencer_consistency", { from: 1, to: 2 }),
    await call(url, "sequencer_consistency", [1, 2]),
  );
});

test("hexadecimal of either case is taken, and lower case is answered", async () => {
  const upper = (text: string): string => `0x${text.slice(2).toUpperCase()}`;
  const receipt = await call(url, "sequencer_append", [upper(primary.transaction())]);
  assert.match(receipt.id, /^0x[0-9a-f]{64}$/);
  assert.equal((await call(url, "sequencer_receipt", [upper(receipt.id)])).sequence, receipt.sequence);
  const account = upper(toHex(writer.address));
  assert.deepEqual(await call(url, "sequencer_permissions", [account]), {
    account: toHex(writer.address),
    role: "writer",
  });
});

test("a repeat is answered with the first place and time under a head that covers it", async () => {
  const tx = primary.transaction();
  const first = await call(url, "sequencer_append", [tx]);
  await append();
  const again = await call(url, "sequencer_append", [tx]);
  assert.deepEqual([again.sequence, again.timestamp, again.id], [first.sequence, first.timestamp, first.id]);
  assert(again.checkpoint.size > first.checkpoint.size);
  await checkLog(url, [first, again]);
});

test("copies in one batch are one entry", async () => {
  const tx = primary.transaction();
  const answers = await batch(
    url,
    [1, 2, 3].map(() => ({ method: "sequencer_append", params: [tx] })),
  );
  const sequences = answers.map(({ result }) => (result as { sequence: number }).sequence);
  assert.equal(new Set(sequences).size, 1);
});

test("a batch is ordered as in the array, around the elements that are refused", async () => {
  const refused = primary.transaction({ by: stranger });
  const txs = Array.from({ length: 60 }, (_, i) => (i % 7 === 3 ? refused : primary.transaction()));
  const answers = await batch(
    url,
    txs.map((tx) => ({ method: "sequencer_append", params: [tx] })),
  );
  const sequences: number[] = [];
  answers.forEach(({ result, error }, i) => {
    if (i % 7 === 3) assert.equal(error?.data?.reason, "not-permitted");
    else sequences.push((result as { sequence: number }).sequence);
  });
  assert.deepEqual(
    sequences,
    sequences.map((_, i) => sequences[0]! + i),
  );
});

test("a batch answers every call on its own, whatever the others are", async () => {
  const answers = await batch(url, [
    { method: "sequencer_info" },
    { method: "sequencer_nothing" },
    { method: "sequencer_read", params: { from: -1 } },
    { method: "sequencer_append", params: [primary.transaction()] },
    { method: "sequencer_append", params: ["0x53"] },
    { method: "sequencer_receipt", params: [1_000_000] },
  ]);
  assert.deepEqual(
    answers.map(({ error }) => error?.code),
    [undefined, -32601, -32602, undefined, -32003, -32001],
  );
});

test("info says what the log and the node are", async () => {
  const info = await call(url, "sequencer_info");
  assert.deepEqual(Object.keys(info), [
    ...["mode", "version", "logId", "origin", "chainId", "bond", "operator", "noteKey"],
    ...["maxTransactionLifetimeMs", "size", "root", "checkpoint", "firstSequence", "lastTimestamp", "now"],
    ...["peers", "multiaddrs", "limits"],
  ]);
  assert.equal(info.mode, "primary");
  assert.equal(info.origin, "example.com/log");
  assert.equal(info.chainId, 1);
  assert.equal(info.bond, `0x${"00".repeat(20)}`);
  assert.equal(info.operator, toHex(operator.address));
  assert.equal(info.maxTransactionLifetimeMs, 120_000);
  assert.equal(info.firstSequence, 0);
  assert(Math.abs(info.now - Date.now()) < 10_000);
  assert.match(info.checkpoint, new RegExp(`^example.com/log\n${info.size}\n`));
  const last = await call(url, "sequencer_read", [info.size - 1]);
  assert.equal(last.entries[0].timestamp, info.lastTimestamp);
});

test("read answers genesis, transactions and permission changes with their fields", async () => {
  const data = Uint8Array.of(1, 2, 3);
  const tx = primary.transaction({ data });
  const change = primary.permissionChange({ account: newWriter.address, role: "writer" });
  const { sequence, id, timestamp } = await call(url, "sequencer_append", [tx]);
  const changed = await call(url, "sequencer_append", [change]);
  const { entries } = await call(url, "sequencer_read", [sequence, changed.sequence]);
  assert.deepEqual(entries[0], {
    ...{ sequence, timestamp, id, type: "transaction", from: toHex(writer.address) },
    ...{ data: "0x010203", payload: tx },
  });
  assert.deepEqual(entries[1], {
    ...{ sequence: changed.sequence, timestamp: changed.timestamp, id: changed.id, type: "permission" },
    ...{ from: toHex(operator.address), account: toHex(newWriter.address), role: "writer", payload: change },
  });
  const [genesis] = (await call(url, "sequencer_read", [0, 0])).entries;
  assert.deepEqual([genesis.type, genesis.id, genesis.from, genesis.sequence], ["genesis", null, null, 0]);
  assert.deepEqual(Object.keys(genesis), ["sequence", "timestamp", "id", "type", "from", "payload"]);
});

test("a receipt by sequence number and by id proves the entry under the newest head", async () => {
  const { sequence, id } = await append();
  const receipt = await call(url, "sequencer_receipt", [sequence]);
  assert.deepEqual(receipt, await call(url, "sequencer_receipt", [id]));
  assert.deepEqual(Object.keys(receipt), [
    ...["logId", "sequence", "id", "timestamp", "payload", "checkpoint", "proof"],
  ]);
  assert.deepEqual(Object.keys(receipt.checkpoint), ["size", "root", "signature", "note"]);
  await checkLog(url, [receipt]);
  const genesis = await call(url, "sequencer_receipt", [0]);
  assert.equal(genesis.id, null);
  await checkLog(url, [genesis]);
});

test("a consistency proof is the one of RFC 6962", async () => {
  await append();
  const { entries, size } = await checkLog(url);
  const leaves = entries.map(leafHashOf);
  for (const [from, to] of [
    [1, size],
    [2, size],
    [size - 1, size],
    [3, 7],
    [size, size],
    [0, size],
  ] as const) {
    const { proof } = await call(url, "sequencer_consistency", [from, to]);
    const expected = Buffer.concat(referenceConsistency(from, leaves.slice(0, to)));
    assert.equal(proof, toHex(expected), `${from} to ${to}`);
  }
});

test("permissions follow the log: of one account, and of all in order", async () => {
  const account = toHex(stranger.address);
  const roleOf = async () => (await call(url, "sequencer_permissions", [account])).role;
  assert.equal(await roleOf(), "none");
  for (const role of ["writer", "admin", "none"] as const) {
    const change = primary.permissionChange({ account: stranger.address, role });
    await call(url, "sequencer_append", [change]);
    assert.equal(await roleOf(), role);
    const all = await call(url, "sequencer_permissions");
    assert.deepEqual(
      all.find((one: { account: string }) => one.account === account),
      role === "none" ? undefined : { account, role },
    );
    const accounts = all.map((one: { account: string }) => one.account);
    assert.deepEqual(accounts, [...accounts].sort());
  }
});

test("roles are listed for up to 10,000 accounts; in a larger log each account has to be asked for", () => {
  const permissions = Permissions.fromGenesis({ ...genesis, writers: [] });
  const backend = { log: { logId: new Uint8Array(32) }, permissions } as Partial<Backend> & { log: unknown };
  const { handle } = rpcMethods(backend as Backend).get("sequencer_permissions")!;
  const nobody = { name: "" };
  const account = (i: number): Uint8Array => Uint8Array.of(...new Uint8Array(12).fill(1), ...u64be(i));
  for (let i = 1; i < 10_000; i++) permissions.apply({ account: account(i), role: "writer" });
  assert.equal(JSON.parse(handle({}, nobody) as string).length, 10_000);
  permissions.apply({ account: account(0), role: "writer" });
  assert.throws(() => handle({}, nobody), { code: "invalid-params", data: { max: 10_000 } });
  const asked = handle({ account: toHex(account(0)) }, nobody) as string;
  assert.deepEqual(JSON.parse(asked), { account: toHex(account(0)), role: "writer" });
});

test("a revocation holds from its place in a batch on", async () => {
  const grant = primary.permissionChange({ account: stranger.address, role: "writer" });
  await call(url, "sequencer_append", [grant]);
  const revoke = primary.permissionChange({ account: stranger.address, role: "none" });
  const tx = () => primary.transaction({ by: stranger });
  const answers = await batch(
    url,
    [tx(), revoke, tx()].map((one) => ({ method: "sequencer_append", params: [one] })),
  );
  assert.deepEqual(
    answers.map(({ error }) => error?.data?.reason),
    [undefined, undefined, "not-permitted"],
  );
});

const WRONG: [method: string, params: unknown, code: number][] = [
  ["sequencer_append", [], -32602],
  ["sequencer_append", [42], -32602],
  ["sequencer_append", [null], -32602],
  ["sequencer_append", [{}], -32602],
  ["sequencer_append", ["53"], -32602],
  ["sequencer_append", ["0x5"], -32602],
  ["sequencer_append", ["0xzz"], -32602],
  ["sequencer_append", ["0X53"], -32602],
  ["sequencer_append", ["0x", "full"], -32602],
  ["sequencer_append", ["0x", []], -32602],
  ["sequencer_append", ["0x", { receipt: "none" }], -32602],
  ["sequencer_append", ["0x", { durability: "fsync" }], -32602],
  ["sequencer_append", ["0x", {}, 3], -32602],
  ["sequencer_append", { payload: "0x" }, -32602],
  ["sequencer_append", { tx: "0x", __proto__: null, constructor: 1 }, -32602],
  ["sequencer_append", "0x", -32600],
  ["sequencer_append", null, -32600],
  ["sequencer_append", ["0x"], -32003],
  ["sequencer_read", [], -32602],
  ["sequencer_read", ["0"], -32602],
  ["sequencer_read", [1.5], -32602],
  ["sequencer_read", [-1], -32602],
  ["sequencer_read", [2 ** 53], -32602],
  ["sequencer_read", [2, 1], -32602],
  ["sequencer_read", [0, "1"], -32602],
  ["sequencer_read", { from: 0, waitMs: 5 }, -32602],
  ["sequencer_read", [2 ** 53 - 1], -32001],
  ["sequencer_info", [1], -32602],
  ["sequencer_info", { verbose: true }, -32602],
  ["sequencer_receipt", [], -32602],
  ["sequencer_receipt", [true], -32602],
  ["sequencer_receipt", ["0x00"], -32602],
  ["sequencer_receipt", { sequence: 0, id: `0x${"00".repeat(32)}` }, -32602],
  ["sequencer_receipt", [2 ** 53 - 1], -32001],
  ["sequencer_receipt", [`0x${"00".repeat(32)}`], -32001],
  ["sequencer_consistency", [1], -32602],
  ["sequencer_consistency", [2, 1], -32602],
  ["sequencer_consistency", [1, 2 ** 53 - 1], -32001],
  ["sequencer_permissions", ["0x00"], -32602],
  ["sequencer_permissions", [7], -32602],
  ["sequencer_permissions", { address: "0x" }, -32602],
  ["sequencer_subscribe", [], -32601],
  ["__proto__", [], -32601],
  ["constructor", [], -32601],
];

for (const [method, params, code] of WRONG) {
  test(`${method} ${JSON.stringify(params)} is refused with ${code}`, async () => {
    const { size } = await call(url, "sequencer_info");
    const error = await failure(url, method, params);
    assert.equal(error.code, code, error.message);
    assert.equal(error.message.length > 0 && error.message.length < 500, true);
    if (code === -32001) assert.equal(error.data?.size, size);
    assert.equal((await call(url, "sequencer_info")).size, size);
  });
}
