/** The field operations of both variants against BigInt, with limbs at the extremes of their written bounds. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { getWords, type Module, mod, openModule, P, putWords } from "./modules.ts";

const ROUNDS = 20_000;
const LANES = [0, 1] as const;

/** How a variant lays out an element, and the kinds of element that its comments define. */
interface Layout {
  readonly positions: readonly bigint[];
  read(module: Module, element: number, limb: number, lane: number): number;
  write(module: Module, element: number, limb: number, lane: number, value: number): void;
  /** Smallest and largest value of a limb. */
  readonly tight: (limb: number) => readonly [number, number];
  readonly loose: (limb: number) => readonly [number, number];
  /** Table entries with y's sign flipped. */
  readonly negated: (limb: number) => readonly [number, number];
  /** The kind of the second factor and of what is squared. */
  readonly factor: (limb: number) => readonly [number, number];
}

const symmetric = (bound: number) => [-bound, bound] as const;

const fmaTight = (limb: number) => symmetric(limb === 0 ? 2 ** 51 : limb < 4 ? 2 ** 50 : 2 ** 50 + 2 ** 33);
const fmaLoose = (limb: number) => symmetric(limb === 0 ? 2 ** 51 + 2 ** 33 : 2 ** 50 + 1);

const FMA: Layout = {
  positions: [0n, 52n, 103n, 154n, 205n],
  read: ({ view }, element, limb, lane) => view.getFloat64(element + 16 * limb + 8 * lane, true),
  write: ({ view }, element, limb, lane, value) =>
    view.setFloat64(element + 16 * limb + 8 * lane, value, true),
  tight: fmaTight,
  negated: fmaTight,
  loose: fmaLoose,
  factor: fmaLoose,
};

const simdTight = (limb: number) => [0, limb < 8 ? 2 ** 29 : 2 ** 24 - 1] as const;
// The limbs of 4p from which a difference starts.
const FOUR_P = [0x5ffff0bc, 0x5fffffdd, ...Array<number>(6).fill(0x5ffffffd), 0x3fffffd];

const SIMD: Layout = {
  positions: Array.from({ length: 9 }, (_, i) => BigInt(29 * i)),
  read: ({ view }, element, limb, lane) => view.getUint32(element + 8 * limb + 4 * lane, true),
  write: ({ view }, element, limb, lane, value) => view.setUint32(element + 8 * limb + 4 * lane, value, true),
  tight: simdTight,
  negated: (limb) => [0, FOUR_P[limb]!],
  loose: (limb) => [0, limb < 8 ? 3 * 2 ** 30 - 1 : 2 ** 27 - 1],
  factor: simdTight,
};

/** A value in the range, mostly at or near its ends. Deterministic, so that a failure can be repeated. */
function extremes(seed: number): (range: readonly [number, number]) => number {
  let state = seed;
  const random = () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
  return ([low, high]) => {
    const kind = random();
    if (kind < 0.3) return high;
    if (kind < 0.5) return low;
    if (kind < 0.6) return high - 1;
    if (kind < 0.7) return low === 0 ? 1 : 0;
    if (kind < 0.8) return 2 ** Math.floor(Math.log2(high));
    return Math.round(low + (high - low) * random());
  };
}

