/**
 * UDP (RFC 768): handlers by port, and flows to VMs (udp_flows.ts); who wants them takes datagrams for the
 * world, or for our other ports. What nobody takes is answered with ICMP.
 */
import type { Arp } from "./arp.ts";
import { get16, put16 } from "./bytes.ts";
import { fold, type PacketView, packetView, pseudoHeader, sum } from "./checksum.ts";
import type { Endpoint } from "./connection.ts";
import { ETHERNET_HEADER, type FrameBuilder, MTU } from "./ethernet.ts";
import {
  IPPROTO_UDP,
  IPV4_HEADER,
  IPV4_PAYLOAD,
  type Ipv4Packet,
  PACKET_MAXIMUM,
  sendIpv4,
  writeIpv4,
} from "./ipv4.ts";
import { sendFragments } from "./ipv4_fragments.ts";
import type { Timers } from "./timers.ts";
import { UdpFlows } from "./udp_flows.ts";

const UDP_HEADER = 8;
export const UDP_PAYLOAD_MAXIMUM: number = PACKET_MAXIMUM - IPV4_HEADER - UDP_HEADER;

/** `payload` is a copy. `reply` may be called later and more than once; false: it was not sent. */
export type DatagramHandler = (
  payload: Uint8Array,
  from: Endpoint,
  reply: (payload: Uint8Array) => boolean,
) => void;

/**
 * Decides on a datagram for another address than ours, or for a port of ours without a handler. `payload`
 * is a copy. `reply` may be called later and more than once, with who answers; false: it was not sent.
 */
export type OutboundDatagrams = (
  payload: Uint8Array<ArrayBuffer>,
  to: Endpoint,
  from: Endpoint,
  reply: (payload: Uint8Array, from: Endpoint) => boolean,
) => "taken" | "prohibited" | "unreachable";

export class Udp {
  outbound: OutboundDatagrams | null = null;
  readonly flows: UdpFlows;
  readonly #handlers = new Map<number, DatagramHandler>();
  readonly #frame: FrameBuilder;
  readonly #address: number;
  /** Where datagrams are built that take more than one packet. */
  #large: PacketView | undefined;

  constructor(
    frame: FrameBuilder,
    address: number,
    arp: Arp,
    timers: Timers,
    now: () => number,
    random: () => number,
  ) {
    this.#frame = frame;
    this.#address = address;
    this.flows = new UdpFlows(address, this, arp, timers, now, random);
  }

  bind(port: number, handler: DatagramHandler): () => void {
    if (this.#handlers.has(port)) throw new Error(`UDP port ${port} already has a handler`);
    this.#handlers.set(port, handler);
    return () => {
      if (this.#handlers.get(port) === handler) this.#handlers.delete(port);
    };
  }

  isBound(port: number): boolean {
    return this.#handlers.has(port);
  }

  receive(
    frame: PacketView,
    packet: Ipv4Packet,
    mac: Uint8Array,
    checked: boolean,
  ): "malformed" | "checksum" | "unreachable" | "prohibited" | null {
    const { bytes } = frame;
    const at = packet.payload;
    if (packet.length < UDP_HEADER) return "malformed";
    const length = get16(bytes, at + 4);
    if (length < UDP_HEADER || length > packet.length) return "malformed";
    if (!checked && get16(bytes, at + 6) !== 0) {
      const pseudo = pseudoHeader(frame, ETHERNET_HEADER, IPPROTO_UDP, length);
      if (fold(sum(frame, at, length, pseudo)) !== 0) return "checksum";
    }
    const port = get16(bytes, at + 2);
    const own = packet.destination === this.#address;
    const from = { address: packet.source, port: get16(bytes, at) };
    const flow = own ? this.flows.find(port, from.address, from.port) : undefined;
    if (flow !== undefined) {
      this.flows.receive(flow, copy(bytes, at, length));
      return null;
    }
    const handler = own ? this.#handlers.get(port) : undefined;
    if (handler === undefined && this.outbound === null) return own ? "unreachable" : "prohibited";
    const payload = copy(bytes, at, length);
    const to = mac.slice(), here = { address: packet.destination, port };
    if (handler !== undefined) {
      handler(payload, from, (answer) => this.send(to, from, here, answer));
      return null;
    }
    const taken = this.outbound!(
      payload,
      here,
      from,
      (answer, source) => this.send(to, from, source, answer),
    );
    return taken === "taken" ? null : taken;
  }

  /** False: it is too large, or there is no room on the link now. */
  send(mac: Uint8Array, to: Endpoint, from: Endpoint, payload: Uint8Array): boolean {
    if (payload.length > UDP_PAYLOAD_MAXIMUM) return false;
    const length = UDP_HEADER + payload.length;
    const whole = length <= MTU - IPV4_HEADER;
    const frame = whole
      ? this.#frame
      : this.#large ??= packetView(ETHERNET_HEADER + PACKET_MAXIMUM);
    const { bytes } = frame;
    put16(bytes, IPV4_PAYLOAD, from.port);
    put16(bytes, IPV4_PAYLOAD + 2, to.port);
    put16(bytes, IPV4_PAYLOAD + 4, length);
    put16(bytes, IPV4_PAYLOAD + 6, 0);
    bytes.set(payload, IPV4_PAYLOAD + UDP_HEADER);
    writeIpv4(frame, from.address, to.address, IPPROTO_UDP, length);
    const pseudo = pseudoHeader(frame, ETHERNET_HEADER, IPPROTO_UDP, length);
    const checksum = fold(sum(frame, IPV4_PAYLOAD, length, pseudo));
    // Zero means "no checksum" on the wire.
    frame.words[(IPV4_PAYLOAD + 6) >> 1] = checksum === 0 ? 0xffff : checksum;
    if (whole) return sendIpv4(this.#frame, mac, length);
    const packet = { source: from.address, destination: to.address, protocol: IPPROTO_UDP };
    return sendFragments(this.#frame, mac, packet, frame, length);
  }
}

function copy(bytes: Uint8Array, at: number, length: number): Uint8Array<ArrayBuffer> {
  return bytes.slice(at + UDP_HEADER, at + length) as Uint8Array<ArrayBuffer>;
}
