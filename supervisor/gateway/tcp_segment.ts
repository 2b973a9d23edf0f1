/** The TCP header (RFC 9293 section 3.1) and the two options that a SYN carries here. */
import { get16, get32, put16, put32 } from "./bytes.ts";
import { fold, type PacketView, pseudoHeader, sum } from "./checksum.ts";
import { MTU } from "./ethernet.ts";
import { IPPROTO_TCP, IPV4_HEADER, type Ipv4Packet } from "./ipv4.ts";

export const TCP_HEADER = 20;
export const TCP_FIN = 1;
export const TCP_SYN = 2;
export const TCP_RST = 4;
export const TCP_PSH = 8;
export const TCP_ACK = 16;
/** Bytes of the options that `writeSegment` adds to a SYN: MSS, no-op, window scale. */
export const SYN_OPTIONS = 8;
/** Largest payload of one segment on this link. */
export const MSS: number = MTU - IPV4_HEADER - TCP_HEADER;
/** What a peer accepts that announces nothing (RFC 9293 section 3.7.1). */
export const MSS_DEFAULT = 536;
/** Smallest MSS that we believe: less would let a peer make us send mostly headers. */
const MSS_MINIMUM = 88;
/** RFC 7323 section 2.3. */
const SCALE_MAXIMUM = 14;

/** The window scale with which `window` bytes can be announced (RFC 7323 section 2.2). */
export function windowScale(window: number): number {
  let scale = 0;
  while (window >> scale > 0xffff) scale++;
  return scale;
}

/** A received segment; `payload` is an offset into the frame. Sequence numbers are int32. */
export interface Segment {
  sourcePort: number;
  destinationPort: number;
  sequence: number;
  acknowledgment: number;
  flags: number;
  window: number;
  payload: number;
  length: number;
  /** 0: not announced. */
  mss: number;
  /** -1: not announced. */
  scale: number;
}

export function emptySegment(): Segment {
  return {
    sourcePort: 0,
    destinationPort: 0,
    sequence: 0,
    acknowledgment: 0,
    flags: 0,
    window: 0,
    payload: 0,
    length: 0,
    mss: 0,
    scale: -1,
  };
}

/** Fills `into`; `checked`: the checksum needs no look. Returns the reason when the segment must be dropped, otherwise null. */
export function parseSegment(
  frame: PacketView,
  packet: Ipv4Packet,
  into: Segment,
  checked = false,
): "malformed" | "checksum" | null {
  const bytes = frame.bytes;
  const at = packet.payload;
  if (packet.length < TCP_HEADER) return "malformed";
  const header = (bytes[at + 12] >>> 4) << 2;
  if (header < TCP_HEADER || header > packet.length) return "malformed";
  if (!checked) {
    // ETHERNET_HEADER is where the IP header stands, whatever its length.
    const pseudo = pseudoHeader(frame, 14, IPPROTO_TCP, packet.length);
    if (fold(sum(frame, at, packet.length, pseudo)) !== 0) return "checksum";
  }
  into.sourcePort = get16(bytes, at);
  into.destinationPort = get16(bytes, at + 2);
  into.sequence = get32(bytes, at + 4);
  into.acknowledgment = get32(bytes, at + 8);
  into.flags = bytes[at + 13] & 0x3f;
  into.window = get16(bytes, at + 14);
  into.payload = at + header;
  into.length = packet.length - header;
  into.mss = 0;
  into.scale = -1;
  if ((into.flags & TCP_SYN) !== 0) parseOptions(bytes, at + TCP_HEADER, at + header, into);
  return null;
}

function parseOptions(bytes: Uint8Array, start: number, end: number, into: Segment): void {
  let at = start;
  while (at < end) {
    const kind = bytes[at];
    if (kind === 0) return;
    if (kind === 1) {
      at++;
      continue;
    }
    const length = at + 1 < end ? bytes[at + 1] : 0;
    if (length < 2 || at + length > end) return;
    if (kind === 2 && length === 4) into.mss = Math.max(get16(bytes, at + 2), MSS_MINIMUM);
    if (kind === 3 && length === 3) into.scale = Math.min(bytes[at + 2], SCALE_MAXIMUM);
    at += length;
  }
}

/**
 * Writes the header at `at`; the payload of `length` bytes already stands behind it, the IP header
 * before it. `scale` (SYN only): -1 leaves the option out. Returns bytes of header and payload.
 */
export function writeSegment(
  frame: PacketView,
  at: number,
  sourcePort: number,
  destinationPort: number,
  sequence: number,
  acknowledgment: number,
  flags: number,
  window: number,
  scale: number,
): number {
  const bytes = frame.bytes;
  const header = (flags & TCP_SYN) !== 0 ? TCP_HEADER + SYN_OPTIONS : TCP_HEADER;
  put16(bytes, at, sourcePort);
  put16(bytes, at + 2, destinationPort);
  put32(bytes, at + 4, sequence);
  put32(bytes, at + 8, acknowledgment);
  put16(bytes, at + 12, (header << 10) | flags);
  put16(bytes, at + 14, window);
  put32(bytes, at + 16, 0);
  if (header > TCP_HEADER) {
    put32(bytes, at + TCP_HEADER, 0x02040000 | MSS);
    put32(bytes, at + TCP_HEADER + 4, scale < 0 ? 0x01010101 : 0x01030300 | scale);
  }
  return header;
}

/** Completes the checksum of a segment of `length` bytes at `at`; the IP header is written. */
export function sealSegment(frame: PacketView, at: number, length: number): void {
  const pseudo = pseudoHeader(frame, 14, IPPROTO_TCP, length);
  frame.words[(at + 16) >> 1] = fold(sum(frame, at, length, pseudo));
}

/** Leaves the checksum to others: only the sum of the pseudo header is written. */
export function leaveSegment(frame: PacketView, at: number, length: number): void {
  frame.words[(at + 16) >> 1] = ~fold(pseudoHeader(frame, 14, IPPROTO_TCP, length));
}
