/**
 * The WebAssembly hasher and its memory: a window of data, offsets into it, digests out of it. Nothing grows.
 * Used only after its self-test; the callers check lengths, for the compiled code checks nothing.
 */
import { sha256 as nobleSha256 } from "@noble/hashes/sha2.js";
import { keccak_256 as nobleKeccak256 } from "@noble/hashes/sha3.js";
import { concatBytes, equalBytes } from "../base/bytes.ts";
import { tryInstantiate } from "../base/wasm.ts";
import { hash } from "./generated/hash.ts";

export type Algorithm = "keccak256" | "sha256";
/** A byte before each message; -1 for none. keccak-256 takes none. */
export type Prefix = -1 | 0x00 | 0x01;

/** What assembly/hash/main.ts exports. */
interface Exports {
  readonly memory: WebAssembly.Memory;
  readonly DATA: WebAssembly.Global<"i32">;
  readonly DATA_BYTES: WebAssembly.Global<"i32">;
  readonly MESSAGES_MAX: WebAssembly.Global<"i32">;
  readonly OFFSETS: WebAssembly.Global<"i32">;
  readonly OUTPUT: WebAssembly.Global<"i32">;
  spread(count: number, length: number): void;
  keccak256(count: number): void;
  sha256(count: number, prefix: number): void;
}

export interface Lanes {
  /** Bytes and messages of one call, at most. */
  readonly dataBytes: number;
  readonly messagesMax: number;
  /** The window's data, twice, and its offsets, for the caller to fill. */
  readonly data: Uint8Array;
  readonly view: DataView;
  readonly offsets: Uint32Array;
  /** Sets the offsets of `count` messages of equal length. */
  spread(count: number, length: number): void;
  /** Digests of the first `count` messages, valid until the next call. */
  hash(algorithm: Algorithm, count: number, prefix: Prefix): Uint8Array;
}

let opened: { readonly lanes: Lanes | undefined } | undefined;

/** One for all callers of a thread; undefined where WebAssembly SIMD is missing or gives a wrong answer. */
export function lanes(): Lanes | undefined {
  opened ??= { lanes: open() };
  return opened.lanes;
}

function open(): Lanes | undefined {
  const wasm = tryInstantiate<Exports>(hash);
  const instance = wasm && lanesOf(wasm);
  return instance !== undefined && selfTest(instance) ? instance : undefined;
}

function lanesOf(wasm: Exports): Lanes {
  const { buffer } = wasm.memory;
  const dataBytes = wasm.DATA_BYTES.value;
  const messagesMax = wasm.MESSAGES_MAX.value;
  const output = new Uint8Array(buffer, wasm.OUTPUT.value, 32 * messagesMax);
  return {
    dataBytes,
    messagesMax,
    data: new Uint8Array(buffer, wasm.DATA.value, dataBytes),
    view: new DataView(buffer, wasm.DATA.value, dataBytes),
    offsets: new Uint32Array(buffer, wasm.OFFSETS.value, messagesMax + 1),
    spread: wasm.spread,
    hash(algorithm, count, prefix) {
      if (algorithm === "sha256") wasm.sha256(count, prefix);
      else wasm.keccak256(count);
      return output.subarray(0, 32 * count);
    },
  };
}

/** Lengths around the blocks of both hashes, more messages than lanes, against @noble/hashes. */
function selfTest(lanes: Lanes): boolean {
  const messages = [0, 1, 55, 56, 63, 64, 65, 119, 120, 135, 136, 137, 272, 300].map((length) =>
    Uint8Array.from({ length }, (_, i) => (7 * i + length) & 0xff),
  );
  let end = 0;
  messages.forEach((message, i) => {
    lanes.offsets[i] = end;
    lanes.data.set(message, end);
    end += message.length;
  });
  lanes.offsets[messages.length] = end;
  const agrees = (algorithm: Algorithm, prefix: Prefix, expected: (message: Uint8Array) => Uint8Array) =>
    equalBytes(lanes.hash(algorithm, messages.length, prefix), concatBytes(...messages.map(expected)));
  return (
    agrees("keccak256", -1, nobleKeccak256) &&
    agrees("sha256", -1, nobleSha256) &&
    agrees("sha256", 1, (message) => nobleSha256(concatBytes(Uint8Array.of(1), message)))
  );
}
