/**
 * Transactions that must not get in, and what their senders are told. SPEC section 5, errors.
 */
import assert from "node:assert/strict";
import { before, test } from "node:test";
import { concatBytes, fromHex, type Hex, toHex } from "../../src/base/bytes.ts";
import { rlpBytes, rlpInteger, rlpList } from "../../src/base/rlp.ts";
import { accountOf, operator, stranger, writer } from "../helpers/accounts.ts";
import { checkLog } from "../helpers/check-served-log.ts";
import { signers, startTestPrimary, type TestPrimary } from "../helpers/primary.ts";
import { batch, call, failure, plainRequest } from "../helpers/rpc.ts";
import { wholeFile } from "../helpers/whole-file.ts";

const ORDER = BigInt("0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141");

let primary: TestPrimary;
let url: string;
before(async () => {
  primary = await startTestPrimary(wholeFile);
  url = primary.url;
});

const refusal = async (tx: Hex) => {
  const { code, data, message } = await failure(url, "sequencer_append", [tx]);
  assert.equal(code, -32003, message);
  return data!;
};

/** The parts of a transaction's RLP list, to be put together wrongly. */
function partsOf(tx: Hex): Uint8Array[] {
  const bytes = fromHex(tx);
  const parts: Uint8Array[] = [];
  // A list of more than 55 bytes and fewer than 256: one byte of length.
  for (let at = 3; at < bytes.length; ) {
    const first = bytes[at]!;
    const end = at + (first < 0x80 ? 1 : 1 + first - 0x80);
    parts.push(bytes.subarray(at, end));
    at = end;
  }
  return parts;
}

const payload = (type: number, ...parts: Uint8Array[]): Hex =>
  toHex(concatBytes(Uint8Array.of(type), rlpList(parts)));

const MALFORMED: [what: string, spoil: (tx: Hex) => Hex][] = [
  ["nothing", () => "0x"],
  ["a type alone", () => "0x53"],
  ["a genesis", (tx) => `0x47${tx.slice(4)}`],
  ["a reserved type", (tx) => `0x45${tx.slice(4)}`],
  ["a transaction with the type of a permission change", (tx) => `0x50${tx.slice(4)}`],
  ["a byte too many", (tx) => `${tx}00`],
  ["a byte too few", (tx) => tx.slice(0, -2) as Hex],
  ["a field too many", (tx) => payload(0x53, ...partsOf(tx), rlpInteger(1))],
  ["a field too few", (tx) => payload(0x53, ...partsOf(tx).slice(0, -1))],
  ["a nonce with a leading zero", (tx) => spoilPart(tx, 1, rlpBytes(Uint8Array.of(0, 1)))],
  ["a nonce that is 0x00", (tx) => spoilPart(tx, 1, Uint8Array.of(0))],
  ["a nonce of nine bytes", (tx) => spoilPart(tx, 1, rlpBytes(new Uint8Array(9).fill(1)))],
  ["an expiry above 2^53 - 1", (tx) => spoilPart(tx, 2, rlpInteger(2n ** 53n))],
  ["an expiry that is a list", (tx) => spoilPart(tx, 2, rlpList([]))],
  ["a sender of 19 bytes", (tx) => spoilPart(tx, 0, rlpBytes(new Uint8Array(19).fill(1)))],
  ["an r of 33 bytes", (tx) => spoilPart(tx, 5, rlpBytes(new Uint8Array(33).fill(1)))],
  ["a parity of 256", (tx) => spoilPart(tx, 4, rlpInteger(256))],
  ["a small byte in two", (tx) => spoilPart(tx, 4, Uint8Array.of(0x81, 0x01))],
  ["a long length for a short list", (tx) => `0x53f90082${tx.slice(8)}`],
  ["a length beyond the end", () => "0x53fbffffffff00"],
];

function spoilPart(tx: Hex, index: number, part: Uint8Array): Hex {
  return payload(0x53, ...partsOf(tx).with(index, part));
}

test("the parts of a transaction put together again are accepted", async () => {
  await call(url, "sequencer_append", [payload(0x53, ...partsOf(primary.transaction()))]);
});

for (const [what, spoil] of MALFORMED) {
  test(`${what} is malformed`, async () => {
    const { size } = await call(url, "sequencer_info");
    assert.equal((await refusal(spoil(primary.transaction()))).reason, "malformed");
    assert.equal((await call(url, "sequencer_info")).size, size);
  });
}

const FORGED: [what: string, spoil: (tx: Hex) => Hex][] = [
  ["a high s", (tx) => highS(tx)],
  ["the other parity", (tx) => spoilPart(tx, 4, rlpInteger(isOdd(tx) ? 0 : 1))],
  ["parity 2", (tx) => spoilPart(tx, 4, rlpInteger(2))],
  ["parity 27", (tx) => spoilPart(tx, 4, rlpInteger(27))],
  ["r = 0", (tx) => spoilPart(tx, 5, rlpInteger(0))],
  ["s = 0", (tx) => spoilPart(tx, 6, rlpInteger(0))],
  ["r = n", (tx) => spoilPart(tx, 5, rlpInteger(ORDER))],
  ["other data than was signed", (tx) => spoilPart(tx, 3, rlpBytes(Uint8Array.of(9, 9, 9)))],
  ["another nonce than was signed", (tx) => spoilPart(tx, 1, rlpInteger(2n ** 64n - 1n))],
  ["the operator as sender", (tx) => spoilPart(tx, 0, rlpBytes(operator.address))],
];

const isOdd = (tx: Hex): boolean => partsOf(tx)[4]![0] === 1;

function highS(tx: Hex): Hex {
  const s = BigInt(toHex(partsOf(tx)[6]!.subarray(1)));
  const flipped = spoilPart(tx, 6, rlpInteger(ORDER - s));
  return spoilPart(flipped, 4, rlpInteger(isOdd(tx) ? 0 : 1));
}

