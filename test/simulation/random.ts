/** sfc32 (Chris Doty-Humphrey, PractRand): a small seeded generator. The same seed is the same run, on any machine. */
import type { Random } from "../../src/replication/episub/random.ts";

export function seeded(seed: number): Random {
  let a = 0x9e3779b9;
  let b = 0x243f6a88;
  let c = seed | 0;
  let counter = 1;
  const next = () => {
    const t = (a + b + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = ((c << 21) | (c >>> 11)) + t;
    return (t >>> 0) / 2 ** 32;
  };
  for (let i = 0; i < 16; i++) next();
  return next;
}

/** A number in [0, 1) that depends on nothing but its arguments: latencies of pairs without storing them. */
export function hashed(seed: number, a: number, b: number): number {
  let h =
    Math.imul(seed ^ 0x85ebca6b, 0xcc9e2d51) ^ Math.imul(a + 1, 0x9e3779b1) ^ Math.imul(b + 1, 0x85ebca77);
  h = Math.imul(h ^ (h >>> 16), 0x7feb352d);
  h = Math.imul(h ^ (h >>> 15), 0x846ca68b);
  return ((h ^ (h >>> 16)) >>> 0) / 2 ** 32;
}
