/** The compiled modules, opened so that tests can reach single operations. */
import { fromBase64 } from "../../src/base/bytes.ts";
import { instantiate } from "../../src/base/wasm.ts";
import type { EngineExports } from "../../src/verify/engine.ts";
import { fused } from "../../src/verify/generated/fused.ts";
import { standard } from "../../src/verify/generated/standard.ts";

export const P = 2n ** 256n - 2n ** 32n - 977n;
export const N = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;

/** What assembly/verify/main.ts exports beyond what the host uses. All numbers are addresses. */
export interface FieldExports extends EngineExports {
  readonly PROBE: WebAssembly.Global<"i32">;
  readonly ELEMENT: WebAssembly.Global<"i32">;
  readonly FIELD_MODULUS: WebAssembly.Global<"i32">;
  readonly ORDER_MODULUS: WebAssembly.Global<"i32">;
  multiply(into: number, a: number, b: number): void;
  multiplySubtract(into: number, a: number, b: number, c: number): void;
  square(into: number, a: number): void;
  squareSubtract2(into: number, a: number, b: number, c: number): void;
  fieldSubtract(into: number, a: number, b: number): void;
  fromWords(into: number, words: number): void;
  toWords(words: number, element: number, lane: number): void;
  invert(words: number, modulus: number): number;
  multiplyScalars(into: number, a: number, b: number): void;
}

export const BINARIES = { fma: fromBase64(fused)!, simd: fromBase64(standard)! };

export interface Module {
  readonly wasm: FieldExports;
  readonly view: DataView;
  /** Addresses of four elements and of a number's words. */
  readonly elements: readonly [number, number, number, number];
  readonly words: number;
}

export function openModule(variant: "fma" | "simd"): Module {
  const wasm = instantiate<FieldExports>(BINARIES[variant]);
  const probe = wasm.PROBE.value;
  const size = wasm.ELEMENT.value;
  return {
    wasm,
    view: new DataView(wasm.memory.buffer),
    elements: [probe, probe + size, probe + 2 * size, probe + 3 * size],
    words: probe + 4 * size,
  };
}

export function putWords({ view }: Module, at: number, value: bigint): void {
  for (let i = 0; i < 4; i++)
    view.setBigUint64(at + 8 * i, BigInt.asUintN(64, value >> BigInt(64 * i)), true);
}

export function getWords({ view }: Module, at: number): bigint {
  let value = 0n;
  for (let i = 3; i >= 0; i--) value = (value << 64n) | view.getBigUint64(at + 8 * i, true);
  return value;
}

export function mod(value: bigint, modulus: bigint): bigint {
  return ((value % modulus) + modulus) % modulus;
}

export function invertMod(value: bigint, modulus: bigint): bigint {
  let [r0, r1, s0, s1] = [mod(value, modulus), modulus, 1n, 0n];
  while (r1 !== 0n) {
    const q = r0 / r1;
    [r0, r1, s0, s1] = [r1, r0 - q * r1, s1, s0 - q * s1];
  }
  return mod(s0, modulus);
}
