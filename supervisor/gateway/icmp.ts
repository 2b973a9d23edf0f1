/**
 * ICMP (RFC 792): answers echo requests and sends them, tells VMs what of theirs nobody takes, and flows
 * (udp_flows.ts) what a VM does not take.
 */
import type { Arp } from "./arp.ts";
import { get16, get32, put16, put32 } from "./bytes.ts";
import { fold, type PacketView, sum } from "./checksum.ts";
import { ETHERNET_HEADER, type FrameBuilder, MTU } from "./ethernet.ts";
import {
  IPPROTO_ICMP,
  IPPROTO_UDP,
  IPV4_HEADER,
  IPV4_PAYLOAD,
  type Ipv4Packet,
  sendIpv4,
  writeIpv4,
} from "./ipv4.ts";
import { sendFragments } from "./ipv4_fragments.ts";
import type { UdpFlows } from "./udp_flows.ts";

const ICMP_HEADER = 8;
const ICMP_ECHO_REPLY = 0;
const ICMP_UNREACHABLE = 3;
const ICMP_ECHO = 8;
export const ICMP_HOST_UNREACHABLE = 1;
export const ICMP_PROTOCOL_UNREACHABLE = 2;
export const ICMP_PORT_UNREACHABLE = 3;
export const ICMP_PROHIBITED = 13;
const ICMP_SOURCE_QUENCH = 4, ICMP_REDIRECT = 5, ICMP_TIME_EXCEEDED = 11, ICMP_PARAMETER = 12;
/** Messages about which no error is sent, so that two hosts never answer each other's (RFC 1122 3.2.2). */
const ERRORS: readonly number[] = [
  ICMP_UNREACHABLE,
  ICMP_SOURCE_QUENCH,
  ICMP_REDIRECT,
  ICMP_TIME_EXCEEDED,
  ICMP_PARAMETER,
];
/** Errors per second that all VMs together can make us send (RFC 1812 section 4.3.2.8). */
const ERRORS_PER_SECOND = 1000;

export class Icmp {
  echoes = 0;
  errors = 0;
  readonly #frame: FrameBuilder;
  readonly #arp: Arp;
  readonly #address: number;
  readonly #pending = new Map<number, (now: number) => void>();
  #sequence = 0;
  #second = 0;
  #inSecond = 0;

  constructor(frame: FrameBuilder, arp: Arp, address: number, readonly flows: UdpFlows) {
    this.#frame = frame;
    this.#arp = arp;
    this.#address = address;
  }

  receive(frame: PacketView, packet: Ipv4Packet, mac: Uint8Array, now: number): boolean {
    const { payload, length } = packet;
    if (length < ICMP_HEADER) return false;
    if (fold(sum(frame, payload, length)) !== 0) return false;
    switch (frame.bytes[payload]) {
      case ICMP_ECHO:
        this.#answer(frame, packet, mac);
        break;
      case ICMP_UNREACHABLE:
        this.#refused(frame.bytes, packet);
        break;
      case ICMP_ECHO_REPLY:
        this.#pending.get(packet.source ^ get16(frame.bytes, payload + 6))?.(now);
    }
    return true;
  }

  /** Sends one echo request; `answered` gets the time of the answer. Returns a cancel function. */
  ping(address: number, now: number, answered: (now: number) => void): () => void {
    const sequence = this.#sequence = (this.#sequence + 1) & 0xffff;
    const id = address ^ sequence;
    this.#pending.set(id, (at) => {
      this.#pending.delete(id);
      answered(at);
    });
    const neighbour = this.#arp.neighbour(address);
    this.#arp.resolve(neighbour, now, (found) => {
      if (!found || !this.#pending.has(id)) return;
      const bytes = this.#frame.bytes;
      put32(bytes, IPV4_PAYLOAD, ICMP_ECHO << 24);
      put32(bytes, IPV4_PAYLOAD + 4, sequence);
      this.#send(address, neighbour.mac, ICMP_HEADER);
    });
    return () => this.#pending.delete(id);
  }

  /** Destination unreachable, for the packet that stands in `frame`. */
  unreachable(
    frame: Pick<PacketView, "bytes">,
    packet: Ipv4Packet,
    mac: Uint8Array,
    code: number,
    now: number,
  ) {
    if (packet.protocol === IPPROTO_ICMP && ERRORS.includes(frame.bytes[packet.payload])) return;
    const second = Math.floor(now / 1000);
    if (second !== this.#second) {
      this.#second = second;
      this.#inSecond = 0;
    }
    if (++this.#inSecond > ERRORS_PER_SECOND) return;
    this.errors++;
    const quoted = packet.payload - ETHERNET_HEADER + Math.min(8, packet.length);
    const bytes = this.#frame.bytes;
    put32(bytes, IPV4_PAYLOAD, (ICMP_UNREACHABLE << 24) | (code << 16));
    put32(bytes, IPV4_PAYLOAD + 4, 0);
    const quote = frame.bytes.subarray(ETHERNET_HEADER, ETHERNET_HEADER + quoted);
    bytes.set(quote, IPV4_PAYLOAD + ICMP_HEADER);
    this.#send(packet.source, mac, ICMP_HEADER + quoted, packet.destination);
  }

  /** Tells the flow whose datagram is quoted. */
  #refused(bytes: Uint8Array, { source, payload, length }: Ipv4Packet): void {
    const quote = payload + ICMP_HEADER;
    const header = (bytes[quote] & 15) << 2;
    if (length < ICMP_HEADER + IPV4_HEADER + 8 || length < ICMP_HEADER + header + 8) return;
    if (bytes[quote + 9] !== IPPROTO_UDP || get32(bytes, quote + 12) >>> 0 !== this.#address) {
      return;
    }
    const ports = quote + header;
    this.flows.find(get16(bytes, ports), source, get16(bytes, ports + 2))?.events.failed();
  }

  #answer(frame: PacketView, packet: Ipv4Packet, mac: Uint8Array): void {
    this.echoes++;
    const { payload, length } = packet;
    if (length > MTU - IPV4_HEADER) return this.#answerLarge(frame, packet, mac);
    this.#frame.bytes.set(frame.bytes.subarray(payload, payload + length), IPV4_PAYLOAD);
    put16(this.#frame.bytes, IPV4_PAYLOAD, ICMP_ECHO_REPLY << 8);
    this.#send(packet.source, mac, length);
  }

  /** For a request that came in fragments: it stands at IPV4_PAYLOAD, and becomes its answer there. */
  #answerLarge(whole: PacketView, { source, length }: Ipv4Packet, mac: Uint8Array): void {
    put32(whole.bytes, IPV4_PAYLOAD, ICMP_ECHO_REPLY << 24);
    whole.words[(IPV4_PAYLOAD + 2) >> 1] = fold(sum(whole, IPV4_PAYLOAD, length));
    const packet = { source: this.#address, destination: source, protocol: IPPROTO_ICMP };
    sendFragments(this.#frame, mac, packet, whole, length);
  }

  #send(to: number, mac: Uint8Array, length: number, from: number = this.#address): void {
    const frame = this.#frame;
    writeIpv4(frame, from, to, IPPROTO_ICMP, length);
    put16(frame.bytes, IPV4_PAYLOAD + 2, 0);
    frame.words[(IPV4_PAYLOAD + 2) >> 1] = fold(sum(frame, IPV4_PAYLOAD, length));
    sendIpv4(frame, mac, length);
  }
}