for (const [variant, layout] of [
  ["fma", FMA],
  ["simd", SIMD],
] as const) {
  describe(`field of variant ${variant}`, () => {
    const module = openModule(variant);
    const { wasm, words } = module;
    const [a, b, c, result] = module.elements;

    const numberIn = (element: number, lane: number) =>
      layout.positions.reduce(
        (sum, position, i) => sum + (BigInt(layout.read(module, element, i, lane)) << position),
        0n,
      );

    type Pick = (range: readonly [number, number]) => number;
    const fill = (element: number, kind: Layout["tight"], pick: Pick) => {
      for (const lane of LANES) {
        for (let i = 0; i < layout.positions.length; i++)
          layout.write(module, element, i, lane, pick(kind(i)));
      }
    };

    /** Each lane of the result is congruent to what is expected, within its bounds, and the same in words. */
    const expectResult = (kind: Layout["tight"], expected: (lane: number) => bigint, what: string) => {
      for (const lane of LANES) {
        const wanted = mod(expected(lane), P);
        if (mod(numberIn(result, lane), P) !== wanted) assert.fail(`${what}: lane ${lane} is wrong`);
        for (let i = 0; i < layout.positions.length; i++) {
          const limb = layout.read(module, result, i, lane);
          const [low, high] = kind(i);
          if (!Number.isInteger(limb) || limb < low || limb > high)
            assert.fail(`${what}: limb ${i} is ${limb}`);
        }
        wasm.toWords(words, result, lane);
        if (getWords(module, words) !== wanted) assert.fail(`${what}: words of lane ${lane}`);
      }
    };

    /** Runs `check` with all limbs at their maximum, at their minimum, and mixed. */
    const atExtremes = (check: (pick: Pick) => void) => {
      check(([, high]) => high);
      check(([low]) => low);
      const pick = extremes(1);
      for (let i = 0; i < ROUNDS; i++) check(pick);
    };

    it("multiplies a loose element and squares one at the extremes of the bounds", () => {
      atExtremes((pick) => {
        fill(a, layout.loose, pick);
        fill(b, layout.factor, pick);
        wasm.multiply(result, a, b);
        expectResult(layout.tight, (lane) => numberIn(a, lane) * numberIn(b, lane), "product");
        wasm.square(result, b);
        expectResult(layout.tight, (lane) => numberIn(b, lane) ** 2n, "square");
      });
    });

    it("subtracts from a product and a square at the extremes of the bounds", () => {
      atExtremes((pick) => {
        fill(a, layout.loose, pick);
        fill(b, layout.factor, pick);
        fill(c, layout.negated, pick);
        wasm.multiplySubtract(result, a, b, c);
        expectResult(
          layout.tight,
          (lane) => numberIn(a, lane) * numberIn(b, lane) - numberIn(c, lane),
          "product - c",
        );
        fill(a, layout.tight, pick);
        fill(c, layout.tight, pick);
        wasm.squareSubtract2(result, b, a, c);
        expectResult(
          layout.tight,
          (lane) => numberIn(b, lane) ** 2n - numberIn(a, lane) - numberIn(c, lane),
          "square - a - c",
        );
      });
    });

    it("gives a loose difference of tight and of negated elements", () => {
      atExtremes((pick) => {
        fill(a, layout.negated, pick);
        fill(b, layout.negated, pick);
        wasm.fieldSubtract(result, a, b);
        expectResult(layout.loose, (lane) => numberIn(a, lane) - numberIn(b, lane), "difference");
      });
    });

    it("may store a result over an operand", () => {
      const pick = extremes(2);
      for (let i = 0; i < 100; i++) {
        fill(a, layout.loose, pick);
        fill(b, layout.factor, pick);
        fill(c, layout.tight, pick);
        wasm.multiplySubtract(result, a, b, c);
        const expected = LANES.map((lane) => numberIn(result, lane));
        wasm.multiplySubtract(c, a, b, c);
        assert.deepEqual(
          LANES.map((lane) => numberIn(c, lane)),
          expected,
        );
      }
    });

    it("converts words of every kind there and back", () => {
      const edges = [
        0n,
        1n,
        P - 1n,
        P - 2n,
        2n ** 255n,
        2n ** 255n - 1n,
        P - 2n ** 255n,
        (P - 1n) / 2n,
        (P + 1n) / 2n,
      ];
      const powers = Array.from({ length: 256 }, (_, i) => mod(2n ** BigInt(i), P));
      const belowPowers = powers.map((power) => mod(power - 1n, P));
      for (const value of [...edges, ...powers, ...belowPowers]) {
        putWords(module, words, value);
        wasm.fromWords(result, words);
        expectResult(layout.tight, () => value, `words of ${value}`);
      }
    });
  });
}
