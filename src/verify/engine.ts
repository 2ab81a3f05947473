/**
 * One variant of the fast path: a WebAssembly module, its memory, and the keys' tables in it, one per slot.
 * The compiled code checks no bounds; every length is checked here. The memory grows with the slots used and
 * never shrinks.
 */
import { fromBase64 } from "../base/bytes.ts";
import { instantiate } from "../base/wasm.ts";
import { fused } from "./generated/fused.ts";
import { standard } from "./generated/standard.ts";

/** Fused multiply-add, or standard SIMD for machines without. */
export type EngineVariant = "fma" | "simd";

/** What assembly/verify/main.ts exports. */
export interface EngineExports {
  readonly memory: WebAssembly.Memory;
  readonly CHUNK: WebAssembly.Global<"i32">;
  readonly DIGESTS: WebAssembly.Global<"i32">;
  readonly SIGNATURES: WebAssembly.Global<"i32">;
  readonly PLACES: WebAssembly.Global<"i32">;
  readonly TABLES: WebAssembly.Global<"i32">;
  readonly KEY: WebAssembly.Global<"i32">;
  readonly ANSWERS: WebAssembly.Global<"i32">;
  readonly TABLE_BYTES: WebAssembly.Global<"i32">;
  tablesStart(): number;
  initialize(): number;
  addKey(table: number): number;
  verify(count: number): void;
  isExact(): number;
}

export const REJECTED = 0;
export const ACCEPTED = 1;
/** The sum met equal or opposite points, which affine additions cannot add. */
export const EXCEPTIONAL = 2;

export interface Engine {
  readonly variant: EngineVariant;
  /** Signatures in one call of verify, at most. */
  readonly chunk: number;
  readonly tableBytes: number;
  /** Whether this machine's arithmetic is the one that the variant needs. */
  isExact(): boolean;
  /** Builds the table of a key x || y, a point of the curve, in a slot; false if there is no memory for it. */
  buildTable(slot: number, publicKey: Uint8Array): boolean;
  /** Signature number `i` of the next call is at `place` of its arrays, by the key in `slot`. */
  place(i: number, place: number, slot: number): void;
  /** Answers for `count` placed signatures, valid until the next call. At most `chunk` of each in the arrays. */
  verify(digests: Uint8Array, signatures: Uint8Array, count: number): Uint8Array;
}

const PAGE_BYTES = 65_536;
/** Tables by which the memory grows at a time. */
const GROWTH_TABLES = 8;
const MODULES = { fma: fused, simd: standard };

/** Compiles a variant and builds the generator's table, about 10 ms; throws where the machine cannot run it. */
export function openEngine(variant: EngineVariant): Engine {
  return engineFrom(variant, fromBase64(MODULES[variant])!);
}

export function engineFrom(variant: EngineVariant, binary: Uint8Array): Engine {
  const wasm = instantiate<EngineExports>(binary);
  if (!wasm.initialize()) throw new Error("the generator's table could not be built");
  const chunk = wasm.CHUNK.value;
  const tableBytes = wasm.TABLE_BYTES.value;
  const tables = wasm.tablesStart();
  let bytes = new Uint8Array(wasm.memory.buffer);
  let words = new Uint32Array(wasm.memory.buffer);
  /** Slots below this have memory. */
  let slots = 0;
  const places = wasm.PLACES.value / 4;
  const pointers = wasm.TABLES.value / 4;

  function reserve(slot: number): boolean {
    if (slot < slots) return true;
    const end = tables + (slot + GROWTH_TABLES) * tableBytes;
    try {
      wasm.memory.grow(Math.max(0, Math.ceil((end - bytes.length) / PAGE_BYTES)));
    } catch {
      return false;
    }
    bytes = new Uint8Array(wasm.memory.buffer);
    words = new Uint32Array(wasm.memory.buffer);
    slots = slot + GROWTH_TABLES;
    return true;
  }

  return {
    variant,
    chunk,
    tableBytes,
    isExact: () => wasm.isExact() !== 0,
    buildTable(slot, publicKey) {
      check(publicKey.length === 64 && slot >= 0, "a key is x || y");
      if (!reserve(slot)) return false;
      const key = new DataView(wasm.memory.buffer, wasm.KEY.value, 64);
      const view = new DataView(publicKey.buffer, publicKey.byteOffset, 64);
      // Words least significant first, of x and then of y.
      for (let i = 0; i < 4; i++) {
        key.setBigUint64(8 * i, view.getBigUint64(24 - 8 * i), true);
        key.setBigUint64(32 + 8 * i, view.getBigUint64(56 - 8 * i), true);
      }
      return wasm.addKey(tables + slot * tableBytes) !== 0;
    },
    place(i, place, slot) {
      check(i < chunk && place >= 0 && place < chunk, "a place in the chunk");
      check(slot >= 0 && slot < slots, "a table in use");
      words[places + i] = place;
      words[pointers + i] = tables + slot * tableBytes;
    },
    verify(digests, signatures, count) {
      const held = digests.length / 32;
      check(held <= chunk && signatures.length === 65 * held, "digests and signatures are of one chunk");
      check(count > 0 && count <= chunk, "no more signatures are placed than fit");
      for (let i = 0; i < count; i++) check(words[places + i]! < held, "a place is in the chunk");
      bytes.set(digests, wasm.DIGESTS.value);
      bytes.set(signatures, wasm.SIGNATURES.value);
      wasm.verify(count);
      return bytes.subarray(wasm.ANSWERS.value, wasm.ANSWERS.value + count);
    },
  };
}

function check(condition: boolean, rule: string): void {
  if (!condition) throw new RangeError(rule);
}
