/**
 * The struct virtio_net_hdr in front of a frame (virtio 1.2, 5.1.6; Linux linux/virtio_net.h), as
 * little-endian as everything here:
 *
 *     0  flags        1: the checksum is missing, 2: it was verified
 *     1  gso_type     0: one frame, 1: TCP over IPv4
 *     2  hdr_len      bytes of all headers, a hint
 *     4  gso_size     payload bytes of each segment
 *     6  csum_start   where the transport's header begins
 *     8  csum_offset  where the checksum is behind that
 *
 * A header says nothing that the frame does not say as well, except for two flags and the size of
 * segments; those are kept as the frame's offload (devices/offload.ts), the rest must agree.
 */

import {
  IPPROTO_TCP,
  OFFLOAD_PARTIAL,
  OFFLOAD_VALID,
  offloadFits,
  payloadStart,
  segmentSize,
  transportStart,
} from "./offload.ts";

export const VIRTIO_HEADER_BYTES = 10;
export const VIRTIO_NET_HDR_F_NEEDS_CSUM = 1, VIRTIO_NET_HDR_F_DATA_VALID = 2;
export const VIRTIO_NET_HDR_GSO_NONE = 0, VIRTIO_NET_HDR_GSO_TCPV4 = 1;
const TCP_CHECKSUM = 16, UDP_CHECKSUM = 6;

function read16(bytes: Uint8Array, offset: number): number {
  return bytes[offset] | (bytes[offset + 1] << 8);
}

function write16(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset] = value;
  bytes[offset + 1] = value >>> 8;
}

/** The offload of a frame by the header in `bytes`; -1: they do not fit each other. */
export function readVirtioHeader(bytes: Uint8Array, frame: Uint8Array): number {
  const flags = bytes[0], type = bytes[1];
  const partial = (flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) !== 0;
  let offload = (flags & VIRTIO_NET_HDR_F_DATA_VALID) !== 0 ? OFFLOAD_VALID : 0;
  if (partial) offload |= OFFLOAD_PARTIAL;
  if (type === VIRTIO_NET_HDR_GSO_TCPV4) {
    const size = read16(bytes, 4);
    if (size === 0) return -1;
    offload |= size;
  } else if (type !== VIRTIO_NET_HDR_GSO_NONE) return -1;
  if (flags > 3 || !offloadFits(frame, offload)) return -1;
  if (!partial) return offload;
  const start = transportStart(frame);
  if (read16(bytes, 6) !== start) return -1;
  const isTcp = frame[23] === IPPROTO_TCP;
  return read16(bytes, 8) === (isTcp ? TCP_CHECKSUM : UDP_CHECKSUM) ? offload : -1;
}

/** Writes the header for a frame whose offload fits it. */
export function writeVirtioHeader(bytes: Uint8Array, frame: Uint8Array, offload: number): void {
  bytes.fill(0, 0, VIRTIO_HEADER_BYTES);
  if ((offload & OFFLOAD_PARTIAL) === 0) {
    if ((offload & OFFLOAD_VALID) !== 0) bytes[0] = VIRTIO_NET_HDR_F_DATA_VALID;
    return;
  }
  const start = transportStart(frame);
  const isTcp = frame[23] === IPPROTO_TCP;
  bytes[0] = VIRTIO_NET_HDR_F_NEEDS_CSUM;
  write16(bytes, 6, start);
  write16(bytes, 8, isTcp ? TCP_CHECKSUM : UDP_CHECKSUM);
  if (segmentSize(offload) === 0) return;
  bytes[1] = VIRTIO_NET_HDR_GSO_TCPV4;
  write16(bytes, 2, payloadStart(frame, start));
  write16(bytes, 4, segmentSize(offload));
}
