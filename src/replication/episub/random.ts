/** Drawing from a given source of randomness. The source is an argument everywhere: a seed replays a run. */

/** A number in [0, 1), as Math.random gives it. */
export type Random = () => number;

export function pick<T>(random: Random, items: readonly T[]): T | undefined {
  return items[Math.floor(random() * items.length)];
}

/** Up to `count` different items, in random order (the head of a Fisher-Yates shuffle). */
export function sample<T>(random: Random, items: readonly T[], count: number): T[] {
  const pool = [...items];
  const taken = Math.min(count, pool.length);
  for (let i = 0; i < taken; i++) {
    const j = i + Math.floor(random() * (pool.length - i));
    [pool[i], pool[j]] = [pool[j]!, pool[i]!];
  }
  pool.length = taken;
  return pool;
}

/** `period` within +-`spread`. */
export function jittered(random: Random, period: number, spread: number): number {
  return period * (1 - spread + 2 * spread * random());
}
