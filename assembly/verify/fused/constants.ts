/**
 * Constants of the fused field. V8 rebuilds a v128 constant at every use, which costs more than half of a
 * multiplication's time; loaded from memory it costs nothing. Hence addresses here, each of two equal lanes.
 */

/** Bits of 1.5 * 2^103, 1.5 * 2^104 and 1.5 * 2^52. */
const HI: u64 = 0x4668000000000000;
const HI0: u64 = 0x4678000000000000;
const LO: u64 = 0x4338000000000000;

/** 1.5 * 2^103; 1.5 * 2^103 + 1.5 * 2^52; 1.5 * 2^104; 1.5 * 2^52. */
export const SPLIT = memory.data<u64>([HI, HI], 16);
export const SPLIT_LOW = memory.data<u64>([HI + 3, HI + 3], 16);
export const SPLIT0 = memory.data<u64>([HI0, HI0], 16);
export const UNIT = memory.data<u64>([LO, LO], 16);

export const MASK51 = memory.data<u64>([0x7ffffffffffff, 0x7ffffffffffff], 16);
export const MASK52 = memory.data<u64>([0xfffffffffffff, 0xfffffffffffff], 16);
/** Bits of 2^52: or-ed with an integer below 2^52 they make the double 2^52 + integer. */
export const EXPONENT = memory.data<u64>([0x4330000000000000, 0x4330000000000000], 16);
/** 2^52 + 2^50 and 2^52 + 2^51: take off the exponent and centre a digit of 51 or 52 bits. */
export const CENTRE51 = memory.data<f64>([5629499534213120, 5629499534213120], 16);
export const CENTRE52 = memory.data<f64>([6755399441055744, 6755399441055744], 16);
/** K = 2^256 modulo p; K / 2^51; 2^-52; 2^-51. */
export const FOLD = memory.data<f64>([4294968273, 4294968273], 16);
export const FOLD_TOP = memory.data<f64>([4294968273.0 / 2251799813685248.0, 4294968273.0 / 2251799813685248.0], 16);
export const DOWN52 = memory.data<f64>([1.0 / 4503599627370496.0, 1.0 / 4503599627370496.0], 16);
export const DOWN51 = memory.data<f64>([1.0 / 2251799813685248.0, 1.0 / 2251799813685248.0], 16);
/** 1.5 * 2^103 and 1.5 * 2^104 also round: (x + c) - c is the multiple of 2^51 or 2^52 nearest to x. */
export const ROUND51 = SPLIT;
export const ROUND52 = SPLIT0;

/**
 * A column is made positive before its carry by 2^58, which leaves a carry too large by 2^6 (columns of
 * 52 bits: 0 and 5) or 2^7, and centred by half a digit.
 */
const BIAS51: u64 = (1 << 58) + (1 << 50);
const BIAS52: u64 = (1 << 58) + (1 << 51);
const CARRIED52: u64 = 1 << 6;
const CARRIED51: u64 = 1 << 7;

/**
 * Starting values of columns 0 to 9: minus the constants of the summands (counted high, low), plus the
 * column's bias, minus that of the carry which comes in. Column 9 becomes a double, hence plus LO.
 */
const P0: u64 = 0 - 2 * LO + BIAS52;
const P1: u64 = 0 - 2 * HI0 - 3 * LO + BIAS51 - CARRIED52;
const P2: u64 = 0 - 3 * HI - 4 * LO + BIAS51 - CARRIED51;
const P3: u64 = 0 - 4 * HI - 5 * LO + BIAS51 - CARRIED51;
const P4: u64 = 0 - 4 * HI - 6 * LO + BIAS51;
const P5: u64 = 0 - 5 * HI - 8 * LO + BIAS52;
const P6: u64 = 0 - 4 * HI - 3 * LO + BIAS51 - CARRIED52;
const P7: u64 = 0 - 3 * HI - 2 * LO + BIAS51 - CARRIED51;
const P8: u64 = 0 - 2 * HI - 1 * LO + BIAS51 - CARRIED51;
const P9: u64 = 0 - 1 * HI + LO - CARRIED51;
export const PRODUCT = memory.data<u64>(
  [P0, P0, P1, P1, P2, P2, P3, P3, P4, P4, P5, P5, P6, P6, P7, P7, P8, P8, P9, P9],
  16,
);

/** The same for a square, whose columns 1 to 4 are doubled after summing. */
const S2: u64 = 0 - 3 * HI - 5 * LO + BIAS51 - CARRIED51;
const S3: u64 = 0 - 5 * HI - 5 * LO + BIAS51 - CARRIED51;
const S4: u64 = 0 - 4 * HI - 7 * LO + BIAS51;
const S5: u64 = 0 - 6 * HI - 4 * LO + BIAS52;
const S6: u64 = 0 - 2 * HI - 2 * LO + BIAS51 - CARRIED52;
const S7: u64 = 0 - 2 * HI - 1 * LO + BIAS51 - CARRIED51;
const S8: u64 = 0 - 1 * HI - 1 * LO + BIAS51 - CARRIED51;
export const SQUARE = memory.data<u64>(
  [P0, P0, P1, P1, S2, S2, S3, S3, S4, S4, S5, S5, S6, S6, S7, S7, S8, S8, P9, P9],
  16,
);

/** What column 4 carries over 2^256, and the last carry into limb 4: one high part and one carry each. */
const OVER: u64 = 0 - 1 * HI - CARRIED51 + LO;
const LAST: u64 = 0 - 1 * HI - CARRIED51 + LO - (1 << 50);
export const OVER_START = memory.data<u64>([OVER, OVER], 16);
export const LAST_START = memory.data<u64>([LAST, LAST], 16);
