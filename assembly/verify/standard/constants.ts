/** Constants of the standard field, in two equal lanes. In memory for the reason in ../fused/constants.ts. */

export const MASK29 = memory.data<u64>([0x1fffffff, 0x1fffffff], 16);
export const MASK24 = memory.data<u64>([0xffffff, 0xffffff], 16);

/**
 * 4p with limbs so large that two tight elements can be subtracted from it: its digits, plus 2^30 borrowed
 * from the limb above as 2. Limb 8 is 2^26 - 3; the others are between 2^30 and 2^30 + 2^29. One limb more is
 * zero, to fill an element.
 */
const B0: u32 = 0x40000000 + 0x1ffff0bc;
const B1: u32 = 0x40000000 + 0x1fffffdf - 2;
const BI: u32 = 0x40000000 + 0x1fffffff - 2;
const B8: u32 = 0x03ffffff - 2;
export const FOUR_P = memory.data<u32>(
  [B0, B0, B1, B1, BI, BI, BI, BI, BI, BI, BI, BI, BI, BI, BI, BI, B8, B8, 0, 0],
  16,
);
