/**
 * Transactions as JSON, many at once, in WebAssembly: what nearly all entries are, in the one shape that assembly/text
 * knows. Writes nothing where there is no WebAssembly; entry-json.ts then writes the same, one entry after the other.
 */
import { HASH_BYTES } from "../base/hash.ts";
import { tryInstantiate } from "../base/wasm.ts";
import { PAYLOAD_TYPES, TIMESTAMP_BYTES } from "../log/entry.ts";
import { entryEnd, LENGTH_BYTES } from "../log/packed-entries.ts";
import type { StoredBlock } from "../log/store.ts";
import type { AnswerText } from "./answer-text.ts";
import { text as binary } from "./generated/text.ts";

/** What assembly/text/main.ts exports. */
interface Exports {
  readonly memory: WebAssembly.Memory;
  readonly ENTRIES_MAX: WebAssembly.Global<"i32">;
  readonly INPUT_BYTES: WebAssembly.Global<"i32">;
  readonly INPUT: WebAssembly.Global<"i32">;
  readonly IDS: WebAssembly.Global<"i32">;
  readonly OUTPUT: WebAssembly.Global<"i32">;
  readonly outputBytes: WebAssembly.Global<"i32">;
  write(count: number, sequence: number): number;
}

const wasm = tryInstantiate<Exports>(binary);
const memory = new Uint8Array(wasm?.memory.buffer ?? new ArrayBuffer(0));
const entriesMax = wasm?.ENTRIES_MAX.value ?? 0;
const inputBytesMax = wasm?.INPUT_BYTES.value ?? 0;

/**
 * Writes transactions of a block as JSON objects with commas between, from the one with this sequence number on, which
 * lies at `start`: as many as one call takes and `bytesMax` bytes hold, and none beyond the next entry of another type.
 * @param isFirst whether no comma comes before them
 * @returns how many were written, maybe none
 */
export function writeTransactions(
  { first, count, entries, ids }: StoredBlock,
  sequence: number,
  start: number,
  bytesMax: number,
  isFirst: boolean,
  text: AnswerText,
): number {
  if (wasm === undefined) return 0;
  const place = sequence - first;
  const most = Math.min(count - place, entriesMax);
  let fitting = 0;
  let end = start;
  let bytesLeft = bytesMax;
  for (; fitting < most && isTransaction(entries, end); fitting++) {
    const next = entryEnd(entries, end);
    bytesLeft -= next - end - LENGTH_BYTES;
    if (bytesLeft < 0 || next - start > inputBytesMax) break;
    end = next;
  }
  if (fitting === 0) return 0;
  memory.set(entries.subarray(start, end), wasm.INPUT.value);
  memory.set(ids.subarray(place * HASH_BYTES, (place + fitting) * HASH_BYTES), wasm.IDS.value);
  const written = wasm.write(fitting, sequence);
  if (written === 0) return 0;
  const output = wasm.OUTPUT.value;
  // Every one comes with a comma before it.
  text.writeBytes(memory.subarray(output + (isFirst ? 1 : 0), output + wasm.outputBytes.value));
  return written;
}

function isTransaction(packed: Uint8Array, start: number): boolean {
  return packed[start + LENGTH_BYTES + TIMESTAMP_BYTES] === PAYLOAD_TYPES.transaction;
}
