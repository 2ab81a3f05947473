/**
 * The client against a node that lies, field by field.
 */
import assert from "node:assert/strict";
import { before, test } from "node:test";
import { privateKeyToAccount } from "viem/accounts";
import { fromHex, type Hex, toHex } from "../../src/base/bytes.ts";
import { checkpointDigest } from "../../src/base/eip712.ts";
import { recoveredFrom } from "../../src/base/secp256k1.ts";
import { connect, type SequencerClient } from "../../src/client/client.ts";
import { CheckpointSigner } from "../../src/sequencing/checkpoint-signer.ts";
import { operator, writer } from "../helpers/accounts.ts";
import { startTestPrimary, type TestPrimary } from "../helpers/primary.ts";
import { type Behaviour, startProxy, type TestProxy } from "../helpers/proxy.ts";
import { wholeFile } from "../helpers/whole-file.ts";

// biome-ignore lint/suspicious/noExplicitAny: lies are told about any field.
type Result = any;

const account = privateKeyToAccount(toHex(writer.key));
const honest: Behaviour = async () => undefined;

let primary: TestPrimary;
let proxy: TestProxy;
let forger: CheckpointSigner;
before(async () => {
  primary = await startTestPrimary(wholeFile, { dbPath: "" });
  proxy = await startProxy(wholeFile, primary.url, honest);
  const { genesis, context } = primary.node.log;
  forger = new CheckpointSigner(genesis, context, operator.key);
  const client = await connect(primary.url, { account });
  for (let i = 0; i < 5; i++) await client.append("0x01");
});

/** Changes the results of one method on their way to the client. */
function lie(method: string, change: (result: Result) => void): Behaviour {
  return async ({ body, answer }) => {
    if (!body.includes(`"${method}"`)) return undefined;
    const { status, body: text } = await answer();
    const parsed = JSON.parse(text);
    change(parsed.result);
    return { status, body: JSON.stringify(parsed) };
  };
}

const flip = (hex: Hex, at = -1): Hex => {
  const bytes = fromHex(hex);
  bytes[at < 0 ? bytes.length + at : at]! ^= 1;
  return toHex(bytes);
};

async function connected(): Promise<SequencerClient> {
  proxy.behave = honest;
  const client = await connect(proxy.url, { account });
  await client.head();
  return client;
}

const APPEND_LIES: [what: string, change: (result: Result) => void][] = [
  ["another sequence number", (r) => r.sequence--],
  ["another timestamp", (r) => r.timestamp++],
  ["another id", (r) => (r.id = flip(r.id))],
  ["a bit of the proof", (r) => (r.proof = flip(r.proof))],
  ["a proof that is too short", (r) => (r.proof = r.proof.slice(0, -64))],
  ["a proof that is too long", (r) => (r.proof += "00".repeat(32))],
  ["half a hash more", (r) => (r.proof += "00".repeat(16))],
  ["no proof", (r) => delete r.proof],
  ["another root", (r) => (r.checkpoint.root = flip(r.checkpoint.root))],
  ["another size", (r) => r.checkpoint.size++],
  ["a bit of the signature", (r) => (r.checkpoint.signature = flip(r.checkpoint.signature, 5))],
  ["a size beyond what numbers hold", (r) => (r.checkpoint.size = 2 ** 53)],
  ["a head that is a text", (r) => (r.checkpoint = "head")],
];

for (const [what, change] of APPEND_LIES) {
  test(`a receipt with ${what} is refused`, async () => {
    const client = await connected();
    proxy.behave = lie("sequencer_append", change);
    await assert.rejects(client.append("0x02"), { code: "verification" });
  });
}

const RECEIPT_LIES: [what: string, change: (result: Result) => void][] = [
  ["another entry", (r) => r.sequence--],
  ["another payload", (r) => (r.payload = flip(r.payload))],
  ["another time", (r) => r.timestamp--],
  ["another note", (r) => (r.checkpoint.note = r.checkpoint.note.replace(/\n\d+\n/, "\n3\n"))],
  [
    "a note with one signature",
    (r) => (r.checkpoint.note = `${r.checkpoint.note.split("\n").slice(0, -2).join("\n")}\n`),
  ],
  ["a flipped proof", (r) => (r.proof = flip(r.proof))],
];

for (const [what, change] of RECEIPT_LIES) {
  test(`a fetched receipt with ${what} is refused`, async () => {
    const client = await connected();
    proxy.behave = lie("sequencer_receipt", change);
    await assert.rejects(client.receipt(3), { code: "verification" });
  });
}

const id = async (client: SequencerClient): Promise<Hex> => (await client.append("0x07")).id;

test("a receipt by id that is another entry's is refused", async () => {
  const client = await connected();
  const mine = await id(client);
  const others = await id(client);
  proxy.behave = async ({ body, answer }) => {
    if (!body.includes(mine)) return undefined;
    await answer();
    const swapped = await fetch(primary.url, { method: "POST", body: body.replace(mine, others) });
    return { status: 200, body: await swapped.text() };
  };
  await assert.rejects(client.receipt(mine), { code: "verification" });
});

