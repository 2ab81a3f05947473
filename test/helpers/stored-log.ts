/**
 * Made-up logs in any store, committed through `Log` block by block.
 */
import { utf8 } from "../../src/base/bytes.ts";
import { sha256 } from "../../src/base/hash.ts";
import { encodeEntry } from "../../src/log/entry.ts";
import { encodeGenesis, type Genesis } from "../../src/log/genesis.ts";
import { Log, type SealedBlock } from "../../src/log/log.ts";
import { leafHashes } from "../../src/log/merkle.ts";
import { packEntries } from "../../src/log/packed-entries.ts";
import type { Store, StoredRole } from "../../src/log/store.ts";
import { operatorIdentity } from "../../src/sequencing/checkpoint-signer.ts";
import { operator, writer } from "./accounts.ts";

/** Unix milliseconds of genesis; every later entry is a millisecond after the one before. */
export const START = 1_767_225_600_000;

export const genesis: Genesis = {
  origin: "example.com/log",
  chainId: 1,
  bond: new Uint8Array(20),
  ...operatorIdentity(operator.key),
  maxTransactionLifetimeMs: 60_000,
  admins: [operator.address],
  writers: [writer.address],
};

export const genesisEntry = encodeEntry({ timestamp: START, payload: encodeGenesis(genesis) });

/** The entry that these logs have at a sequence number above 0, and its id. */
export function entryAt(sequence: number): Uint8Array {
  const payload = utf8(`S entry ${sequence} ${"x".repeat(sequence % 50)}`);
  return encodeEntry({ timestamp: START + sequence, payload });
}

export function idAt(sequence: number): Uint8Array {
  return Uint8Array.from(sha256(entryAt(sequence)));
}

/** The next `count` entries of a log as a block. */
export function sealNext(
  log: Log,
  count: number,
  roles: readonly StoredRole[] = [],
  entryOf: (sequence: number) => Uint8Array = entryAt,
): SealedBlock {
  const first = log.committed.size;
  const sequences = Array.from({ length: count }, (_, i) => first + i);
  const entries = sequences.map(entryOf);
  return {
    growth: log.grow(leafHashes(entries)),
    entries: packEntries(entries),
    ids: Uint8Array.from(sequences.flatMap((sequence) => [...idAt(sequence)])),
    roles,
    lastTimestamp: START + first + count - 1,
  };
}

/** A log whose blocks behind genesis have these sizes. */
export async function storedLog(
  store: Store,
  blockSizes: readonly number[],
  fields: Genesis = genesis,
): Promise<Log> {
  const log = await Log.create(store, encodeEntry({ timestamp: START, payload: encodeGenesis(fields) }));
  for (const count of blockSizes) await log.commit(sealNext(log, count));
  return log;
}
