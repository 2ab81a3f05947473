/** RLP items in their shortest form and in others, strings and lists, whole and cut short. */
import { fromHex } from "../../src/base/bytes.ts";

export const RLP_ITEMS: readonly Uint8Array[] = [
  ...["00", "7f", "80", "8100", "817f", "8180", "820102", "c0", "c105", "94", "b8", "b9", "bf"],
  ...[`94${"aa".repeat(20)}`, `93${"aa".repeat(19)}`, `95${"aa".repeat(21)}`, `b814${"aa".repeat(20)}`],
  ...[`b7${"aa".repeat(55)}`, `b837${"aa".repeat(55)}`, `b838${"aa".repeat(56)}`, `b8ff${"aa".repeat(255)}`],
  ...[`b900ff${"aa".repeat(255)}`, `b90100${"aa".repeat(256)}`, `ba000100${"aa".repeat(256)}`],
  `ba010000${"aa".repeat(256)}`,
].map((digits) => fromHex(`0x${digits}`));
