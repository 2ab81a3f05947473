/**
 * What no sequencer does: the operator's key signs a second history. Tests and the slashing demo make an operator
 * equivocate with it; nothing in `src` can.
 */
import { HASH_BYTES } from "../../src/base/hash.ts";
import { NOTE_BYTES_MAX } from "../../src/base/limits.ts";
import { Transport } from "../../src/client/transport.ts";
import { VerifiedLog } from "../../src/client/verified-log.ts";
import { encodeBlock } from "../../src/log/block.ts";
import { CheckpointVerifier, type SignedHead } from "../../src/log/checkpoint.ts";
import { TreeGrowth } from "../../src/log/growth.ts";
import { leafHashes } from "../../src/log/merkle.ts";
import { packEntries, unpackEntries } from "../../src/log/packed-entries.ts";
import { TILE_WIDTH, tilePath } from "../../src/log/tiles.ts";
import type { SyncAnswer, SyncRequest } from "../../src/replication/sync-messages.ts";
import { CheckpointSigner } from "../../src/sequencing/checkpoint-signer.ts";
import { call } from "./rpc.ts";

export interface Fork {
  readonly log: VerifiedLog;
  readonly head: SignedHead;
  /** Leaf hashes of the whole fork, packed. */
  readonly leaves: Uint8Array;
  /** The last block, as it is gossiped. */
  readonly block: Uint8Array;
}

/**
 * A history that parts from the one that a node serves at its last entry.
 * @param surplus entries more than the node has
 */
export async function forkOf(url: string, operatorKey: Uint8Array, surplus = 0): Promise<Fork> {
  const transport = new Transport(url);
  const log = await VerifiedLog.open(transport, {});
  const { genesis, context } = log;
  const note = await (await transport.get("/checkpoint")).text();
  const served = new CheckpointVerifier(genesis, context).open(note.slice(0, NOTE_BYTES_MAX))!;
  const entries = await entriesOf(transport, served.size);
  const kept = entries.slice(0, -1);
  const other = Array.from({ length: 1 + surplus }, (_, i) => {
    const entry = Uint8Array.from(entries.at(-1)!);
    entry[entry.length - 1]! ^= 1 + i;
    return entry;
  });
  const before = new TreeGrowth(0, [], leafHashes(kept));
  const { root, size } = new TreeGrowth(kept.length, before.frontier, leafHashes(other));
  const head = new CheckpointSigner(genesis, context, operatorKey).sign({ size, root });
  const block = encodeBlock({
    ...{ first: kept.length, count: other.length, frontier: before.frontier },
    ...{ entries: packEntries(other), note: head.note },
  });
  return { log, head, leaves: leafHashes([...kept, ...other]), block };
}

/** What whoever holds the fork answers to peers that catch up: its head and its tiles of up to 256 hashes. */
export function serveFork({ log, head, leaves }: Fork, request: SyncRequest): SyncAnswer {
  if (request.kind === "head") {
    return { kind: "head", firstSequence: 0, genesisEntry: log.genesisEntry, primary: [], note: head.note };
  }
  if (request.kind === "tile" && request.level === 0 && request.index === 0) {
    return { kind: "tile", hashes: leaves.subarray(0, request.width * HASH_BYTES) };
  }
  return { kind: "refusal", reason: "only the first tile of the fork is served" };
}

async function entriesOf(transport: Transport, size: number): Promise<Uint8Array[]> {
  const entries: Uint8Array[] = [];
  while (entries.length < size) {
    const width = Math.min(TILE_WIDTH, size - entries.length);
    const path = tilePath({ kind: "entries", index: entries.length / TILE_WIDTH, width });
    const response = await transport.get(`/${path}`);
    entries.push(...unpackEntries(new Uint8Array(await response.arrayBuffer()), width)!);
  }
  return entries;
}

/** What a node says of the bond. */
export async function bondStatusOf(url: string): Promise<{ status: string; stakeWei?: string }> {
  return (await call(url, "sequencer_info")).bondStatus;
}
