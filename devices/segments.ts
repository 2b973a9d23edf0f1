/**
 * Completes a frame for a receiver or a link that takes no offload: writes the checksum that is missing,
 * and cuts a large TCP segment into frames, as a network card does.
 *
 * The headers are copied into each segment, so what was checked about the sender holds for all of them.
 * Nothing of the checksum that the sender left in the frame is used.
 */

import { fold, nativeWord, packetView, sum } from "./checksum.ts";
import { FRAME_MAXIMUM } from "./frame.ts";
import {
  IPPROTO_TCP,
  IPPROTO_UDP,
  OFFLOAD_PARTIAL,
  packetEnd,
  payloadStart,
  segmentSize,
  transportStart,
} from "./offload.ts";

const TCP_FIN = 0x01, TCP_PSH = 0x08, TCP_CWR = 0x80;

/** The frame that is being made. */
const scratch = packetView(FRAME_MAXIMUM);

/**
 * Gives `emit` the complete frames that one with `offload`, which fits it, stands for; they are valid
 * during the call, and `emit` must not come back here. Returns false if `emit` did for any of them.
 */
export function completeFrame(
  frame: Uint8Array,
  offload: number,
  emit: (frame: Uint8Array) => boolean,
): boolean {
  if ((offload & OFFLOAD_PARTIAL) === 0) return emit(frame);
  const start = transportStart(frame);
  const size = segmentSize(offload);
  if (size > 0) return cut(frame, start, size, emit);
  scratch.bytes.set(frame);
  seal(start, packetEnd(frame));
  return emit(scratch.bytes.subarray(0, frame.length));
}

function cut(
  frame: Uint8Array,
  start: number,
  size: number,
  emit: (frame: Uint8Array) => boolean,
): boolean {
  const { bytes } = scratch;
  const headers = payloadStart(frame, start);
  const identification = read16(frame, 18);
  const sequence = read32(frame, start + 4);
  const flags = frame[start + 13];
  let taken = true;
  for (let at = headers, index = 0; at < frame.length; at += size, index++) {
    const end = Math.min(at + size, frame.length);
    const length = headers + end - at;
    bytes.set(frame.subarray(0, headers));
    bytes.set(frame.subarray(at, end), headers);
    write16(16, length - 14);
    write16(18, identification + index);
    write32(start + 4, sequence + at - headers);
    let kept = flags;
    if (end < frame.length) kept &= ~(TCP_FIN | TCP_PSH);
    if (index > 0) kept &= ~TCP_CWR;
    bytes[start + 13] = kept;
    write16(24, 0);
    scratch.words[12] = fold(sum(scratch, 14, start - 14));
    seal(start, length);
    if (!emit(bytes.subarray(0, length))) taken = false;
  }
  return taken;
}

/** Writes the checksum of the transport whose header is at `start`; the packet ends at `end`. */
function seal(start: number, end: number): void {
  const protocol = scratch.bytes[23];
  const field = start + (protocol === IPPROTO_TCP ? 16 : 6);
  write16(field, 0);
  // The pseudo header: both addresses, the protocol and the length (RFC 9293 section 3.1, RFC 768).
  const pseudo = sum(scratch, 26, 8) + nativeWord(protocol) + nativeWord(end - start);
  const checksum = fold(sum(scratch, start, end - start, pseudo));
  // In UDP, 0 says that there is no checksum.
  scratch.words[field >> 1] = checksum === 0 && protocol === IPPROTO_UDP ? 0xffff : checksum;
}

function read16(bytes: Uint8Array, offset: number): number {
  return (bytes[offset] << 8) | bytes[offset + 1];
}

function read32(bytes: Uint8Array, offset: number): number {
  return (read16(bytes, offset) << 16) | read16(bytes, offset + 2);
}

function write16(offset: number, value: number): void {
  scratch.bytes[offset] = value >>> 8;
  scratch.bytes[offset + 1] = value;
}

function write32(offset: number, value: number): void {
  write16(offset, value >>> 16);
  write16(offset + 2, value);
}
