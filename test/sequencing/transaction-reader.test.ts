/**
 * The reader in the workers lets through what the intake would let through to verification, and nothing else.
 */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { concatBytes, toHex, utf8 } from "../../src/base/bytes.ts";
import { ROLES } from "../../src/permission/policy.ts";
import { decodeOperation, operationId } from "../../src/sequencing/transaction.ts";
import { TransactionBatch } from "../../src/sequencing/transaction-batch.ts";
import { TransactionReader } from "../../src/sequencing/transaction-reader.ts";
import {
  newWriter,
  operator,
  permissionChangeOf,
  stranger,
  transactionOf,
  writer,
} from "../helpers/accounts.ts";
import { START } from "../helpers/stored-log.ts";
import { verifyByRecovery } from "../helpers/verify-by-recovery.ts";

const context = { separator: new Uint8Array(32).fill(1), logId: new Uint8Array(32).fill(2) };
const LIFETIME_MS = 60_000;
let nonce = 0n;

function openReader(): { reader: TransactionReader; verified: number[] } {
  const verified: number[] = [];
  const verify = (batch: Parameters<typeof verifyByRecovery>[0]): Uint8Array => {
    verified.push(batch.count);
    return verifyByRecovery(batch);
  };
  const reader = new TransactionReader({ verify }, () => START);
  const roles = [
    { account: operator.address, role: ROLES.admin },
    { account: writer.address, role: ROLES.writer },
  ];
  reader.note({ kind: "log", context, lifetimeMs: LIFETIME_MS, roles });
  return { reader, verified };
}

function transaction(from = writer, fields: { expires?: number; data?: Uint8Array } = {}): Uint8Array {
  const { expires = START + 1_000, data = utf8("data") } = fields;
  return transactionOf(context, from, { nonce: nonce++, expires, data });
}

function batchOf(packed: Uint8Array | undefined, count: number): TransactionBatch {
  assert.ok(packed !== undefined);
  return new TransactionBatch(count, packed);
}

test("a batch has what the intake would have found out", () => {
  const { reader } = openReader();
  const payloads = [
    transaction(),
    transaction(operator, { data: new Uint8Array(0), expires: START + 2 }),
    transaction(),
  ];
  const forged = decodeOperation(payloads[2]!);
  payloads[2]![payloads[2]!.length - 1]! ^= 1;
  const [packed] = reader.read([payloads]);
  const batch = batchOf(packed, 3);
  const of = <T>(get: (i: number) => T): T[] => [0, 1, 2].map(get);
  assert.deepEqual(
    of((i) => toHex(batch.payload(i))),
    payloads.map(toHex),
  );
  assert.deepEqual(
    of((i) => batch.payloadBytes(i, i + 1)),
    payloads.map(({ length }) => length),
  );
  assert.deepEqual([...batch.verdicts], [1, 1, 0]);
  assert.deepEqual(
    of((i) => batch.expires(i)),
    [START + 1_000, START + 2, START + 1_000],
  );
  assert.deepEqual(
    toHex(batch.senders),
    toHex(concatBytes(writer.address, operator.address, writer.address)),
  );
  assert.equal(toHex(batch.id(2)), toHex(operationId(context, forged)));
});

test("all requests of a job are verified as one, and each gets its own", () => {
  const { reader, verified } = openReader();
  const requests = [1, 4, 2].map((count) => Array.from({ length: count }, () => transaction()));
  const all = [requests[0], undefined, requests[1], [utf8("S")], requests[2]];
  const results = reader.read(all);
  assert.deepEqual(verified, [7]);
  for (const [i, request] of [requests[0], undefined, requests[1], undefined, requests[2]].entries()) {
    if (request === undefined) {
      assert.equal(results[i], undefined);
      continue;
    }
    const batch = batchOf(results[i], request.length);
    assert.deepEqual(
      request.map((_, j) => toHex(batch.payload(j))),
      request.map(toHex),
    );
    assert.ok(batch.verdicts.every((verdict) => verdict === 1));
    assert.equal(results[i]!.buffer, results[0]!.buffer, "one buffer crosses for all");
  }
});

suite("nothing is verified, and the intake has to decide", () => {
  const change = { nonce: 1n, expires: START + 1_000, account: stranger.address, role: "writer" as const };
  const cases: Record<string, () => Uint8Array> = {
    "a stranger's transaction": () => transaction(stranger),
    "an expired transaction": () => transaction(writer, { expires: START - 1 }),
    "a transaction that expires too late": () => transaction(writer, { expires: START + LIFETIME_MS + 1 }),
    "a permission change": () => permissionChangeOf(context, operator, change),
    "a payload that is none": () => utf8("nonsense"),
    "an empty payload": () => new Uint8Array(0),
    "a payload that is too large": () => new Uint8Array(70_000).fill(0x53),
  };
  for (const [name, make] of Object.entries(cases)) {
    test(name, () => {
      const { reader, verified } = openReader();
      assert.deepEqual(reader.read([[transaction(), make(), transaction()]]), [undefined]);
      assert.deepEqual(verified, []);
    });
  }

  test("anything before the log is known", () => {
    const reader = new TransactionReader({ verify: verifyByRecovery }, () => START);
    assert.deepEqual(reader.read([[transaction()]]), [undefined]);
  });
});

test("roles are those that it was told last", () => {
  const { reader } = openReader();
  assert.equal(reader.read([[transaction(newWriter)]])[0], undefined);
  reader.note({ kind: "role", account: newWriter.address, role: ROLES.writer });
  assert.ok(reader.read([[transaction(newWriter)]])[0] !== undefined);
  reader.note({ kind: "role", account: newWriter.address, role: ROLES.none });
  assert.equal(reader.read([[transaction(newWriter)]])[0], undefined);
});
