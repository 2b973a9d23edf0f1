/**
 * Random choice by Zipf's law: of n things the one of rank k is chosen with a probability proportional
 * to 1 / k^alpha (0: all alike). Which thing has which rank is shuffled, and all of it follows from the
 * seed.
 */

/** Numbers from 0 to 1, 1 excluded (Mulberry32). */
export function randomFrom(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Returns a function that chooses an index below `count`. */
export function zipf(count: number, alpha: number, seed: number): () => number {
  const random = randomFrom(seed);
  const byRank = Uint32Array.from({ length: count }, (_, index) => index);
  for (let last = count - 1; last > 0; last--) {
    const other = Math.floor(random() * (last + 1));
    [byRank[last], byRank[other]] = [byRank[other], byRank[last]];
  }
  const sums = new Float64Array(count);
  let sum = 0;
  for (let rank = 0; rank < count; rank++) sums[rank] = sum += (rank + 1) ** -alpha;
  return () => {
    const point = random() * sum;
    let low = 0, high = count - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (sums[middle] > point) high = middle;
      else low = middle + 1;
    }
    return byRank[low];
  };
}
