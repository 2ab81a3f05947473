/**
 * Entries as JSON, for sequencer_read: the payload as it is, and its fields for those who do not decode. A field is a
 * part of the entry's hexadecimal text, which is made once; no objects are made on the way.
 */
import { ADDRESS_BYTES } from "../base/eip712.ts";
import { HASH_BYTES } from "../base/hash.ts";
import { READ_BYTES_MAX } from "../base/limits.ts";
import { payloadTypeName, TIMESTAMP_BYTES } from "../log/entry.ts";
import type { Log } from "../log/log.ts";
import { entryEnd, LENGTH_BYTES } from "../log/packed-entries.ts";
import type { StoredBlock } from "../log/store.ts";
import { locateFields } from "../sequencing/transaction.ts";
import type { AnswerText } from "./answer-text.ts";

/**
 * Writes the entries [from, to), at most READ_BYTES_MAX of them but always one, as JSON objects with commas between.
 * @returns the sequence number after the last one
 */
export function writeEntries(log: Log, from: number, to: number, text: AnswerText): number {
  let sequence = from;
  let bytes = 0;
  for (const { count, entries, ids } of log.pieces(from, to)) {
    const entryBytes = asBuffer(entries);
    const idDigits = asBuffer(ids).toString("hex");
    let start = 0;
    for (let i = 0; i < count; i++) {
      const end = entryEnd(entries, start);
      bytes += end - start - LENGTH_BYTES;
      if (bytes > READ_BYTES_MAX && sequence > from) return sequence;
      const id = idDigits.slice(2 * i * HASH_BYTES, 2 * (i + 1) * HASH_BYTES);
      const comma = sequence === from ? "" : ",";
      text.write(entryAsJson(comma, entryBytes, start + LENGTH_BYTES, end, sequence++, id));
      start = end;
    }
  }
  return sequence;
}

/** One flat template for what most entries are: nested ones cost half as much again. */
function entryAsJson(
  comma: string,
  bytes: Buffer,
  start: number,
  end: number,
  sequence: number,
  id: string,
): string {
  const digits = bytes.toString("hex", start, end);
  const at = start + TIMESTAMP_BYTES;
  const payload = digits.slice(2 * TIMESTAMP_BYTES);
  const timestamp = bytes.readUInt32BE(start) * 2 ** 32 + bytes.readUInt32BE(start + 4);
  const type = payloadTypeName(bytes, at);
  if (type !== "transaction" && type !== "permission") {
    const idOrNull = sequence === 0 ? "null" : `"0x${id}"`;
    return `${comma}{"sequence":${sequence},"timestamp":${timestamp},"id":${idOrNull},"type":"${type}","from":null,"payload":"0x${payload}"}`;
  }
  const { from, subject, subjectEnd, role } = locateFields(bytes, at, end);
  const sender = digits.slice(2 * (from - start), 2 * (from - start + ADDRESS_BYTES));
  const field = digits.slice(2 * (subject - start), 2 * (subjectEnd - start));
  return role === undefined
    ? `${comma}{"sequence":${sequence},"timestamp":${timestamp},"id":"0x${id}","type":"transaction","from":"0x${sender}","data":"0x${field}","payload":"0x${payload}"}`
    : `${comma}{"sequence":${sequence},"timestamp":${timestamp},"id":"0x${id}","type":"permission","from":"0x${sender}","account":"0x${field}","role":"${role}","payload":"0x${payload}"}`;
}

/** Writes entries as hexadecimal strings with commas between. */
export function writeEntriesHex({ count, entries }: StoredBlock, text: AnswerText): void {
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
