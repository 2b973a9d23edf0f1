/**
 * Checksum and segmentation offload: what a frame leaves to whoever passes it on.
 *
 * Between ends in one process a frame is copied from memory to memory, so a checksum protects nothing,
 * and a TCP segment may be as large as an IP packet. Such a frame goes along with one integer, its
 * offload: 0 for a frame that is complete. Guests and TAP devices say the same in a virtio_net_hdr
 * (virtio 1.2, 5.1.6), which devices/virtio_header.ts reads and writes.
 *
 *     bits 0..15   payload bytes of each TCP segment that the frame is to be cut into, 0: it is not
 *     OFFLOAD_PARTIAL    the checksum of TCP or UDP is not there yet; it needs no look at the receiver
 *     OFFLOAD_VALID      the checksum was looked at already
 *
 * The integer and the frame come from guests and cells, which are not trusted: `offloadFits` is asked
 * at every border, and after it the functions here may rely on the frame's headers. Only TCP and UDP in
 * IPv4 are known. A receiver that takes no offload gets what `completeFrame` makes (devices/segments.ts).
 */

import { FRAME_MAXIMUM, FRAME_MINIMUM, LARGE_FRAME_MAXIMUM } from "./frame.ts";

export const OFFLOAD_PARTIAL = 1 << 16;
export const OFFLOAD_VALID = 1 << 17;
const OFFLOAD_SIZE = 0xffff;

/** What a receiver takes, bits: frames whose checksum is missing; TCP segments larger than a frame. */
export const TAKES_CHECKSUM = 1, TAKES_SEGMENTS = 2;

/** Most frames that one may become: a bound of the work that a sender can ask for with one frame. */
export const SEGMENTS_MAXIMUM = 128;

const ETHERNET_HEADER = FRAME_MINIMUM, IPV4_HEADER = 20, TCP_HEADER = 20, UDP_HEADER = 8;
export const IPPROTO_TCP = 6, IPPROTO_UDP = 17;
/** TCP flags that no segment to be cut may have: SYN, RST, URG. */
const TCP_UNCUTTABLE = 0x26;

function read16(bytes: Uint8Array, offset: number): number {
  return (bytes[offset] << 8) | bytes[offset + 1];
}

/** Payload bytes of each segment; 0: the frame is one. */
export function segmentSize(offload: number): number {
  return offload & OFFLOAD_SIZE;
}

/** Bytes up to the end of the IPv4 packet in a frame that `offloadFits`. */
export function packetEnd(frame: Uint8Array): number {
  return ETHERNET_HEADER + read16(frame, 16);
}

/** Where the header of TCP or UDP stands in an unfragmented IPv4 packet that has it whole; else -1. */
export function transportStart(frame: Uint8Array): number {
  if (frame.length < ETHERNET_HEADER + IPV4_HEADER) return -1;
  if (read16(frame, 12) !== 0x0800 || frame[14] >>> 4 !== 4) return -1;
  const start = ETHERNET_HEADER + ((frame[14] & 15) << 2);
  const end = packetEnd(frame);
  if (start < ETHERNET_HEADER + IPV4_HEADER || end > frame.length) return -1;
  if ((read16(frame, 20) & 0x3fff) !== 0) return -1;
  if (frame[23] === IPPROTO_TCP) {
    if (start + TCP_HEADER > end) return -1;
    const payload = payloadStart(frame, start);
    return payload >= start + TCP_HEADER && payload <= end ? start : -1;
  }
  if (frame[23] !== IPPROTO_UDP || start + UDP_HEADER > end) return -1;
  return read16(frame, start + 4) === end - start ? start : -1;
}

/** Where the payload of the TCP segment with its header at `start` begins. */
export function payloadStart(frame: Uint8Array, start: number): number {
  return start + ((frame[start + 12] >>> 4) << 2);
}

/** Whether a frame may go along with this offload. */
export function offloadFits(frame: Uint8Array, offload: number): boolean {
  if (frame.length < FRAME_MINIMUM || frame.length > LARGE_FRAME_MAXIMUM) return false;
  if ((offload & ~(OFFLOAD_SIZE | OFFLOAD_PARTIAL | OFFLOAD_VALID)) !== 0) return false;
  const size = offload & OFFLOAD_SIZE;
  if (size === 0 && frame.length > FRAME_MAXIMUM) return false;
  if ((offload & OFFLOAD_PARTIAL) === 0) return size === 0;
  const start = transportStart(frame);
  return start >= 0 && (size === 0 || isCuttable(frame, start, size));
}

/** Whether a TCP segment may be cut into pieces of `size` bytes. */
function isCuttable(frame: Uint8Array, start: number, size: number): boolean {
  if (frame[23] !== IPPROTO_TCP || (frame[start + 13] & TCP_UNCUTTABLE) !== 0) return false;
  const headers = payloadStart(frame, start);
  const payload = frame.length - headers;
  return packetEnd(frame) === frame.length && headers + size <= FRAME_MAXIMUM && payload > 0 &&
    payload <= size * SEGMENTS_MAXIMUM && (frame[0] & 1) === 0;
}

/** How many frames this one is on a wire. */
export function wireFrames(frame: Uint8Array, offload: number): number {
  const size = offload & OFFLOAD_SIZE;
  if (size === 0) return 1;
  const headers = payloadStart(frame, transportStart(frame));
  return Math.ceil((frame.length - headers) / size);
}

/** How many bytes it is on a wire. */
export function wireBytes(frame: Uint8Array, offload: number): number {
  if ((offload & OFFLOAD_SIZE) === 0) return frame.length;
  const headers = payloadStart(frame, transportStart(frame));
  return frame.length + (wireFrames(frame, offload) - 1) * headers;
}

/** Whether a receiver that takes TAKES_ bits gets the frame as it is. */
export function isTaken(offload: number, takes: number): boolean {
  if ((offload & OFFLOAD_PARTIAL) === 0) return true;
  const needed = (offload & OFFLOAD_SIZE) === 0 ? TAKES_CHECKSUM : TAKES_CHECKSUM | TAKES_SEGMENTS;
  return (takes & needed) === needed;
}
