/**
 * How fast a replica catches up from four peers that serve at once: encoding, verification and storage, without the
 * network. The peers live in this process and share its one thread with the replica.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { encodeEntry } from "../src/log/entry.ts";
import { LmdbStore } from "../src/log/lmdb-store.ts";
import { MemoryStore } from "../src/log/memory-store.ts";
import { catchUp as catchUpTo } from "../src/replication/catch-up.ts";
import { HeadChecker } from "../src/replication/entry-checker.ts";
import { Follower } from "../src/replication/follower.ts";
import { START, storedLog } from "../test/helpers/stored-log.ts";
import { peerOf, Source } from "../test/replication/logs.ts";
import type { BenchOptions, Report } from "./report.ts";
import { DATA_BYTES } from "./transactions.ts";

const ENTRIES = 200_000;
const PEERS = 4;
/** A transaction's other fields: about this many bytes. */
const FIELDS_BYTES = 110;

export async function catchUp(report: Report, { directory, repetitions }: BenchOptions): Promise<void> {
  report.conditions({ entries: ENTRIES, peers: PEERS, "bytes of an entry": DATA_BYTES + FIELDS_BYTES });
  const source = await Source.begin();
  const payload = new Uint8Array(DATA_BYTES + FIELDS_BYTES).fill(0x53);
  while (source.log.committed.size < ENTRIES) {
    await source.append(2_000, (sequence) => {
      new DataView(payload.buffer).setUint32(1, sequence);
      return encodeEntry({ timestamp: START + sequence, payload });
    });
  }
  const head = source.log.signed!;
  for (const kind of ["memory", "disk"] as const) {
    const values: number[] = [];
    for (let i = 0; i < repetitions; i++) {
      const path = await mkdtemp(join(directory, "sequencer-bench-"));
      const store = kind === "memory" ? new MemoryStore() : new LmdbStore({ path });
      const log = await storedLog(store, []);
      const follower = new Follower(log, new HeadChecker(), () => undefined);
      const peers = Array.from({ length: PEERS }, (_, n) => peerOf(`${n}`, source.log));
      const start = performance.now();
      await catchUpTo({ log, follower, head, peers: () => peers });
      values.push((1_000 * log.committed.size) / (performance.now() - start));
      await store.close();
      await rm(path, { recursive: true });
    }
    report.row({ what: `-verify head, stored in ${kind}`, unit: "entries/s", values });
  }
}
