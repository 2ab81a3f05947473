/**
 * Fills a database with a long log, as fast as it can be hashed and committed. Genesis, tree, tiles and blocks are real,
 * and a node starts on it like on any other; the entries are small transactions whose signatures and ids are random
 * bytes, for a node that starts again verifies neither. Run again on a log that is too short, it goes on.
 */
import { randomFillSync } from "node:crypto";
import { join } from "node:path";
import { setU64be, viewOf } from "../src/base/bytes.ts";
import { HASH_BYTES, keccak256 } from "../src/base/hash.ts";
import { BLOCK_ENTRIES_MAX } from "../src/base/limits.ts";
import { SIGNATURE_BYTES } from "../src/base/secp256k1.ts";
import { decodeEntry, encodeEntry, TIMESTAMP_BYTES } from "../src/log/entry.ts";
import { LmdbStore } from "../src/log/lmdb-store.ts";
import type { Log } from "../src/log/log.ts";
import { LENGTH_BYTES, packEntries } from "../src/log/packed-entries.ts";
import { startPrimary } from "../src/sequencing/start-up.ts";
import { encodeOperation } from "../src/sequencing/transaction.ts";
import { hashLeaves } from "../src/verify/hash.ts";
import { writers } from "./transactions.ts";

export const OPERATOR_KEY = keccak256(new Uint8Array(1));

export interface LargeLog {
  /** Database and sign guard are made in it. */
  readonly directory: string;
  /** Genesis included. */
  readonly entries: number;
  /** Entries a second, by their timestamps; the last one is of now. */
  readonly rate: number;
}

/** Bytes of data: the smaller, the less disk the same number of entries takes. */
const DATA_BYTES = 4;
const PROGRESS_MS = 10_000;

export async function generateLog({ directory, entries, rate }: LargeLog): Promise<void> {
  const store = new LmdbStore({ path: join(directory, "db") });
  const log = await openLog(store, directory, Date.now() - Math.ceil((1_000 * entries) / rate));
  const { timestamp: beganAt } = decodeEntry(log.genesisEntry)!;
  const template = new BlockTemplate();
  const start = performance.now();
  const before = log.committed.size;
  let told = start;
  while (log.committed.size < entries) {
    const first = log.committed.size;
    const count = Math.min(BLOCK_ENTRIES_MAX, entries - first);
    const timeOf = (sequence: number): number => beganAt + Math.floor((1_000 * sequence) / rate);
    const { packed, leaves } = template.fill(first, count, timeOf);
    const ids = randomFillSync(new Uint8Array(count * HASH_BYTES));
    const lastTimestamp = timeOf(first + count - 1);
    await log.commit({ growth: log.grow(leaves), entries: packed, ids, roles: [], lastTimestamp });
    if (performance.now() - told < PROGRESS_MS) continue;
    told = performance.now();
    const perSecond = (1_000 * (log.committed.size - before)) / (told - start);
    console.log(`  ${log.committed.size} entries, ${Math.round(perSecond)} a second`);
  }
  await store.close();
}

/** Begins the log, or opens the one that is there; the node signs what was added when it starts. */
async function openLog(store: LmdbStore, directory: string, beganAt: number): Promise<Log> {
  const { log, guard } = await startPrimary({
    store,
    guardDirectory: join(directory, "guard"),
    operatorKey: OPERATOR_KEY,
    genesis: { writers: writers.toSorted(Buffer.compare) },
    solo: true,
    now: store.head === undefined ? beganAt : Date.now(),
    warn: console.error,
  });
  await guard.close();
  return log;
}

/** Where the nonce stands in an entry: behind timestamp, type, list header, account and its own header. */
const NONCE_OFFSET = TIMESTAMP_BYTES + 1 + 2 + 21 + 1;

/** A full block of entries that differ in timestamp and nonce. */
class BlockTemplate {
  readonly #entry = encodeEntry({
    timestamp: 0,
    payload: encodeOperation({
      type: "transaction",
      from: writers[0]!,
      nonce: 2n ** 63n,
      expires: 2 ** 41,
      data: new Uint8Array(DATA_BYTES),
      signature: randomFillSync(new Uint8Array(SIGNATURE_BYTES)).fill(1, 64),
    }),
  });
  /** The entries end to end, and with their lengths between them. */
  readonly #bare = Buffer.concat(Array(BLOCK_ENTRIES_MAX).fill(this.#entry));
  readonly #packed = packEntries(Array(BLOCK_ENTRIES_MAX).fill(this.#entry));
  readonly #offsets = Uint32Array.from({ length: BLOCK_ENTRIES_MAX + 1 }, (_, i) => i * this.#entry.length);

  fill(first: number, count: number, timeOf: (sequence: number) => number) {
    const length = this.#entry.length;
    const bare = viewOf(this.#bare);
    const packed = viewOf(this.#packed);
    for (let i = 0; i < count; i++) {
      for (const [view, at] of [
        [bare, i * length],
        [packed, i * (LENGTH_BYTES + length) + LENGTH_BYTES],
      ] as const) {
        setU64be(view, at, timeOf(first + i));
        view.setUint32(at + NONCE_OFFSET + 4, first + i);
      }
    }
    return {
      packed: this.#packed.slice(0, count * (LENGTH_BYTES + length)),
      leaves: hashLeaves(this.#bare, this.#offsets.subarray(0, count + 1)),
    };
  }
}
