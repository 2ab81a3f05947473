/**
 * Verifies a whole log from outside, by the rules of SPEC section 1 alone: what an auditor would do with the entries
 * and the signed head, sharing nothing with the code that ordered them but formats and hashes.
 */
import assert from "node:assert/strict";
import { toHex } from "../../src/base/bytes.ts";
import { recoverAddress } from "../../src/base/secp256k1.ts";
import { decodeEntry } from "../../src/log/entry.ts";
import { decodeGenesis } from "../../src/log/genesis.ts";
import type { Log } from "../../src/log/log.ts";
import { verifyInclusion } from "../../src/log/proof.ts";
import { decodeOperation, operationId } from "../../src/sequencing/transaction.ts";
import { leafHashOf, referenceRoot } from "./merkle-reference.ts";

/** @throws AssertionError that names the entry and the rule */
export function checkLog(log: Log): void {
  const head = log.signed;
  assert.ok(head !== undefined, "there is a signed head");
  const entries = [...log.entries(0, head.size)];
  const leaves = entries.map(({ entry }) => leafHashOf(entry));
  assert.equal(toHex(referenceRoot(leaves)), toHex(head.root), "the entries give the signed root");
  assert.equal(toHex(log.checkpoints.open(head.note)!.root), toHex(head.root), "the note is signed");
  assert.equal(toHex(leaves[0]!), toHex(log.logId));

  const first = decodeEntry(entries[0]!.entry)!;
  const genesis = decodeGenesis(first.payload);
  const roles = new Map<string, string>();
  for (const account of genesis.admins) roles.set(toHex(account), "admin");
  for (const account of genesis.writers) roles.set(toHex(account), "writer");
  const ids = new Set<string>();
  let last = first.timestamp;
  for (const { sequence, entry, id } of entries.slice(1)) {
    const at = `entry ${sequence}`;
    const { timestamp, payload } = decodeEntry(entry)!;
    const operation = decodeOperation(payload);
    const from = toHex(operation.from);
    assert.equal(toHex(operationId(log.context, operation)), toHex(id), `${at}: id`);
    assert.equal(toHex(recoverAddress(id, operation.signature)!), from, `${at}: signature`);
    assert.ok(timestamp <= operation.expires, `${at}: expired`);
    assert.ok(operation.expires <= timestamp + genesis.maxTransactionLifetimeMs, `${at}: expires too late`);
    assert.ok(timestamp >= last, `${at}: timestamp`);
    assert.ok(!ids.has(toHex(id)), `${at}: ordered twice`);
    const role = roles.get(from);
    assert.ok(operation.type === "transaction" ? role !== undefined : role === "admin", `${at}: role`);
    if (operation.type === "permission") {
      if (operation.role === "none") roles.delete(toHex(operation.account));
      else roles.set(toHex(operation.account), operation.role);
      assert.ok([...roles.values()].includes("admin"), `${at}: no admin left`);
    }
    ids.add(toHex(id));
    last = timestamp;
  }
  const index = head.size - 1;
  assert.ok(
    verifyInclusion(index, head.size, leaves[index]!, log.inclusionProof(index, head.size), head.root),
  );
}
