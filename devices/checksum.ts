/**
 * The Internet checksum (RFC 1071) over a packet buffer.
 *
 * The sum is taken over native 16-bit words, which is several times faster than over bytes and
 * gives the same result in either byte order (RFC 1071 section 2 (B)) as long as the result is
 * stored as a native word too. So every offset passed here must be even, and `words` and `bytes`
 * must be views of the same memory.
 */

const LITTLE_ENDIAN = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;

export interface PacketView {
  readonly bytes: Uint8Array;
  readonly words: Uint16Array;
}

export function packetView(size: number): PacketView {
  const words = new Uint16Array((size + 1) >> 1);
  return { bytes: new Uint8Array(words.buffer, 0, size), words };
}

/** `value` of a big-endian field as the native word that such a field would be read as. */
export function nativeWord(value: number): number {
  return LITTLE_ENDIAN ? ((value & 0xff) << 8) | ((value >>> 8) & 0xff) : value & 0xffff;
}

/** Adds `length` bytes from the even `offset` to a running sum. Room for 64 KiB before a fold. */
export function sum(packet: PacketView, offset: number, length: number, start = 0): number {
  const words = packet.words;
  const end = (offset + length) >> 1;
  let total = start;
  for (let i = offset >> 1; i < end; i++) total += words[i];
  if ((length & 1) !== 0) {
    const last = packet.bytes[offset + length - 1];
    total += LITTLE_ENDIAN ? last : last << 8;
  }
  return total;
}

/** Folds a running sum into the one's complement 16-bit checksum, as a native word. */
export function fold(total: number): number {
  let folded = (total & 0xffff) + (total >>> 16);
  folded = (folded & 0xffff) + (folded >>> 16);
  return ~folded & 0xffff;
}

/** Start of a TCP or UDP sum: the pseudo header of RFC 9293 section 3.1, read from the IP header. */
export function pseudoHeader(
  packet: PacketView,
  ipOffset: number,
  protocol: number,
  length: number,
): number {
  return sum(packet, ipOffset + 12, 8) + nativeWord(protocol) + nativeWord(length);
}
