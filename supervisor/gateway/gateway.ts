/**
 * The user-mode network gateway: a small IPv4 host at the far end of the VMs' Ethernet, through which
 * the supervisor reaches the VMs with no privilege and no kernel network device.
 *
 * It answers ARP and ping, connects to the VMs' TCP ports, carries datagrams to their UDP ports, and
 * refuses what they try to reach unless a listener or the outbound policy wants it. It is plain
 * TypeScript: frames go in by `receive` and out by `options.send`, time comes from `options.now`, and one
 * host timer serves all connections, so the same code runs under a fake clock in tests.
 *
 * Rules for the caller: `receive` copies the frame and never throws, whatever is in it; `send` must
 * copy the frame before it returns and must not call `receive` (queue instead). Frames that are
 * passed in one turn of the event loop are answered together.
 */
import { LARGE_FRAME_MAXIMUM } from "../../devices/frame.ts";
import { Arp } from "./arp.ts";
import { get16 } from "./bytes.ts";
import { packetView } from "./checksum.ts";
import type { Endpoint, GatewayConnection } from "./connection.ts";
import { GatewayError } from "./error.ts";
import {
  ETHERNET_HEADER,
  ETHERTYPE_ARP,
  ETHERTYPE_IPV4,
  FRAME_MAXIMUM,
  FrameBuilder,
  sameMac,
} from "./ethernet.ts";
import {
  Icmp,
  ICMP_HOST_UNREACHABLE,
  ICMP_PORT_UNREACHABLE,
  ICMP_PROHIBITED,
  ICMP_PROTOCOL_UNREACHABLE,
} from "./icmp.ts";
import {
  emptyPacket,
  formatAddress,
  IPPROTO_ICMP,
  IPPROTO_TCP,
  IPPROTO_UDP,
  parseIpv4,
} from "./ipv4.ts";
import { Reassembly } from "./ipv4_fragments.ts";
import type { GatewayDrops, GatewayStats } from "./stats.ts";
import { Tcp } from "./tcp.ts";
import type { ConnectionHandler } from "./tcp_listeners.ts";
import type { ConnectOptions } from "./tcp_openings.ts";
import type { OutboundPolicy } from "./tcp_outbound.ts";
import type { TcpLimits } from "./tcp_connection.ts";
import { emptySegment, parseSegment } from "./tcp_segment.ts";
import { type SetTimer, Timers } from "./timers.ts";
import { type DatagramHandler, type OutboundDatagrams, Udp } from "./udp.ts";
import type { DatagramFlow, FlowEvents } from "./udp_flows.ts";

export { GatewayError, type GatewayErrorCode } from "./error.ts";
export type { Endpoint, GatewayConnection } from "./connection.ts";
export type { ConnectOptions } from "./tcp_openings.ts";
export type { ConnectionHandler } from "./tcp_listeners.ts";
export type {
  OutboundAnswer,
  OutboundLink,
  OutboundPolicy,
  OutboundRefusal,
} from "./tcp_outbound.ts";
export type { GatewayDrops, GatewayStats } from "./stats.ts";
export type { DatagramHandler, OutboundDatagrams } from "./udp.ts";
export type { DatagramFlow, FlowEvents } from "./udp_flows.ts";

export interface GatewayOptions {
  /** Our IPv4 address and netmask, uint32 in host order. */
  address: number;
  netmask: number;
  /** Six bytes. */
  mac: Uint8Array;
  /** Puts one frame on the link. False: no room now, try again. */
  send(frame: Uint8Array, offload: number): boolean;
  /** The link takes frames with an offload (devices/offload.ts); default: 0 only. */
  offload?: boolean;
  /** Milliseconds, never decreasing; fractions are welcome. */
  now(): number;
  /** Calls `f` once after `ms`; returns a function that cancels it. */
  setTimer: SetTimer;
  /** A uint32 for ports and initial sequence numbers; default: crypto.getRandomValues. */
  random?(): number;
  /** Sizes and times other than the defaults (TCP_LIMITS). */
  limits?: Partial<TcpLimits>;
}

