/**
 * What a frame of a station says about who sent it, and whether that is true: its MAC address, its IPv4
 * address, and both again in ARP.
 *
 * A station may send IPv4, ARP, and the ethertype 0x88b5 for local experiments (IEEE 802, clause
 * 9.2.4). Others could carry an address that is not checked here (VLAN tags, IPv6).
 */

import { readMac } from "./mac.ts";

const ETHERTYPE_IPV4 = 0x0800, ETHERTYPE_ARP = 0x0806, ETHERTYPE_EXPERIMENT = 0x88b5;
const ARP_REQUEST = 1;
/** Bytes of an Ethernet header with an ARP packet for IPv4 (RFC 826). */
const ARP_FRAME_BYTES = 42;
const IPV4_FRAME_BYTES = 34;

export type SourceFault = "malformed" | "spoofed_mac" | "spoofed_ip" | "protocol";

/**
 * What is wrong with a frame of the station that has this MAC address (as a number) and this IPv4 address
 * (uint32, 0 for none); null: nothing. The frame has at least an Ethernet header.
 */
export function checkSource(mac: number, address: number, frame: Uint8Array): SourceFault | null {
  if (readMac(frame, 6) !== mac) return "spoofed_mac";
  switch (readUint16(frame, 12)) {
    case ETHERTYPE_IPV4:
      if (frame.length < IPV4_FRAME_BYTES) return "malformed";
      return checkAddress(address, readUint32(frame, 26));
    case ETHERTYPE_ARP:
      if (!isArpForIpv4(frame)) return "malformed";
      if (readMac(frame, 22) !== mac) return "spoofed_mac";
      return checkAddress(address, readUint32(frame, 28));
    case ETHERTYPE_EXPERIMENT:
      return null;
    default:
      return "protocol";
  }
}

/** The sender's IPv4 address in an IPv4 or ARP frame, 0 in others; -1: it is too short to tell. */
export function senderAddress(frame: Uint8Array): number {
  switch (readUint16(frame, 12)) {
    case ETHERTYPE_IPV4:
      return frame.length < IPV4_FRAME_BYTES ? -1 : readUint32(frame, 26);
    case ETHERTYPE_ARP:
      return frame.length < ARP_FRAME_BYTES ? -1 : readUint32(frame, 28);
    default:
      return 0;
  }
}

/** The IPv4 address that an ARP request asks for; null: the frame is none. */
export function arpRequested(frame: Uint8Array): number | null {
  const isRequest = readUint16(frame, 12) === ETHERTYPE_ARP && isArpForIpv4(frame) &&
    readUint16(frame, 20) === ARP_REQUEST;
  return isRequest ? readUint32(frame, 38) : null;
}

/** 0.0.0.0 is what a station says that has no address yet (RFC 2131, RFC 5227). */
function checkAddress(own: number, sender: number): SourceFault | null {
  return sender === own || sender === 0 ? null : "spoofed_ip";
}

/** Hardware type Ethernet, protocol IPv4, addresses of 6 and 4 bytes (RFC 826). */
function isArpForIpv4(frame: Uint8Array): boolean {
  return frame.length >= ARP_FRAME_BYTES && readUint16(frame, 14) === 1 &&
    readUint16(frame, 16) === ETHERTYPE_IPV4 && readUint16(frame, 18) === 0x0604;
}

function readUint32(bytes: Uint8Array, offset: number): number {
  return ((bytes[offset] << 24) | (bytes[offset + 1] << 16) | (bytes[offset + 2] << 8) |
    bytes[offset + 3]) >>> 0;
}

function readUint16(bytes: Uint8Array, offset: number): number {
  return (bytes[offset] << 8) | bytes[offset + 1];
}
