/**
 * The log that a bond command is about: from a running node, everything verified, or from the database of a stopped one.
 */
import { existsSync } from "node:fs";
import { fromHex, isZero } from "../base/bytes.ts";
import { SequencerError } from "../base/errors.ts";
import { Transport } from "../client/transport.ts";
import { VerifiedLog } from "../client/verified-log.ts";
import type { SignedHead } from "../log/checkpoint.ts";
import type { Genesis } from "../log/genesis.ts";
import { LmdbStore } from "../log/lmdb-store.ts";
import { Log } from "../log/log.ts";
import { useNativeSecp256k1 } from "../sequencing/native-secp256k1.ts";
import type { LogDomain } from "../slashing/evidence.ts";
import { NODE_FLAGS, trustOf } from "./connection.ts";
import type { Flags, Values } from "./flags.ts";

export const LOG_FLAGS: Flags = {
  ...NODE_FLAGS,
  dbpath: { type: "string", value: "DIR", help: "database of a stopped node, instead of -url" },
};

export interface BondedLog {
  readonly domain: LogDomain;
  readonly genesis: Genesis;
  /** The newest head there is, its signatures verified. */
  readonly head: SignedHead;
}

/** @throws SequencerError `configuration` if the log is unbonded */
export async function bondedLog(values: Values): Promise<BondedLog> {
  useNativeSecp256k1();
  const dbPath = values.text("dbpath");
  const found = dbPath === undefined ? await fromNode(values) : await fromDatabase(dbPath, values);
  const { genesis, logId, head } = found;
  if (isZero(genesis.bond)) throw unbonded();
  return { domain: { chainId: genesis.chainId, bond: genesis.bond, logId }, genesis, head };
}

export function unbonded(): SequencerError {
  return new SequencerError("configuration", "the log is unbonded: its genesis names no bond contract", {
    hint: "Only a new log can be bonded: `sequencer bond deploy`, then `sequencer start -chainid N -bond 0x…`",
  });
}

async function fromNode(values: Values) {
  const log = await VerifiedLog.open(new Transport(values.required("url")), trustOf(values));
  return { genesis: log.genesis, logId: log.logId, head: await log.head() };
}

async function fromDatabase(dbPath: string, values: Values) {
  if (!existsSync(dbPath)) throw new SequencerError("store", `there is no database in ${dbPath}`);
  const store = new LmdbStore({ path: dbPath });
  try {
    const log = Log.open(store);
    const head = log?.storedHead();
    if (log === undefined || head === undefined) {
      throw new SequencerError("store", `the database in ${dbPath} holds no signed head`);
    }
    const { logId } = trustOf(values);
    if (logId !== undefined && Buffer.compare(fromHex(logId), log.logId) !== 0) {
      throw new SequencerError("configuration", `the database in ${dbPath} holds another log than ${logId}`);
    }
    return { genesis: log.genesis, logId: log.logId, head };
  } finally {
    await store.close();
  }
}
