/**
 * Requests of appends as columns, read in WebAssembly: from JSON to the fields of transactions, nearly all requests, in
 * the shapes that assembly/read knows. No others are read, and none at all where there is no WebAssembly;
 * append-request.ts then reads the same, one call after the other.
 */
import { ADDRESS_BYTES } from "../base/eip712.ts";
import { SIGNATURE_BYTES } from "../base/secp256k1.ts";
import { tryInstantiate } from "../base/wasm.ts";
import type { TransactionColumns } from "../sequencing/transaction-columns.ts";
import { read as binary } from "./generated/read.ts";

type Address = WebAssembly.Global<"i32">;

/** What assembly/read/main.ts exports. */
interface Exports {
  readonly memory: WebAssembly.Memory;
  readonly BODY_BYTES: WebAssembly.Global<"i32">;
  readonly TRANSACTIONS_MAX: WebAssembly.Global<"i32">;
  readonly BODY: Address;
  readonly SENDERS: Address;
  readonly NONCES: Address;
  readonly EXPIRES: Address;
  readonly SIGNATURES: Address;
  readonly DATA: Address;
  readonly DATA_OFFSETS: Address;
  readonly ENTRIES: Address;
  readonly ENTRY_OFFSETS: Address;
  readonly LINES: Address;
  readonly LINE_OFFSETS: Address;
  read(bodyBytes: number, first: number): number;
}

/** Memory for the transactions of several requests, end to end. */
export interface AppendColumns extends TransactionColumns {
  /**
   * Reads the body of a request into the places from `first` on, over whatever is there.
   * @returns how many transactions it brings; 0 if it has to be read in the other way
   */
  read(body: Uint8Array, first: number): number;
  /** The ids of the calls at the places [from, to), as JSON, a line each. */
  lines(from: number, to: number): Uint8Array;
}

/** One for the whole thread; undefined where there is no WebAssembly. */
export const appendColumns: AppendColumns | undefined = open();

function open(): AppendColumns | undefined {
  const wasm = tryInstantiate<Exports>(binary);
  if (wasm === undefined) return undefined;
  const { buffer } = wasm.memory;
  const body = new Uint8Array(buffer, wasm.BODY.value, wasm.BODY_BYTES.value);
  const places = wasm.TRANSACTIONS_MAX.value;
  const column = (start: Address, bytes: number) => new Uint8Array(buffer, start.value, bytes * places);
  const offsetsAt = (start: Address) => new Uint32Array(buffer, start.value, places + 1);
  const lines = new Uint8Array(buffer, wasm.LINES.value);
  const lineOffsets = offsetsAt(wasm.LINE_OFFSETS);
  return {
    senders: column(wasm.SENDERS, ADDRESS_BYTES),
    nonces: column(wasm.NONCES, 8),
    expires: column(wasm.EXPIRES, 8),
    signatures: column(wasm.SIGNATURES, SIGNATURE_BYTES),
    data: new Uint8Array(buffer, wasm.DATA.value),
    dataOffsets: offsetsAt(wasm.DATA_OFFSETS),
    entries: new Uint8Array(buffer, wasm.ENTRIES.value),
    entryOffsets: offsetsAt(wasm.ENTRY_OFFSETS),
    read(bytes, first) {
      if (bytes.length > body.length) return 0;
      body.set(bytes);
      return wasm.read(bytes.length, first);
    },
    lines: (from, to) => lines.subarray(lineOffsets[from], lineOffsets[to]! - 1),
  };
}
