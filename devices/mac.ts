/** MAC addresses as numbers: six bytes make an integer below 2^48. */

/** The MAC address that begins at `offset`. */
export function readMac(bytes: Uint8Array, offset: number): number {
  const low = (bytes[offset + 2] << 24) | (bytes[offset + 3] << 16) | (bytes[offset + 4] << 8) |
    bytes[offset + 5];
  return ((bytes[offset] << 8) | bytes[offset + 1]) * 2 ** 32 + (low >>> 0);
}
