/** Inverses and scalar products against BigInt. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { getWords, invertMod, mod, N, openModule, P, putWords } from "./modules.ts";

const module = openModule("simd");
const { wasm, view, words } = module;
const [a, b, result] = module.elements;
const R = 2n ** 261n;

describe("inverses", () => {
  const edges = (modulus: bigint) => [
    ...[1n, 2n, 3n, modulus - 1n, modulus - 2n, (modulus - 1n) / 2n, (modulus + 1n) / 2n],
    ...Array.from({ length: 256 }, (_, i) => mod(2n ** BigInt(i), modulus)),
    ...Array.from({ length: 255 }, (_, i) => mod(2n ** BigInt(i + 1) - 1n, modulus)),
  ];
  for (const [name, modulus, address] of [
    ["p", P, wasm.FIELD_MODULUS.value],
    ["n", N, wasm.ORDER_MODULUS.value],
  ] as const) {
    const inverseOf = (value: bigint) => {
      putWords(module, words, value);
      assert.equal(wasm.invert(words, address), 1);
      return getWords(module, words);
    };

    it(`modulo ${name} are canonical at the edges`, () => {
      for (const value of edges(modulus)) assert.equal(inverseOf(value), invertMod(value, modulus));
    });

    it(`modulo ${name} are those of BigInt`, () => {
      const values = fc.bigInt({ min: 1n, max: modulus - 1n });
      fc.assert(
        fc.property(values, (value) => inverseOf(value) === invertMod(value, modulus)),
        { numRuns: 3_000 },
      );
    });
  }
});

describe("scalar products", () => {
  const put = (at: number, value: bigint) => {
    for (let i = 0; i < 9; i++) view.setBigUint64(at + 8 * i, (value >> BigInt(29 * i)) & 0x1fffffffn, true);
  };
  const get = (at: number) => {
    let value = 0n;
    for (let i = 8; i >= 0; i--) {
      const limb = view.getBigUint64(at + 8 * i, true);
      assert.ok(limb < 2n ** 29n);
      value = (value << 29n) | limb;
    }
    return value;
  };
  const check = (x: bigint, y: bigint) => {
    put(a, x);
    put(b, y);
    wasm.multiplyScalars(result, a, b);
    const product = get(result);
    assert.ok(product < 2n ** 257n, "a product can be an operand again");
    assert.equal(mod(product * R, N), mod(x * y, N));
  };

  it("are right and within bounds at the edges", () => {
    const top = 2n ** 257n - 1n;
    const edges = [0n, 1n, N - 1n, N, N + 1n, 2n ** 256n - 1n, 2n ** 256n, top, top - 1n, 2n ** 252n - 1n];
    for (const x of edges) for (const y of edges) check(x, y);
  });

  it("are right for any operands below 2^257", () => {
    const operand = fc.bigInt({ min: 0n, max: 2n ** 257n - 1n });
    fc.assert(fc.property(operand, operand, check), { numRuns: 3_000 });
  });
});
