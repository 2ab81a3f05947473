/** Logs of made-up operations, and what sequencer_read has to say of their entries. */
import { toHex } from "../../src/base/bytes.ts";
import { decodeEntry, encodeEntry } from "../../src/log/entry.ts";
import { Log } from "../../src/log/log.ts";
import { MemoryStore } from "../../src/log/memory-store.ts";
import { leafHashes } from "../../src/log/merkle.ts";
import { packEntries } from "../../src/log/packed-entries.ts";
import { decodeOperation, encodeOperation, type SignedOperation } from "../../src/sequencing/transaction.ts";
import { genesisEntry, idAt, START } from "./stored-log.ts";

/** A log of genesis and these operations. */
export async function logOf(operations: readonly SignedOperation[]): Promise<Log> {
  const log = await Log.create(new MemoryStore(), genesisEntry);
  const entries = operations.map((each, i) =>
    encodeEntry({ timestamp: START + i, payload: encodeOperation(each) }),
  );
  const ids = Buffer.concat(entries.map((_, i) => idAt(1 + i)));
  const growth = log.grow(leafHashes(entries));
  const lastTimestamp = START + entries.length;
  await log.commit({ growth, entries: packEntries(entries), ids, roles: [], lastTimestamp });
  return log;
}

/** The entries [from, to) as JSON, from their decoded fields. */
export function described(log: Log, from: number, to: number): string {
  return JSON.stringify(Array.from({ length: to - from }, (_, i) => describe(log, from + i)));
}

function describe(log: Log, sequence: number): unknown {
  const { entry, id } = log.entry(sequence);
  const { timestamp, payload } = decodeEntry(entry)!;
  const tail = { payload: toHex(payload) };
  if (sequence === 0) return { sequence, timestamp, id: null, type: "genesis", from: null, ...tail };
  const decoded = decodeOperation(payload);
  const fields =
    decoded.type === "transaction"
      ? { data: toHex(decoded.data) }
      : { account: toHex(decoded.account), role: decoded.role };
  const { type, from } = decoded;
  return { sequence, timestamp, id: toHex(id), type, from: toHex(from), ...fields, ...tail };
}