export class Gateway {
  readonly #options: GatewayOptions;
  readonly #received = packetView(LARGE_FRAME_MAXIMUM);
  readonly #packet = emptyPacket();
  readonly #segment = emptySegment();
  readonly #timers: Timers;
  readonly #frame: FrameBuilder;
  readonly #arp: Arp;
  readonly #reassembly: Reassembly;
  readonly #icmp: Icmp;
  readonly #udp: Udp;
  readonly #tcp: Tcp;
  readonly #drops: GatewayDrops = {
    malformed: 0,
    checksum: 0,
    fragment: 0,
    notForUs: 0,
    protocol: 0,
  };
  #framesIn = 0;
  #receiving = false;
  #closed = false;

  constructor(options: GatewayOptions) {
    const { address, mac, now } = options;
    this.#options = options;
    this.#timers = new Timers(now, options.setTimer);
    this.#frame = new FrameBuilder(
      mac,
      (frame, offload) => options.send(frame, offload),
      options.offload,
    );
    this.#reassembly = new Reassembly(this.#timers);
    this.#arp = new Arp(this.#frame, this.#timers, address, mac);
    const random = options.random ?? (() => crypto.getRandomValues(new Uint32Array(1))[0]);
    this.#udp = new Udp(this.#frame, address, this.#arp, this.#timers, now, random);
    this.#icmp = new Icmp(this.#frame, this.#arp, address, this.#udp.flows);
    const limits = options.limits ?? {};
    this.#tcp = new Tcp(
      address,
      this.#frame,
      this.#arp,
      this.#timers,
      now,
      random,
      limits,
      ({ packet, from, quote }, why) => {
        const code = why === "prohibited" ? ICMP_PROHIBITED : ICMP_HOST_UNREACHABLE;
        this.#icmp.unreachable({ bytes: quote }, packet, from.mac, code, now());
      },
    );
  }

  /**
   * Takes one frame from the link, with an offload that fits it. The bytes are copied; malformed frames are
   * counted.
   */
  receive(frame: Uint8Array, offload = 0): void {
    if (this.#closed) return;
    if (this.#receiving) throw new Error("Gateway.receive was called from within send: queue");
    this.#framesIn++;
    if (
      frame.length < ETHERNET_HEADER ||
      frame.length > (offload === 0 ? FRAME_MAXIMUM : LARGE_FRAME_MAXIMUM)
    ) {
      this.#drops.malformed++;
      return;
    }
    const bytes = this.#received.bytes;
    bytes.set(frame);
    const broadcast = (bytes[0] & 1) !== 0;
    if (!broadcast && !sameMac(bytes, 0, this.#options.mac)) {
      this.#drops.notForUs++;
      return;
    }
    this.#receiving = true;
    try {
      const etherType = get16(bytes, 12);
      if (etherType === ETHERTYPE_IPV4) this.#receiveIpv4(frame.length, broadcast, offload !== 0);
      else if (etherType === ETHERTYPE_ARP) this.#receiveArp(frame.length);
      else this.#drops.protocol++;
    } finally {
      this.#receiving = false;
    }
  }

  /**
   * Opens a TCP connection to a VM. Rejects with a GatewayError: refused, unreachable, timeout,
   * aborted, exhausted.
   */
  connect(
    address: number,
    port: number,
    options: ConnectOptions = {},
  ): Promise<GatewayConnection> {
    if (this.#closed) {
      return Promise.reject(new GatewayError("aborted", "the gateway is closed"));
    }
    if (!Number.isInteger(port) || port < 1 || port > 65_535) {
      return Promise.reject(new RangeError(`expected a TCP port of 1 to 65535, got ${port}`));
    }
    if (!this.#onLink(address) || address === this.#options.address) {
      const why = `${formatAddress(address)} is not a VM of this network`;
      return Promise.reject(new GatewayError("unreachable", why));
    }
    return this.#tcp.connect(address, port, options);
  }

  /** Accepts TCP connections of VMs on our own address. Returns a function that stops it. */
  listen(port: number, handler: ConnectionHandler): () => void {
    return this.#tcp.listen(port, handler);
  }

  /** Who decides on connections of VMs to the world, and on datagrams; without: all are refused. */
  setOutbound(tcp: OutboundPolicy | null, udp: OutboundDatagrams | null = null): void {
    this.#tcp.outbound = tcp;
    this.#udp.outbound = udp;
  }

  /** Takes UDP datagrams of VMs to our own address (DNS forwarding goes here). */
  bindUdp(port: number, handler: DatagramHandler): () => void {
    return this.#udp.bind(port, handler);
  }

  /**
   * A port of ours for datagrams to and from one port of a VM, whose address may change. Undefined: the
   * gateway is closed.
   */
  openFlow(to: Endpoint, events: FlowEvents): DatagramFlow | undefined {
    return this.#closed ? undefined : this.#udp.flows.open(to, events);
  }

  /** Round-trip time in ms of one ICMP echo. Rejects with a GatewayError `timeout`. */
  ping(address: number, timeoutMs = 5000): Promise<number> {
    const start = this.#options.now();
    return new Promise((resolve, reject) => {
      const cancel = this.#icmp.ping(address, start, (at) => {
        disarm();
        resolve(at - start);
      });
      const disarm = this.#options.setTimer(timeoutMs, () => {
        cancel();
        const why = `${formatAddress(address)} did not answer a ping within ${timeoutMs} ms`;
        reject(new GatewayError("timeout", why));
      });
    });
  }

  /** A VM is gone: ends its connections at once, and forgets its MAC and what came of its datagrams. */
  forget(address: number): void {
    this.#tcp.reset(address);
    this.#reassembly.forget(address);
    this.#arp.forget(address);
  }

  /** Resets every connection, ends every flow and stops the timer. */
  close(): void {
    if (this.#closed) return;
    this.#tcp.shutDown();
    this.#udp.flows.close();
    this.#arp.close();
    this.#timers.clear();
    this.#closed = true;
  }

  stats(): GatewayStats {
    return {
      framesIn: this.#framesIn,
      framesOut: this.#frame.sent,
      framesRefused: this.#frame.refused,
      drops: { ...this.#drops, fragment: this.#reassembly.dropped },
      neighbours: this.#arp.size,
      connections: this.#tcp.connections,
      timeWait: this.#tcp.timeWaiting,
      unread: this.#tcp.unread,
      reassembling: this.#reassembly.bytes,
      flows: this.#udp.flows.size,
      timers: this.#timers.size,
      echoes: this.#icmp.echoes,
      icmpErrors: this.#icmp.errors,
      tcp: { ...this.#tcp.stats },
    };
  }

  #onLink(address: number): boolean {
    const { netmask } = this.#options;
    const host = address & ~netmask;
    return ((address ^ this.#options.address) & netmask) === 0 && host !== 0 && host !== ~netmask;
  }

  #receiveArp(length: number): void {
    const onLink = (address: number) => this.#onLink(address);
    if (!this.#arp.receive(this.#received.bytes, length, onLink, this.#options.now())) {
      this.#drops.malformed++;
    }
  }

  #receiveIpv4(length: number, broadcast: boolean, checked: boolean): void {
    let frame = this.#received;
    const packet = this.#packet;
    const problem = parseIpv4(frame, length, packet);
    if (problem !== null && problem !== "fragment") {
      this.#drops[problem]++;
      return;
    }
    const { source, destination, protocol } = packet;
    // A broadcast reaches nobody here: nothing is answered that went to more than one host.
    const unicast = !broadcast && (frame.bytes[6] & 1) === 0 && destination >>> 28 < 14;
    if (!unicast || !this.#onLink(source) || source === this.#options.address) {
      this.#drops.notForUs++;
      return;
    }
    const now = this.#options.now();
    const from = this.#arp.confirm(source, frame.bytes, now);
    if (problem === "fragment") {
      const whole = this.#reassembly.receive(frame, packet, now);
      if (whole === null) return;
      frame = whole;
    }
    if (protocol === IPPROTO_TCP) {
      const wrong = parseSegment(frame, packet, this.#segment, checked);
      if (wrong !== null) this.#drops[wrong]++;
      else this.#tcp.receive(frame.bytes, packet, this.#segment, from, now);
    } else if (protocol === IPPROTO_UDP) {
      const wrong = this.#udp.receive(frame, packet, from.mac, checked);
      if (wrong === "unreachable" || wrong === "prohibited") {
        const code = wrong === "prohibited" ? ICMP_PROHIBITED : ICMP_PORT_UNREACHABLE;
        this.#icmp.unreachable(frame, packet, from.mac, code, now);
      } else if (wrong !== null) this.#drops[wrong]++;
    } else if (destination !== this.#options.address) {
      this.#drops.notForUs++;
      this.#icmp.unreachable(frame, packet, from.mac, ICMP_PROHIBITED, now);
    } else if (protocol === IPPROTO_ICMP) {
      if (!this.#icmp.receive(frame, packet, from.mac, now)) this.#drops.malformed++;
    } else {
      this.#drops.protocol++;
      this.#icmp.unreachable(frame, packet, from.mac, ICMP_PROTOCOL_UNREACHABLE, now);
    }
  }
}
