/** Sequence numbers (RFC 9293 section 3.4) are int32, compared modulo 2^32. */

export function before(a: number, b: number): boolean {
  return ((a - b) | 0) < 0;
}

export function after(a: number, b: number): boolean {
  return ((a - b) | 0) > 0;
}

/** a - b; right while the two are less than 2 GiB apart. */
export function distance(a: number, b: number): number {
  return (a - b) | 0;
}
