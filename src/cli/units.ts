/**
 * Amounts and durations as people write them: always with their unit, because a bare number of wei or ether is off by
 * eighteen digits.
 */
import { SequencerError } from "../base/errors.ts";

const DECIMALS: Readonly<Record<string, number>> = { wei: 0, gwei: 9, ether: 18, eth: 18 };
const SECONDS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3_600, d: 86_400 };

/** Wei in "1.5ether", "10gwei" or "1wei". @throws SequencerError `usage` */
export function parseAmount(text: string, flag: string): bigint {
  const match = /^(\d{1,30})(?:\.(\d{1,18}))? ?(wei|gwei|ether|eth)$/.exec(text);
  const [, whole = "", fraction = "", unit = ""] = match ?? [];
  const decimals = DECIMALS[unit];
  if (decimals === undefined || fraction.length > decimals) {
    throw new SequencerError(
      "usage",
      `-${flag} needs an amount with its unit, like 1.5ether or 100wei, not "${text}"`,
    );
  }
  return BigInt(whole + fraction.padEnd(decimals, "0"));
}

/** Seconds in "21d", "36h", "90m" or "60s". @throws SequencerError `usage` */
export function parseDuration(text: string, flag: string): number {
  const match = /^(\d{1,9})([smhd])$/.exec(text);
  if (match === null) {
    throw new SequencerError(
      "usage",
      `-${flag} needs a duration with its unit, like 21d or 36h, not "${text}"`,
    );
  }
  return Number(match[1]) * SECONDS[match[2]!]!;
}

/** "1.5 ether (1500000000000000000 wei)". */
export function describeAmount(wei: bigint): string {
  const digits = String(wei).padStart(DECIMALS.ether! + 1, "0");
  const point = digits.length - DECIMALS.ether!;
  const fraction = digits.slice(point).replace(/0+$/, "");
  return `${digits.slice(0, point)}${fraction && `.${fraction}`} ether (${wei} wei)`;
}

export function describeDuration(seconds: number): string {
  const days = seconds / 86_400;
  return Number.isInteger(days) ? `${days} days` : `${seconds} seconds`;
}

/** A chain's time, Unix seconds. */
export function describeTime(seconds: number): string {
  return new Date(seconds * 1_000).toISOString();
}
