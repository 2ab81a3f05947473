/**
 * The main job, from outside: many accounts append signed transactions of mixed size while the node is killed again
 * and again. At the end every receipt must hold, nothing may be twice in the log, and no two heads may contradict.
 */
import assert from "node:assert/strict";
import { fromHex, type Hex, toHex } from "../../src/base/bytes.ts";
import { checkpointDigest, type DigestContext, domainSeparator } from "../../src/base/eip712.ts";
import { recoveredFrom } from "../../src/base/secp256k1.ts";
import { verifyConsistency } from "../../src/log/proof.ts";
import { useNativeSecp256k1 } from "../../src/sequencing/native-secp256k1.ts";
import { type Account, accountOf, operator } from "../helpers/accounts.ts";
import { checkLog, hashesOf, leafOf, type ReceiptLike, rootFromPath } from "../helpers/check-served-log.ts";
import { type Cleanup, temporaryDirectory } from "../helpers/cleanup.ts";
import { signers } from "../helpers/primary.ts";
import { launchNode, type Running, sequencer } from "../helpers/process.ts";
import { batch, call } from "../helpers/rpc.ts";

const ACCOUNTS = 50;
const CLIENTS = 8;
const BATCH_MAX = 100;

export interface SoakOptions {
  readonly transactions: number;
  /** How often the node is killed on the way. */
  readonly kills: number;
  readonly say: (line: string) => void;
}

/** An acknowledged entry, its proof already verified against the head's root. */
interface Acknowledged {
  readonly sequence: number;
  readonly leaf: Buffer;
}

interface Soak {
  readonly options: SoakOptions;
  readonly context: DigestContext;
  readonly transaction: ReturnType<typeof signers>["transaction"];
  readonly accounts: readonly Account[];
  readonly acknowledged: Acknowledged[];
  /** Roots of all signed heads that were seen, by size. */
  readonly heads: Map<number, Hex>;
  /** The node that runs, or the one that is being started. */
  url: Promise<string>;
  begun: number;
  /** Batches that were sent once more because the node went away. */
  resent: number;
}

/** Runs it. @throws if anything that was promised does not hold */
export async function soakRestart(cleanup: Cleanup, options: SoakOptions): Promise<void> {
  useNativeSecp256k1();
  const { say, transactions, kills } = options;
  const directory = temporaryDirectory(cleanup);
  const accounts = Array.from({ length: ACCOUNTS }, (_, i) => accountOf(i + 1));
  const start = () => startNode(cleanup, directory, accounts);
  let node = await start();
  const { logId, chainId, bond } = await call(node.url, "sequencer_info");
  const context = { separator: domainSeparator({ chainId, bond: fromHex(bond) }), logId: fromHex(logId) };
  const soak: Soak = {
    ...{ options, context, accounts, transaction: signers(context).transaction },
    ...{ acknowledged: [], heads: new Map(), url: Promise.resolve(node.url), begun: 0, resent: 0 },
  };

  const started = performance.now();
  const clients = Promise.all(Array.from({ length: CLIENTS }, (_, i) => runClient(soak, i)));
  for (let kill = 1; kill <= kills; kill++) {
    await Promise.race([clients, reached(soak, Math.floor((kill * transactions) / (kills + 1)))]);
    await node.kill();
    const restarting = start();
    soak.url = restarting.then(({ url }) => url);
    node = await restarting;
    say(`kill ${kill}: after ${soak.acknowledged.length} receipts; the node is back`);
  }
  await clients;
  const seconds = (performance.now() - started) / 1_000;
  say(`${soak.acknowledged.length} receipts in ${seconds.toFixed(1)} s, ${soak.resent} batches sent again`);

  await checkAll(soak, node.url);
  await checkByCommand(node, directory, say);
}

async function startNode(
  cleanup: Cleanup,
  directory: string,
  accounts: readonly Account[],
): Promise<Running & { readonly url: string }> {
  const args = ["-dbpath", `${directory}/db`, "-guard", `${directory}/guard`, "-loglevel", "error"];
  const writers = accounts.map(({ address }) => toHex(address)).join(",");
  return await launchNode(cleanup, [...args, "-writers", writers], {
    env: { OPERATOR_PRIVATE_KEY: toHex(operator.key) },
  });
}

