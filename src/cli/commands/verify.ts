/**
 * `verify`: a whole log, from its database or from any server of its files, or a receipt file, offline.
 */
import { existsSync, readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { fromHex, type Hex, isHex, toHex } from "../../base/bytes.ts";
import { SequencerError } from "../../base/errors.ts";
import { HASH_BYTES } from "../../base/hash.ts";
import { verifyReceipt } from "../../client/receipt.ts";
import { LmdbStore } from "../../log/lmdb-store.ts";
import { Log } from "../../log/log.ts";
import { type AuditResult, auditLog, checkAuditedHead } from "../../sequencing/audit.ts";
import { useNativeSecp256k1 } from "../../sequencing/native-secp256k1.ts";
import { VerifierPool } from "../../sequencing/verifier-pool.ts";
import { RPC_FLAGS } from "../chain.ts";
import type { Command } from "../command.ts";
import type { Values } from "../flags.ts";
import { checkGuardOf, entriesOfLog, GUARD_FLAG } from "../local-log.ts";
import { entriesOfMirror, mirrorHead } from "../mirror.ts";
import { Progress } from "../progress.ts";
import { bondVerdict } from "../receipt-bond.ts";

export const verifyCommand: Command = {
  usage: "verify -dbpath DIR | verify -url URL [-log 0x…] | verify -log 0x… [-l2rpc URL] RECEIPT_FILE",
  description: `A log: every signature, permission, timestamp, duplicate and root is recomputed from the entries, and the result compared
with the signed checkpoint (by URL, which may be a node or any mirror of its files) or with what the database and the sign
guard hold (local; stop the node first). A receipt: needs no network, only the id of the log that it must be of.
With -l2rpc a receipt is also BONDED (a stake stood behind it when the chain noted a head that covers it), UNANCHORED (the stake
is there, but no such head yet) or UNBONDED; -url then names a node that proves what lies under the anchored head.`,
  flags: {
    dbpath: { type: "string", value: "DIR", help: "database of a stopped node" },
    url: { type: "string", value: "URL", help: "a node, or any server of a log's files" },
    log: { type: "string", value: "0x…", help: "the log that it must be" },
    ...RPC_FLAGS,
    ...GUARD_FLAG,
  },
  examples: [
    "sequencer verify -dbpath tmp/db",
    "sequencer verify -url http://127.0.0.1:24444",
    "sequencer verify -log 0x… receipt.json",
  ],
  run: async (values) => {
    const [file, ...surplus] = values.positionals;
    const dbPath = values.text("dbpath");
    const url = values.text("url");
    const isAboutBond = file !== undefined && values.text("l2rpc") !== undefined;
    const sources = [file, dbPath, isAboutBond ? undefined : url].filter((one) => one !== undefined);
    if (surplus.length > 0 || sources.length !== 1) {
      throw new SequencerError("usage", "verify takes one of -dbpath DIR, -url URL and RECEIPT_FILE");
    }
    if (file !== undefined) return await verifyReceiptFile(file, values);
    useNativeSecp256k1();
    const result = dbPath === undefined ? await verifyMirror(url!) : await verifyDatabase(dbPath, values);
    const expected = expectedLog(values);
    if (expected !== undefined && expected !== toHex(result.logId)) {
      throw new SequencerError("verification", `this is log ${toHex(result.logId)}, not ${expected}`);
    }
    console.log(`VALID: log ${toHex(result.logId)}`);
    console.log(`  origin    ${result.genesis.origin}`);
    console.log(`  entries   ${result.size}, every signature, permission, timestamp and root recomputed`);
    console.log(`  root      ${toHex(result.root)}`);
    console.log(
      `  from, to  ${new Date(result.firstTimestamp).toISOString()}, ${new Date(result.lastTimestamp).toISOString()}`,
    );
  },
};

async function verifyDatabase(dbPath: string, values: Values): Promise<AuditResult> {
  if (!existsSync(dbPath)) throw new SequencerError("store", `there is no database in ${dbPath}`);
  const store = new LmdbStore({ path: dbPath });
  try {
    const log = Log.open(store);
    if (log === undefined) throw new SequencerError("store", `the database in ${dbPath} is empty`);
    const result = await audit(entriesOfLog(log), log.committed.size);
    checkAuditedHead(result, log.committed, "the database");
    await checkGuardOf(log, values.required("guard"), (line) => console.log(line));
    return result;
  } finally {
    await store.close();
  }
}

async function verifyMirror(url: string): Promise<AuditResult> {
  const { note, size } = await mirrorHead(url);
  const result = await audit(entriesOfMirror(url, size), size);
  // The keys that the checkpoint must be signed with are known only now: genesis names them.
  const head = result.checkpoints.open(note);
  if (head === undefined) {
    throw new SequencerError("verification", "the checkpoint does not carry both signatures of the operator");
  }
  checkAuditedHead(result, head, "the checkpoint");
  return result;
}

async function audit(
  batches: AsyncIterable<Uint8Array[]> | Iterable<Uint8Array[]>,
  size: number,
): Promise<AuditResult> {
  const verifier = new VerifierPool({ workers: availableParallelism() });
  const progress = new Progress("Verifying", size);
  try {
    return await auditLog(batches, verifier, (count) => progress.advance(count));
  } finally {
    progress.end();
    await verifier.close();
  }
}

async function verifyReceiptFile(file: string, values: Values): Promise<void> {
  const logId = expectedLog(values);
  if (logId === undefined) {
    throw new SequencerError(
      "usage",
      "a receipt is verified against a log: pass -log with the id that you trust",
    );
  }
  let receipt: unknown;
  try {
    receipt = JSON.parse(readFileSync(file, "utf8"));
  } catch (cause) {
    throw new SequencerError("verification", `${file} is no receipt file: ${(cause as Error).message}`, {
      cause,
    });
  }
  const verified = verifyReceipt(receipt, logId);
  const { sequence, timestamp, head } = verified;
  console.log(`VALID: entry ${sequence} of log ${logId}`);
  console.log(`  ordered   ${new Date(timestamp).toISOString()}`);
  console.log(`  under     size ${head.size}, root ${toHex(head.root)}, signed by the operator`);
  console.log(`  bond      ${await bondVerdict(values, verified)}`);
}

function expectedLog(values: Values): Hex | undefined {
  const log = values.text("log");
  if (log === undefined) return undefined;
  if (!isHex(log) || log.length !== 2 + 2 * HASH_BYTES)
    throw new SequencerError("usage", "-log must be 0x and 64 digits");
  return toHex(fromHex(log));
}
