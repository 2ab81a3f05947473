import assert from "node:assert/strict";
import { test } from "node:test";
import { concatBytes, toHex } from "../../src/base/bytes.ts";
import {
  BLOCK_BYTES_MAX,
  BLOCK_ENTRIES_MAX,
  GOSSIP_PACE_FULL_MS,
  GOSSIP_PACE_MS,
} from "../../src/base/limits.ts";
import { decodeBlock } from "../../src/log/block.ts";
import { entryBytes } from "../../src/log/packed-entries.ts";
import { openBlock, type VerifiedBlock } from "../../src/replication/block-messages.ts";
import { PacedGossip } from "../../src/replication/paced-gossip.ts";
import { otherEntryAt, Source } from "./logs.ts";

/** A source whose blocks go out at the pace of a clock that the test turns. */
async function pacedSource(): Promise<{
  source: Source;
  sent: VerifiedBlock[];
  pauses: number[];
  pause(): void;
}> {
  const source = await Source.begin();
  const sent: VerifiedBlock[] = [];
  const pauses: number[] = [];
  let due: (() => void) | undefined;
  const gossip = new PacedGossip(
    (message, head) => {
      const verified = openBlock(message, source.log.checkpoints);
      assert.ok(verified, "a message verifies by itself");
      assert.equal(verified.head.size, head.size);
      sent.push(verified);
    },
    (callback, ms) => {
      assert.ok(ms > GOSSIP_PACE_MS && ms <= GOSSIP_PACE_MS + GOSSIP_PACE_FULL_MS);
      pauses.push(ms);
      assert.equal(due, undefined, "one pause at a time");
      due = callback;
      return () => {
        due = undefined;
      };
    },
  );
  source.log.onPublish((head, block) => gossip.add(head, block));
  const pause = (): void => {
    const callback = due;
    due = undefined;
    callback?.();
  };
  return { source, sent, pauses, pause };
}

function ranges(sent: readonly VerifiedBlock[]): [number, number][] {
  return sent.map(({ block, head }) => [block.first, head.size]);
}

test("a block that comes alone leaves at once", async () => {
  const { source, sent, pause } = await pacedSource();
  await source.append(3);
  assert.deepEqual(ranges(sent), [[1, 4]]);
  pause();
  await source.append(2);
  assert.deepEqual(ranges(sent), [
    [1, 4],
    [4, 6],
  ]);
});

test("blocks that follow one another leave as one after the pause, under the newest head", async () => {
  const { source, sent, pause } = await pacedSource();
  for (const count of [1, 2, 3, 4]) await source.append(count);
  assert.deepEqual(ranges(sent), [[1, 2]]);
  pause();
  assert.deepEqual(ranges(sent), [
    [1, 2],
    [2, 11],
  ]);
  const gathered = concatBytes(...Array.from(source.log.pieces(2, 11), ({ entries }) => entries));
  assert.equal(toHex(sent[1]!.block.entries), toHex(gathered), "with every entry");
  await source.append(1);
  assert.equal(sent.length, 2, "what leaves begins a pause");
  pause();
  pause();
  await source.append(1);
  assert.deepEqual(ranges(sent.slice(2)), [
    [11, 12],
    [12, 13],
  ]);
});

test("the pause behind a block grows with its bytes", async () => {
  const { source, sent, pauses, pause } = await pacedSource();
  for (const count of [1, 500]) await source.append(count);
  pause();
  for (const { block } of sent) {
    const part = entryBytes(block) / BLOCK_BYTES_MAX;
    assert.equal(pauses.shift(), GOSSIP_PACE_MS + GOSSIP_PACE_FULL_MS * part);
  }
  assert.deepEqual([sent.length, pauses.length], [2, 0]);
});

test("no message is larger than a block may be, and what does not fit does not wait", async () => {
  const { source, sent, pause } = await pacedSource();
  const large = (sequence: number): Uint8Array => {
    const entry = new Uint8Array(60_000);
    entry.set(otherEntryAt(sequence).subarray(0, 9));
    return entry;
  };
  for (const count of [1, 4_000, 96, 1]) await source.append(count);
  assert.deepEqual(ranges(sent), [
    [1, 2],
    [2, 4_098],
  ]);
  for (let i = 0; i < 3; i++) await source.append(9, large);
  assert.equal(sent.length, 4);
  pause();
  assert.equal(sent.at(-1)!.head.size, source.log.committed.size);
  for (const { block } of sent) {
    assert.ok(block.count <= BLOCK_ENTRIES_MAX && entryBytes(block) <= BLOCK_BYTES_MAX);
  }
  sent.reduce((end, { block, head }) => {
    assert.equal(block.first, end, "nothing is left out or sent twice");
    return head.size;
  }, 1);
});

test("what is gathered leaves when the node stops", async () => {
  const source = await Source.begin();
  const sent: number[] = [];
  const gossip = new PacedGossip((message) => sent.push(decodeBlock(message)!.first));
  source.log.onPublish((head, block) => gossip.add(head, block));
  for (let i = 0; i < 3; i++) await source.append(1);
  gossip.stop();
  assert.deepEqual(sent, [1, 2]);
});