const LINE_LIES: [what: string, change: (line: string) => string][] = [
  ["half of its first line", (line) => `${line.slice(0, line.length / 2)}\n`],
  ["lines that are no JSON", () => "what?\n"],
  ["lines that are a list", () => "[]\n"],
  [
    "a flipped bit in an entry",
    (line) => line.replace(/(.)"\]/, (_, digit) => `${digit === "0" ? "1" : "0"}"]`),
  ],
  ["an entry left out", (line) => line.replace(/"0x[0-9a-f]+",/, "")],
  ["an entry twice", (line) => line.replace(/("0x[0-9a-f]+"),/, "$1,$1,")],
  ["another first", (line) => line.replace('"first":0', '"first":1')],
  ["an entry of one byte", (line) => line.replace(/"0x[0-9a-f]+"/, '"0x00"')],
  ["entries that are no hexadecimal", (line) => line.replace(/"0x[0-9a-f]+"/, "7")],
  ["another log's checkpoint", (line) => line.replace("example.com/log", "example.com/other")],
];

for (const [what, change] of LINE_LIES) {
  test(`a stream with ${what} is refused before anything of it is handed out`, async () => {
    const client = await connected();
    const line = await firstLine();
    proxy.behave = async ({ path }) =>
      path.startsWith("/stream") ? { status: 200, body: change(line) } : undefined;
    const read: unknown[] = [];
    await assert.rejects(
      async () => {
        for await (const entry of client.entries()) read.push(entry);
      },
      { code: "verification" },
    );
    assert.deepEqual(read, []);
  });
}

/** The whole log in one line of the stream, under its newest head. */
async function firstLine(): Promise<string> {
  const { log } = primary.node;
  const entries = [...log.entries(0, log.signed!.size)].map(({ entry }) => toHex(entry));
  return `${JSON.stringify({ first: 0, entries, checkpoint: log.signed!.note })}\n`;
}

test("the line that the lies are made of is accepted as it is", async () => {
  const client = await connected();
  const line = await firstLine();
  proxy.behave = async ({ path }) => (path.startsWith("/stream") ? { status: 200, body: line } : undefined);
  let count = 0;
  for await (const _ of client.entries()) count++;
  assert.equal(count, primary.node.log.signed!.size);
});

test("two heads of one size are equivocation, and both are handed over as evidence", async () => {
  const client = await connected();
  const { size, root } = await client.head();
  const forked = forger.sign({ size, root: new Uint8Array(32).fill(6) });
  proxy.behave = lie("sequencer_info", (result) => {
    result.checkpoint = forked.note;
  });
  await assert.rejects(client.head(), (error: Result) => {
    assert.equal(error.code, "equivocation");
    assert.deepEqual(
      error.data.heads.map((head: Result) => head.root).sort(),
      [toHex(root), toHex(forked.root)].sort(),
    );
    for (const head of error.data.heads) {
      const digest = checkpointDigest(primary.node.log.context, {
        size: head.size,
        root: fromHex(head.root),
      });
      assert(recoveredFrom(digest, fromHex(head.signature), operator.address), "evidence holds by itself");
    }
    return true;
  });
});

test("a larger head of another history is equivocation, in receipts and in streams too", async () => {
  const client = await connected();
  const { size } = await client.head();
  const forked = forger.sign({ size: size + 100, root: new Uint8Array(32).fill(6) });
  proxy.behave = async ({ path, body, answer }) => {
    if (path.startsWith("/stream"))
      return { status: 200, body: `${JSON.stringify({ checkpoint: forked.note })}\n` };
    if (body.includes("sequencer_consistency")) {
      return { status: 200, body: JSON.stringify({ id: JSON.parse(body).id, result: { proof: "0x" } }) };
    }
    if (!body.includes("sequencer_info")) return undefined;
    const { body: text } = await answer();
    const parsed = JSON.parse(text);
    parsed.result.checkpoint = forked.note;
    return { status: 200, body: JSON.stringify(parsed) };
  };
  await assert.rejects(client.head(), { code: "equivocation" });
  await assert.rejects(client.entries({ follow: true }).next(), { code: "equivocation" });
});

test("a node that was rolled back is caught by the head that was kept", async (t) => {
  const kept = (await connected()).knownHead!;
  const other = await startTestPrimary(t, { dbPath: "" });
  proxy.behave = honest;
  const stranger = await connect(other.url);
  await assert.rejects(connect(other.url, { logId: toHex(primary.node.log.logId) }), {
    code: "verification",
  });
  assert.notEqual(stranger.logId, toHex(primary.node.log.logId));
  const forked = forger.sign({ size: kept.size, root: new Uint8Array(32).fill(9) });
  const rolledBack = await connect(proxy.url, { knownHead: { ...kept, root: forked.root } });
  await assert.rejects(rolledBack.head(), { code: "equivocation" });
});

test("answers that are no JSON, too deep, or of another shape are refused", async () => {
  const bodies = [
    "",
    "<html>",
    "null",
    "[]",
    "{}",
    '{"result":7}',
    `${"[".repeat(50_000)}${"]".repeat(50_000)}`,
  ];
  for (const body of bodies) {
    const client = await connected();
    proxy.behave = async () => ({ status: 200, body });
    await assert.rejects(client.head(), { code: "verification" }, body.slice(0, 20));
    await assert.rejects(client.append("0x00", { expires: Date.now() + 50_000 }), { code: "verification" });
  }
});