for (const [what, spoil] of FORGED) {
  test(`a signature with ${what} is refused, with all that the sender needs to find out why`, async () => {
    const { reason, ...data } = await refusal(spoil(primary.transaction()));
    assert.equal(reason, "invalid-signature");
    assert.deepEqual(Object.keys(data), ["digest", "recovered", "logId", "chainId", "bond"]);
    assert.match(String(data.digest), /^0x[0-9a-f]{64}$/);
    assert.equal(data.logId, toHex(primary.node.log.logId));
    assert.equal(data.chainId, 1);
  });
}

test("a transaction signed for another log, chain or bond is refused", async () => {
  const { separator } = primary.node.log.context;
  const other = signers({ separator, logId: new Uint8Array(32).fill(7) });
  assert.equal((await refusal(other.transaction())).reason, "invalid-signature");
  const elsewhere = signers({ separator: new Uint8Array(32), logId: primary.node.log.logId });
  const { reason, recovered } = await refusal(elsewhere.transaction());
  assert.equal(reason, "invalid-signature");
  assert.notEqual(recovered, toHex(writer.address));
});

test("a transaction that has expired, or expires too late, is told the node's time", async () => {
  for (const [reason, expires] of [
    ["expired", Date.now() - 1_000],
    ["expired", 0],
    ["expires-too-late", Date.now() + 130_000],
    ["expires-too-late", 2 ** 53 - 1],
  ] as const) {
    const data = await refusal(primary.transaction({ expires }));
    assert.equal(data.reason, reason);
    assert(Math.abs(Number(data.serverTime) - Date.now()) < 10_000);
    assert.equal(data.maxExpires, Number(data.serverTime) + 120_000);
  }
});

test("who is no writer may not append, and who is no admin may not change permissions", async () => {
  assert.equal((await refusal(primary.transaction({ by: stranger }))).reason, "not-permitted");
  const account = stranger.address;
  for (const by of [writer, stranger]) {
    const change = primary.permissionChange({ account, role: "admin", by });
    assert.equal((await refusal(change)).reason, "not-permitted");
  }
});

test("the last admin stays", async () => {
  for (const role of ["none", "writer"] as const) {
    const change = primary.permissionChange({ account: operator.address, role });
    assert.equal((await refusal(change)).reason, "last-admin");
  }
  await call(url, "sequencer_append", [
    primary.permissionChange({ account: operator.address, role: "admin" }),
  ]);
});

test("two admins who dismiss each other in one batch leave one", async (t) => {
  const own = await startTestPrimary(t, { dbPath: "" });
  const second = accountOf(0x22);
  const make = (account: Uint8Array, role: "none" | "admin", by = operator) => ({
    method: "sequencer_append",
    params: [own.permissionChange({ account, role, by })],
  });
  await batch(own.url, [make(second.address, "admin")]);
  const answers = await batch(own.url, [
    make(second.address, "none"),
    make(operator.address, "none", second),
  ]);
  assert.deepEqual(
    answers.map(({ error }) => error?.data?.reason),
    [undefined, "not-permitted"],
  );
  await checkLog(own.url);
});

test("data of 65,400 bytes is accepted, a byte more is too large", async () => {
  await call(url, "sequencer_append", [primary.transaction({ data: new Uint8Array(65_400) })]);
  const data = await refusal(primary.transaction({ data: new Uint8Array(65_401) }));
  assert.deepEqual(data, { reason: "too-large", max: 65_400 });
  assert.equal((await refusal(`0x53${"ff".repeat(3_000_000)}`)).reason, "too-large");
});

test("the largest nonce and no data at all are fine", async () => {
  const { sequence } = await call(url, "sequencer_append", [
    primary.transaction({ nonce: 2n ** 64n - 1n, data: new Uint8Array(0) }),
  ]);
  const { entries } = await call(url, "sequencer_read", [sequence, sequence]);
  assert.equal(entries[0].data, "0x");
});

test("a flood of failed signatures costs its sender alone", async (t) => {
  const own = await startTestPrimary(t, { dbPath: "" });
  const append = (tx: Hex) => ({ jsonrpc: "2.0", id: 1, method: "sequencer_append", params: [tx] });
  const forged = (): Hex => spoilPart(own.transaction(), 3, rlpBytes(Uint8Array.of(1, 2)));
  const from = (localAddress: string, body: unknown) =>
    plainRequest(own.url, { method: "POST", localAddress, body: JSON.stringify(body) });
  let refused = false;
  for (let round = 0; round < 10 && !refused; round++) {
    const flood = from(
      "127.0.0.2",
      Array.from({ length: 1_000 }, () => append(forged())),
    );
    const honest = await from("127.0.0.1", append(own.transaction()));
    assert.equal(JSON.parse(honest.body).result.logId, toHex(own.node.log.logId));
    const answers = JSON.parse((await flood).body) as { error: { code: number } }[];
    refused = answers.every(({ error }) => error.code === -32005);
  }
  assert(refused, "the budget comes to an end");
  const single = await from("127.0.0.2", append(own.transaction()));
  assert.equal(single.status, 429);
  const { code, data } = JSON.parse(single.body).error;
  assert.equal(code, -32005);
  assert(data.retryAfterMs >= 20 && data.retryAfterMs <= 5_000);
  assert.match(String(single.headers["retry-after"]), /^[1-5]$/);
  const honest = await from("127.0.0.1", append(own.transaction()));
  assert.equal(honest.status, 200);
  await checkLog(own.url, [JSON.parse(honest.body).result]);
});

test("after all of this the log holds", async () => {
  await checkLog(url);
});
