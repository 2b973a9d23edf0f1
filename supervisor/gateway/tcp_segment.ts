/**
 * The TCP header (RFC 9293 section 3.1) and its options: MSS, window scale (RFC 7323) and SACK-permitted in
 * a SYN, selective acknowledgements (RFC 2018) in segments without data.
 */
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
/** Bytes of the options that `writeSegment` adds to a SYN. */
export const SYN_OPTIONS = 12;
/** Blocks that fit into a header without other options. */
export const SACK_BLOCKS = 4;
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

const NO_BLOCKS = new Int32Array(0);

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
  selective: boolean;
  /** Start and end of each block. */
  readonly blocks: Int32Array;
  blockCount: number;
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
    selective: false,
    blocks: new Int32Array(2 * SACK_BLOCKS),
    blockCount: 0,
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
  into.selective = false;
  into.blockCount = 0;
  if (header > TCP_HEADER) parseOptions(bytes, at + TCP_HEADER, at + header, into);
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
    if (kind === 5) parseBlocks(bytes, at, length, into);
    if ((into.flags & TCP_SYN) === 0) {
      at += length;
      continue;
    }
    if (kind === 4 && length === 2) into.selective = true;
    if (kind === 2 && length === 4) into.mss = Math.max(get16(bytes, at + 2), MSS_MINIMUM);
    if (kind === 3 && length === 3) into.scale = Math.min(bytes[at + 2], SCALE_MAXIMUM);
    at += length;
  }
}

function parseBlocks(bytes: Uint8Array, at: number, length: number, into: Segment): void {
  const count = Math.min((length - 2) >> 3, SACK_BLOCKS);
  for (let word = 0; word < 2 * count; word++) {
    into.blocks[word] = get32(bytes, at + 2 + 4 * word);
  }
  into.blockCount = count;
}

/**
 * Writes the header at `at`; the payload of `length` bytes already stands behind it, the IP header
 * before it. `scale` (SYN only): -1 leaves the option out, and `selective` says whether that one is in. The
 * first `blockCount` of `blocks` are acknowledged (not in a SYN). Returns bytes of the header.
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
  selective = false,
  blocks: Int32Array = NO_BLOCKS,
  blockCount = 0,
): number {
  const bytes = frame.bytes;
  const syn = (flags & TCP_SYN) !== 0;
  const options = syn ? SYN_OPTIONS : blockCount > 0 ? 4 + 8 * blockCount : 0;
  const header = TCP_HEADER + options;
  put16(bytes, at, sourcePort);
  put16(bytes, at + 2, destinationPort);
  put32(bytes, at + 4, sequence);
  put32(bytes, at + 8, acknowledgment);
  put16(bytes, at + 12, (header << 10) | flags);
  put16(bytes, at + 14, window);
  put32(bytes, at + 16, 0);
  if (syn) {
    put32(bytes, at + TCP_HEADER, 0x02040000 | MSS);
    put32(bytes, at + TCP_HEADER + 4, selective ? 0x01010402 : 0x01010101);
    put32(bytes, at + TCP_HEADER + 8, scale < 0 ? 0x01010101 : 0x01030300 | scale);
  } else if (blockCount > 0) {
    put32(bytes, at + TCP_HEADER, 0x01010500 | (2 + 8 * blockCount));
    for (let word = 0; word < 2 * blockCount; word++) {
      put32(bytes, at + TCP_HEADER + 4 + 4 * word, blocks[word]);
    }
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
