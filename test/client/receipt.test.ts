/**
 * Receipt files: they hold without a node, and nothing of them can be changed.
 */
import assert from "node:assert/strict";
import { before, test } from "node:test";
import { privateKeyToAccount } from "viem/accounts";
import { fromHex, type Hex, toHex } from "../../src/base/bytes.ts";
import { connect } from "../../src/client/client.ts";
import { type ReceiptFile, toTlogProof, verifyReceipt } from "../../src/client/receipt.ts";
import { accountOf, writer } from "../helpers/accounts.ts";
import { hashesOf, leafOf, rootFromPath } from "../helpers/check-served-log.ts";
import { startTestPrimary } from "../helpers/primary.ts";
import { wholeFile } from "../helpers/whole-file.ts";

let receipt: ReceiptFile;
let other: ReceiptFile;
let logId: Hex;
before(async () => {
  const primary = await startTestPrimary(wholeFile, { dbPath: "" });
  const client = await connect(primary.url, { account: privateKeyToAccount(toHex(writer.key)) });
  for (let i = 0; i < 6; i++) await client.append(toHex(Uint8Array.of(i)));
  logId = client.logId;
  receipt = await client.receipt(3);
  const foreign = await startTestPrimary(wholeFile, { dbPath: "", operatorKey: accountOf(0x55).key });
  other = await (await connect(foreign.url)).receipt(0);
  await primary.node.close();
  await foreign.node.close();
});

test("a receipt file holds without the node, with nothing but the log's id", () => {
  const parsed = JSON.parse(JSON.stringify(receipt));
  assert.deepEqual(Object.keys(parsed), ["format", "genesis", "entry", "index", "proof", "note"]);
  assert.equal(parsed.format, "sequencer-receipt/1");
  const verified = verifyReceipt(parsed, logId);
  assert.deepEqual([verified.sequence, verified.logId, verified.head.size], [3, logId, 7]);
  assert.equal(toHex(leafOf(verified.timestamp, verified.payload)).length, 66);
});

test("every flipped byte of every field is found out", () => {
  for (const field of ["genesis", "entry", "proof"] as const) {
    const bytes = fromHex(receipt[field]);
    for (let i = 0; i < bytes.length; i++) {
      const flipped = Uint8Array.from(bytes);
      flipped[i]! ^= 1 << (i % 8);
      assert.throws(
        () => verifyReceipt({ ...receipt, [field]: toHex(flipped) }, logId),
        { code: "verification" },
        `${field} ${i}`,
      );
    }
  }
});

test("every changed character of the note is found out", () => {
  for (let i = 0; i < receipt.note.length; i++) {
    const changed = receipt.note[i] === "A" ? "B" : "A";
    const note = receipt.note.slice(0, i) + changed + receipt.note.slice(i + 1);
    assert.throws(
      () => verifyReceipt({ ...receipt, note }, logId),
      { code: "verification" },
      `character ${i}`,
    );
  }
});

test("fields that are missing, swapped, or of another type are found out", () => {
  const wrong: unknown[] = [
    ...[null, 1, "receipt", [], {}],
    ...[0, 2, 4, 7, -1, 1.5, "3", 2 ** 53, null].map((index) => ({ ...receipt, index })),
    ...["", "0x", "0x00", 7, null, `${receipt.proof}00`, `0x${"00".repeat(65 * 32)}`].map((proof) => ({
      ...receipt,
      proof,
    })),
    ...["", null, "note", receipt.note.slice(0, -1), `${receipt.note}\n`, "x".repeat(100_000)].map(
      (note) => ({
        ...receipt,
        note,
      }),
    ),
    ...["", "0x", null, receipt.genesis, `${receipt.entry}00`].map((entry) => ({ ...receipt, entry })),
    ...["sequencer-receipt/2", "", undefined].map((format) => ({ ...receipt, format })),
    { ...receipt, genesis: other.genesis },
    { ...receipt, note: other.note },
    other,
  ];
  for (const one of wrong) {
    assert.throws(
      () => verifyReceipt(one, logId),
      { code: "verification" },
      JSON.stringify(one)?.slice(0, 200),
    );
  }
  assert.throws(() => verifyReceipt(receipt, toHex(new Uint8Array(32))), { code: "verification" });
});

test("a .tlog-proof is the same proof, as C2SP writes it", () => {
  const text = toTlogProof(receipt);
  const [head, ...rest] = text.split("\n\n");
  assert.equal(rest.join("\n\n"), receipt.note);
  const [format, extra, index, ...hashes] = head!.split("\n");
  assert.equal(format, "c2sp.org/tlog-proof@v1");
  assert.equal(index, "index 3");
  const entry = Buffer.from(extra!.slice("extra ".length), "base64");
  assert.equal(toHex(entry), receipt.entry);
  const path = hashes.map((hash) => Buffer.from(hash, "base64"));
  assert.deepEqual(path, hashesOf(receipt.proof));
  const leaf = leafOf(Number(entry.readBigUInt64BE()), toHex(entry.subarray(8)));
  const root = Buffer.from(receipt.note.split("\n")[2]!, "base64");
  assert.deepEqual(rootFromPath(3, 7, leaf, path), root);
});
