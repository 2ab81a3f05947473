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
    const idBytes = asBuffer(ids);
    let start = 0;
    for (let i = 0; i < count; i++) {
      const end = entryEnd(entries, start);
      bytes += end - start - LENGTH_BYTES;
      if (bytes > READ_BYTES_MAX && sequence > from) return sequence;
      const idDigits = idBytes.toString("hex", i * HASH_BYTES, (i + 1) * HASH_BYTES);
      if (sequence > from) text.write(",");
      text.write(entryAsJson(entryBytes, start + LENGTH_BYTES, end, sequence++, idDigits));
      start = end;
    }
  }
  return sequence;
}

function entryAsJson(bytes: Buffer, start: number, end: number, sequence: number, idDigits: string): string {
  const digits = bytes.toString("hex", start, end);
  const hex = (from: number, to: number): string =>
    `"0x${digits.slice(2 * (from - start), 2 * (to - start))}"`;
  const at = start + TIMESTAMP_BYTES;
  const timestamp = bytes.readUInt32BE(start) * 2 ** 32 + bytes.readUInt32BE(start + 4);
  const id = sequence === 0 ? "null" : `"0x${idDigits}"`;
  const type = payloadTypeName(bytes, at);
  const head = `{"sequence":${sequence},"timestamp":${timestamp},"id":${id},"type":"${type}"`;
  const payload = hex(at, end);
  if (type !== "transaction" && type !== "permission") return `${head},"from":null,"payload":${payload}}`;
  const { from, subject, subjectEnd, role } = locateFields(bytes, at, end);
  const sender = hex(from, from + ADDRESS_BYTES);
  const fields =
    role === undefined
      ? `"data":${hex(subject, subjectEnd)}`
      : `"account":${hex(subject, subjectEnd)},"role":"${role}"`;
  return `${head},"from":${sender},${fields},"payload":${payload}}`;
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
