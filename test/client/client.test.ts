/**
 * The client against an honest node: appending, permissions, reading, following, remembering.
 */
import assert from "node:assert/strict";
import { before, test } from "node:test";
import { privateKeyToAccount } from "viem/accounts";
import { toHex, utf8 } from "../../src/base/bytes.ts";
import { SequencerError } from "../../src/base/errors.ts";
import { connect, type SequencerClient } from "../../src/client/client.ts";
import type { AttestedHead } from "../../src/log/checkpoint.ts";
import { newWriter, operator, stranger, writer } from "../helpers/accounts.ts";
import { checkLog } from "../helpers/check-served-log.ts";
import { startTestPrimary, type TestPrimary } from "../helpers/primary.ts";
import { call } from "../helpers/rpc.ts";
import { wholeFile } from "../helpers/whole-file.ts";

let primary: TestPrimary;
let url: string;
let client: SequencerClient;
before(async () => {
  primary = await startTestPrimary(wholeFile);
  url = primary.url;
  client = await connect(url, { account: privateKeyToAccount(toHex(writer.key)) });
});

const reason = (error: unknown): unknown =>
  error instanceof SequencerError && error.code === "rejected" ? error.data?.reason : error;

test("a viem account appends, and gets a receipt that is verified", async () => {
  const receipt = await client.append(utf8("hello"));
  const { entries } = await call(url, "sequencer_read", [receipt.sequence, receipt.sequence]);
  assert.equal(entries[0].data, toHex(utf8("hello")));
  assert.deepEqual(
    [entries[0].id, entries[0].payload, entries[0].timestamp],
    [receipt.id, receipt.payload, receipt.timestamp],
  );
  assert.equal(receipt.logId, client.logId);
  await checkLog(url, [{ ...receipt, checkpoint: receipt.head }]);
});

test("data may be hexadecimal, and the same nonce and expiry are the same transaction", async () => {
  const options = { nonce: 7n, expires: Date.now() + 60_000 };
  const first = await client.append("0x0102", options);
  assert.deepEqual((await client.append("0x0102", options)).sequence, first.sequence);
  assert.notEqual((await client.append("0x0102")).sequence, first.sequence);
});

test("a batch gives a receipt or the refusal of each, in order", async () => {
  const outcomes = await client.appendBatch([utf8("a"), new Uint8Array(65_401), utf8("c")]);
  assert.equal(reason(outcomes[1]), "too-large");
  const [a, , c] = outcomes as { sequence: number }[];
  assert.equal(c!.sequence, a!.sequence + 1);
  assert.deepEqual(await client.appendBatch([]), []);
});

test("a batch is ordered as it was given", async () => {
  const outcomes = await client.appendBatch(Array.from({ length: 200 }, (_, i) => utf8(String(i))));
  const sequences = outcomes.map((one) => (one as { sequence: number }).sequence);
  assert.deepEqual(
    sequences,
    sequences.map((_, i) => sequences[0]! + i),
  );
});

test("an admin grants and revokes; who may not append is told so", async () => {
  const admin = await connect(url, { account: privateKeyToAccount(toHex(operator.key)) });
  const fresh = await connect(url, { account: privateKeyToAccount(toHex(newWriter.key)) });
  const refused = await fresh.append("0x00").catch(reason);
  assert.equal(refused, "not-permitted");
  await admin.grant(toHex(newWriter.address), "writer");
  await fresh.append("0x00");
  await admin.revoke(toHex(newWriter.address));
  assert.equal(await fresh.append("0x00").catch(reason), "not-permitted");
  assert.equal(await fresh.grant(toHex(newWriter.address), "admin").catch(reason), "not-permitted");
  assert.equal(await admin.revoke(toHex(operator.address)).catch(reason), "last-admin");
});

test("an account that signs with another key than its own is found out before anything is sent", async () => {
  const { size } = await call(url, "sequencer_info");
  const signer = privateKeyToAccount(toHex(stranger.key));
  const liar = await connect(url, {
    account: { address: toHex(writer.address), signTypedData: (data) => signer.signTypedData(data as never) },
  });
  await assert.rejects(liar.append("0x00"), { code: "key" });
  const nobody = await connect(url);
  await assert.rejects(nobody.append("0x00"), { code: "key" });
  assert.equal((await call(url, "sequencer_info")).size, size);
});

test("numbers that no transaction can hold are refused before anything is sent", async () => {
  for (const options of [
    { nonce: 2n ** 64n },
    { nonce: -1n },
    { expires: 2 ** 53 },
    { expires: -1 },
    { expires: 1.5 },
  ]) {
    await assert.rejects(client.append("0x00", options), (error) => {
      assert(error instanceof SequencerError, `${String(error)} is no SequencerError`);
      return true;
    });
  }
});

test("entries come verified, with their fields, from any place to the end", async () => {
  const { size } = await call(url, "sequencer_info");
  for (const from of [0, 1, 3, size - 1, size]) {
    const sequences: number[] = [];
    for await (const entry of client.entries({ from })) {
      sequences.push(entry.sequence);
      if (entry.sequence === 0) assert.deepEqual([entry.type, entry.id], ["genesis", undefined]);
      else
        assert.match(
          `${entry.type} ${entry.id} ${entry.from}`,
          /^(transaction|permission) 0x\w{64} 0x\w{40}$/,
        );
    }
    assert.deepEqual(
      sequences,
      Array.from({ length: size - from }, (_, i) => from + i),
    );
  }
  await assert.rejects(client.entries({ from: size + 1 }).next(), { code: "not-found" });
});

test("following ends when the signal says so", async () => {
  const { size } = await call(url, "sequencer_info");
  const stop = new AbortController();
  const seen: string[] = [];
  const following = (async () => {
    for await (const entry of client.entries({ from: size, follow: true, signal: stop.signal })) {
      seen.push(entry.data!);
      if (seen.length === 2) stop.abort();
    }
  })();
  await client.append("0xaa");
  await client.append("0xbb");
  await following;
  assert.deepEqual(seen, ["0xaa", "0xbb"]);
});

test("a head that is kept protects the next session", async () => {
  const heads: AttestedHead[] = [];
  const session = await connect(url, { onHead: (head) => heads.push(head) });
  assert.equal(session.knownHead, undefined);
  await session.head();
  assert.deepEqual(heads.at(-1), session.knownHead);
  await client.append("0x00");
  const next = await connect(url, { logId: session.logId, knownHead: session.knownHead! });
  const { size } = await next.head();
  assert(size > session.knownHead!.size);
  assert.equal(next.knownHead!.size, size);
});

test("info is the node's, with its checkpoint verified", async () => {
  const info = await client.info();
  assert.equal(info.logId, client.logId);
  assert.equal(info.size, client.knownHead!.size);
});

test("another log than the trusted one is refused", async () => {
  await assert.rejects(connect(url, { logId: `0x${"11".repeat(32)}` }), { code: "verification" });
  await assert.rejects(connect(`${url}/nothing`), { code: "verification" });
});