/** Appends batches until all transactions are begun; each is sent until it is answered. */
async function runClient(soak: Soak, client: number): Promise<void> {
  const { options, accounts, transaction } = soak;
  for (let round = 0; soak.begun < options.transactions; round++) {
    const seed = client * 1_000_003 + round * 7_919;
    const count = Math.min(1 + (seed % BATCH_MAX), options.transactions - soak.begun);
    soak.begun += count;
    const txs = Array.from({ length: count }, (_, i) =>
      transaction({ by: accounts[(seed + i) % ACCOUNTS]!, data: dataOf(seed + i) }),
    );
    const receipts = await appendUntilAnswered(soak, txs);
    for (const [i, receipt] of receipts.entries()) acknowledge(soak, txs[i]!, receipt);
  }
}

/** Mostly some hundred bytes, now and then the largest there is. */
function dataOf(seed: number): Uint8Array {
  const bytes = seed % 997 === 0 ? 65_400 : seed % 13 === 0 ? 2_000 + (seed % 5_000) : seed % 400;
  return new Uint8Array(bytes).fill(seed);
}

async function appendUntilAnswered(soak: Soak, txs: readonly Hex[]): Promise<ReceiptLike[]> {
  const calls = txs.map((tx) => ({ method: "sequencer_append", params: [tx] }));
  for (;;) {
    const url = await soak.url;
    try {
      const answers = await batch(url, calls);
      return answers.map(({ result, error }) => {
        assert.equal(error, undefined, JSON.stringify(error));
        return result as ReceiptLike;
      });
    } catch (error) {
      if (error instanceof assert.AssertionError) throw error;
      soak.resent++;
      // Until the supervisor has noticed, the URL is still the dead node's.
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

/** Verifies a receipt when it arrives, and keeps what must still hold at the end. */
function acknowledge({ context, heads, acknowledged }: Soak, tx: Hex, receipt: ReceiptLike): void {
  const { sequence, timestamp, checkpoint, proof } = receipt;
  const { size, root, signature } = checkpoint;
  const leaf = leafOf(timestamp, tx);
  assert.equal(toHex(rootFromPath(sequence, size, leaf, hashesOf(proof!))), root, `entry ${sequence}`);
  const known = heads.get(size);
  if (known === undefined) {
    const digest = checkpointDigest(context, { size, root: fromHex(root) });
    assert(recoveredFrom(digest, fromHex(signature), operator.address), `the signature of head ${size}`);
    heads.set(size, root);
  }
  assert.equal(root, known ?? root, `two signed heads of size ${size}`);
  acknowledged.push({ sequence, leaf });
}

async function reached({ acknowledged }: Soak, count: number): Promise<void> {
  while (acknowledged.length < count) await new Promise((resolve) => setTimeout(resolve, 5));
}

async function checkAll({ acknowledged, heads, options }: Soak, url: string): Promise<void> {
  const { size, rootAt, leaves } = await checkLog(url);
  assert.equal(size, 1 + options.transactions, "everything is in, and nothing twice");
  assert.equal(new Set(acknowledged.map(({ sequence }) => sequence)).size, options.transactions);
  for (const { sequence, leaf } of acknowledged)
    assert.deepEqual(leaves[sequence], leaf, `entry ${sequence}`);
  const sizes = [...heads.keys()];
  for (const one of sizes) assert.equal(toHex(rootAt(one)), heads.get(one), `head ${one}`);
  const root = rootAt(size);
  for (let i = 0; i < sizes.length; i += 500) {
    const some = sizes.slice(i, i + 500);
    const answers = await batch(
      url,
      some.map((from) => ({ method: "sequencer_consistency", params: [from, size] })),
    );
    answers.forEach(({ result }, at) => {
      const from = some[at]!;
      const proof = hashesOf((result as { proof: Hex }).proof);
      assert(verifyConsistency(from, size, fromHex(heads.get(from)!), root, proof), `from ${from}`);
    });
  }
  options.say(`${size} entries and ${sizes.length} signed heads checked from outside: all of one history`);
}

async function checkByCommand(
  node: Running & { readonly url: string },
  directory: string,
  say: (line: string) => void,
): Promise<void> {
  const byUrl = await sequencer(["verify", "-url", node.url]);
  assert.equal(byUrl.code, 0, byUrl.stderr);
  node.signal("SIGTERM");
  assert.equal((await node.finished()).code, 0);
  const local = await sequencer(["verify", "-dbpath", `${directory}/db`, "-guard", `${directory}/guard`]);
  assert.equal(local.code, 0, local.stderr);
  assert.match(local.stdout, /^VALID/m);
  say(`sequencer verify, by URL and on the database:\n${local.stdout.trimEnd()}`);
}
