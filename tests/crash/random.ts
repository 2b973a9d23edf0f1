/** Numbers that look random and are the same for the same seed. */

export type Random = () => number;

/** Uniform in 0..1 (a linear congruential generator, as in POSIX rand48's family). */
export function random(seed: number): Random {
  let state = seed >>> 0 | 1;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

export function pick<T>(rng: Random, items: readonly T[]): T {
  return items[Math.floor(rng() * items.length)];
}
