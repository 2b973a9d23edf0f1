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

/**
 * Where a connection starts (RFC 9293 section 3.4.1): a 4 µs clock plus a keyed mix of what tells it
 * from others. `now` in milliseconds.
 */
export function initialSequence(
  secret: number,
  remoteAddress: number,
  localPort: number,
  remotePort: number,
  now: number,
): number {
  let mixed = secret ^ remoteAddress;
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x45d9f3b) ^ ((localPort << 16) | remotePort);
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x45d9f3b);
  return ((mixed ^ (mixed >>> 16)) + Math.floor((now * 250) % 0x100000000)) | 0;
}
