import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { fromHex, toHex } from "../../src/base/bytes.ts";
import type { Log } from "../../src/log/log.ts";
import { encodeAppendAnswer, type ForwardedReceipt } from "../../src/replication/append-messages.ts";
import { Network } from "../../src/replication/network.ts";
import { answerSync } from "../../src/replication/sync-server.ts";
import { decodeOperation, operationId } from "../../src/sequencing/transaction.ts";
import { defer } from "../helpers/cleanup.ts";
import { startTestPrimary } from "../helpers/primary.ts";
import { loopback, peeringOf, startTestReplica } from "../helpers/replica.ts";
import { call, failure } from "../helpers/rpc.ts";

/** A node that claims to be the primary of a log. */
async function startImpostor(
  t: TestContext,
  log: Log,
  answer: () => Uint8Array | undefined,
): Promise<string> {
  const { p2pPort, ...peering } = await peeringOf();
  const network = await Network.start({
    ...{ ...peering, port: p2pPort },
    answerSync: (frame) => answerSync(log, [], frame),
    answerAppend: answer,
    validate: () => "ignore",
    isKnown: () => false,
    deliver: () => undefined,
    onMissing: () => undefined,
  });
  defer(t, () => network.close());
  return network.multiaddrs().find((one) => one.includes("/127.0.0.1/"))!;
}

for (const [what, forge] of [
  ["cuts the line", () => undefined],
  ["answers garbage", () => Uint8Array.of(1, 2, 3)],
  [
    "makes receipts up",
    (log: Log) => {
      const { size, root, signature } = log.signed!;
      const receipt: ForwardedReceipt = {
        ...{ sequence: 1, timestamp: Date.now(), head: { size, root, signature }, proof: new Uint8Array(0) },
      };
      return encodeAppendAnswer([receipt]);
    },
  ],
] as const) {
  test(`where a would-be primary ${what} the outcome is unknown, and the next append goes to somebody else`, async (t) => {
    const primary = await startTestPrimary(t, { peering: await peeringOf() });
    const { log } = primary.node;
    const impostor = await startImpostor(t, log, () => forge(log));
    const replica = await startTestReplica(t, [impostor], { expectedLog: log.logId });
    const payload = primary.transaction();
    const unknown = await failure(replica.url, "sequencer_append", [payload]);
    assert.equal(unknown.code, -32002);
    const id = toHex(operationId(log.context, decodeOperation(fromHex(payload))));
    assert.deepEqual(unknown.data, { outcome: "unknown", id });

    const both = await startTestReplica(t, [impostor, loopback(primary.node)]);
    await both.reached(1);
    let receipt = await call(both.url, "sequencer_append", [payload]).catch(() => undefined);
    receipt ??= await call(both.url, "sequencer_append", [payload]);
    assert.deepEqual([receipt.sequence, receipt.id], [1, id]);
  });
}
