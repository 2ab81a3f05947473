/**
 * Entries as JSON, for sequencer_read: the payload as it is, and its fields for those who do not decode.
 * Transactions are left to transaction-text.ts, which is ten times faster, as far as it takes them.
 */
import { toHex } from "../base/bytes.ts";
import { ADDRESS_BYTES } from "../base/eip712.ts";
import { HASH_BYTES } from "../base/hash.ts";
import { READ_BYTES_MAX } from "../base/limits.ts";
import { payloadTypeName, TIMESTAMP_BYTES } from "../log/entry.ts";
import type { Log } from "../log/log.ts";
import { type EntryRun, entryEnd, LENGTH_BYTES, skipPacked } from "../log/packed-entries.ts";
import type { StoredBlock } from "../log/store.ts";
import { locateFields } from "../sequencing/transaction.ts";
import type { AnswerText } from "./answer-text.ts";
import { writeTransactions } from "./transaction-text.ts";

/**
 * Writes the entries [from, to), at most READ_BYTES_MAX of them but always one, as JSON objects with commas between.
 * @returns the sequence number after the last one
 */
export function writeEntries(
  log: Pick<Log, "pieces" | "ids">,
  from: number,
  to: number,
  text: AnswerText,
): number {
  let sequence = from;
  let bytesLeft = READ_BYTES_MAX;
  for (const run of log.pieces(from, to)) {
    const piece: StoredBlock = { ...run, ids: log.ids(run.first, run.first + run.count) };
    for (let start = 0; start < piece.entries.length; ) {
      const isFirst = sequence === from;
      const transactions = writeTransactions(piece, sequence, start, bytesLeft, isFirst, text);
      const count = Math.max(1, transactions);
      const end = skipPacked(piece.entries, start, count);
      bytesLeft -= end - start - count * LENGTH_BYTES;
      if (bytesLeft < 0 && !isFirst) return sequence;
      if (transactions === 0) {
        if (!isFirst) text.write(",");
        text.write(entryAsJson(piece, sequence, start + LENGTH_BYTES, end));
      }
      sequence += count;
      start = end;
    }
  }
  return sequence;
}

function entryAsJson(
  { first, entries, ids }: StoredBlock,
  sequence: number,
  start: number,
  end: number,
): string {
  const bytes = asBuffer(entries);
  const hex = (from: number, to: number): string => `0x${bytes.toString("hex", from, to)}`;
  const at = start + TIMESTAMP_BYTES;
  const timestamp = bytes.readUInt32BE(start) * 2 ** 32 + bytes.readUInt32BE(start + 4);
  const place = sequence - first;
  const id = sequence === 0 ? null : toHex(ids.subarray(place * HASH_BYTES, (place + 1) * HASH_BYTES));
  const type = payloadTypeName(bytes, at);
  const head = { sequence, timestamp, id, type };
  const payload = hex(at, end);
  if (type !== "transaction" && type !== "permission")
    return JSON.stringify({ ...head, from: null, payload });
  const fields = locateFields(bytes, at, end);
  const from = hex(fields.from, fields.from + ADDRESS_BYTES);
  const subject = hex(fields.subject, fields.subjectEnd);
  return type === "transaction"
    ? JSON.stringify({ ...head, from, data: subject, payload })
    : JSON.stringify({ ...head, from, account: subject, role: fields.role, payload });
}

/** Writes entries as hexadecimal strings with commas between. */
export function writeEntriesHex({ count, entries }: EntryRun, text: AnswerText): void {
  const bytes = asBuffer(entries);
  for (let start = 0, i = 0; i < count; i++) {
    const end = entryEnd(entries, start);
    const digits = bytes.toString("hex", start + LENGTH_BYTES, end);
    text.write(i === 0 ? `"0x${digits}"` : `,"0x${digits}"`);
    start = end;
  }
}

function asBuffer({ buffer, byteOffset, length }: Uint8Array): Buffer {
  return Buffer.from(buffer, byteOffset, length);
}
