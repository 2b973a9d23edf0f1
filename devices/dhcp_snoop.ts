/**
 * What a switch hears of DHCP (RFC 2131), so that a VM may use the address it was lent.
 *
 * A station that asks a DHCP server says a number of its choice; the answer that grants an address
 * carries it. Nothing else is read. A station that never asks keeps the address it has, whoever says
 * what; one that asks believes its servers, as on any Ethernet. When its lease is over, counted from the
 * grant that was heard last, it has no address until it is lent one.
 */

import { readMac } from "./mac.ts";

const ETHERNET = 14, UDP_HEADER = 8;
const IPPROTO_UDP = 17, SERVER_PORT = 67, CLIENT_PORT = 68;
/** Of a message: op, htype, hlen, hops; then these; options begin behind the magic cookie. */
const XID = 4, YIADDR = 16, CHADDR = 28, COOKIE = 236, OPTIONS = 240;
const ETHERNET_ADDRESSES = 0x0106, MAGIC = 0x63825363;
const PAD = 0, LEASE_TIME = 51, MESSAGE_TYPE = 53, END = 255;
/** As lease time: without end. */
const FOREVER = 0xffffffff;
const DHCPREQUEST = 3, DHCPACK = 5;

/** The number of a station's request for an address, uint32; -1: the frame is none. */
export function dhcpRequest(frame: Uint8Array): number {
  const start = message(frame, CLIENT_PORT, SERVER_PORT);
  return start >= 0 && messageType(frame, start) === DHCPREQUEST ? read32(frame, start + XID) : -1;
}

export interface DhcpGrant {
  /** Number of the request. */
  readonly request: number;
  /** To whom; MAC as a number. */
  readonly mac: number;
  /** What, uint32. */
  readonly address: number;
  /** For how long, µs; Infinity: without end, or it is not said. */
  readonly duration: number;
}

/** What a server's answer grants; null: the frame is none, or grants nothing. */
export function dhcpGrant(frame: Uint8Array): DhcpGrant | null {
  const start = message(frame, SERVER_PORT, CLIENT_PORT);
  if (start < 0 || messageType(frame, start) !== DHCPACK) return null;
  const address = read32(frame, start + YIADDR);
  if (address === 0) return null;
  const time = option(frame, start, LEASE_TIME);
  const seconds = time >= 0 && time + 4 <= frame.length ? read32(frame, time) : FOREVER;
  return {
    request: read32(frame, start + XID),
    mac: readMac(frame, start + CHADDR),
    address,
    duration: seconds === FOREVER ? Infinity : seconds * 1e6,
  };
}

/** Where a DHCP message between these ports begins; -1: the frame has none that is whole. */
function message(frame: Uint8Array, from: number, to: number): number {
  if (frame[23] !== IPPROTO_UDP || read16(frame, 12) !== 0x0800) return -1;
  const udp = ETHERNET + (frame[14] & 15) * 4;
  if (read16(frame, udp) !== from || read16(frame, udp + 2) !== to) return -1;
  const start = udp + UDP_HEADER;
  if (frame.length < start + OPTIONS || (read16(frame, 20) & 0x3fff) !== 0) return -1;
  if (read16(frame, start + 1) !== ETHERNET_ADDRESSES) return -1;
  return read32(frame, start + COOKIE) === MAGIC ? start : -1;
}

function messageType(frame: Uint8Array, start: number): number {
  const at = option(frame, start, MESSAGE_TYPE);
  return at >= 0 ? frame[at] : -1;
}

/** Where the value of an option is, of which there is a byte at least; -1: it has none. */
function option(frame: Uint8Array, start: number, code: number): number {
  for (let at = start + OPTIONS; at + 2 < frame.length && frame[at] !== END;) {
    if (frame[at] === code) return at + 2;
    at += frame[at] === PAD ? 1 : 2 + frame[at + 1];
  }
  return -1;
}

function read16(bytes: Uint8Array, at: number): number {
  return (bytes[at] << 8) | bytes[at + 1];
}

function read32(bytes: Uint8Array, at: number): number {
  return ((read16(bytes, at) << 16) | read16(bytes, at + 2)) >>> 0;
}
