/**
 * IPv4 (RFC 791) as far as a host on one Ethernet needs it: options skipped, no forwarding; fragments in
 * ipv4_fragments.ts.
 */
import { get16, get32, put16, put32 } from "./bytes.ts";
import { fold, type PacketView, sum } from "./checksum.ts";
import { ETHERNET_HEADER, ETHERTYPE_IPV4, type FrameBuilder } from "./ethernet.ts";

export const IPV4_HEADER = 20;
/** Where the payload of every packet that we send begins in its frame. */
export const IPV4_PAYLOAD: number = ETHERNET_HEADER + IPV4_HEADER;
/** The largest packet, bytes. */
export const PACKET_MAXIMUM = 65_535;
export const IPPROTO_ICMP = 1;
export const IPPROTO_TCP = 6;
export const IPPROTO_UDP = 17;

const DONT_FRAGMENT = 0x4000;

/** A received header; addresses are uint32 in host order, offsets count from the frame's start. */
export interface Ipv4Packet {
  source: number;
  destination: number;
  protocol: number;
  payload: number;
  length: number;
}

export function emptyPacket(): Ipv4Packet {
  return { source: 0, destination: 0, protocol: 0, payload: 0, length: 0 };
}

/** Fills `into`. Returns the reason when the packet must be dropped, or is a part of one; otherwise null. */
export function parseIpv4(
  frame: PacketView,
  frameLength: number,
  into: Ipv4Packet,
): "malformed" | "checksum" | "fragment" | null {
  const bytes = frame.bytes;
  if (frameLength < IPV4_PAYLOAD || bytes[ETHERNET_HEADER] >>> 4 !== 4) return "malformed";
  const header = (bytes[ETHERNET_HEADER] & 15) << 2;
  const total = get16(bytes, ETHERNET_HEADER + 2);
  if (header < IPV4_HEADER || total < header || ETHERNET_HEADER + total > frameLength) {
    return "malformed";
  }
  if (fold(sum(frame, ETHERNET_HEADER, header)) !== 0) return "checksum";
  into.protocol = bytes[ETHERNET_HEADER + 9];
  into.source = get32(bytes, ETHERNET_HEADER + 12) >>> 0;
  into.destination = get32(bytes, ETHERNET_HEADER + 16) >>> 0;
  into.payload = ETHERNET_HEADER + header;
  into.length = total - header;
  return (get16(bytes, ETHERNET_HEADER + 6) & 0x3fff) !== 0 ? "fragment" : null;
}

/**
 * Writes the header for `length` bytes of payload at IPV4_PAYLOAD (TTL 64). `place`: identification, flags and
 * offset of a fragment; default: don't fragment.
 */
export function writeIpv4(
  frame: PacketView,
  source: number,
  destination: number,
  protocol: number,
  length: number,
  place = DONT_FRAGMENT,
): void {
  const bytes = frame.bytes;
  const at = ETHERNET_HEADER;
  put16(bytes, at, 0x4500);
  put16(bytes, at + 2, IPV4_HEADER + length);
  put32(bytes, at + 4, place);
  put16(bytes, at + 8, (64 << 8) | protocol);
  put16(bytes, at + 10, 0);
  put32(bytes, at + 12, source);
  put32(bytes, at + 16, destination);
  frame.words[(at + 10) >> 1] = fold(sum(frame, at, IPV4_HEADER));
}

export function sendIpv4(
  frame: FrameBuilder,
  mac: Uint8Array,
  length: number,
  offload = 0,
): boolean {
  return frame.send(mac, ETHERTYPE_IPV4, IPV4_PAYLOAD + length, offload);
}

/** "10.0.0.1" for messages. */
export function formatAddress(address: number): string {
  return `${address >>> 24}.${(address >>> 16) & 255}.${(address >>> 8) & 255}.${address & 255}`;
}
