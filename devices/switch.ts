/**
 * A learning Ethernet switch.
 *
 * Two kinds of port. A station port belongs to one VM, whose MAC and IPv4 address are known and
 * enforced: a frame from another MAC, or with another sender address in ARP or IPv4, is dropped and
 * counted (source_guard.ts). A trusted port leads to another switch or to the world; the MAC addresses behind it are
 * learned, and bounded in number.
 *
 * What a frame costs does not depend on the number of stations, because all of them are known:
 * - a unicast frame to an unknown MAC goes to the trusted ports only;
 * - an ARP request goes to the station that owns the address it asks for, else to the trusted ports
 *   only. This includes the announcement of a station's own address: nobody else may have it.
 * Only other broadcasts and multicasts go to every port. One such frame is work for every station, so
 * each station may send only so many, and all that come from stations and trusted ports together may
 * be delivered only so often (storm control), or one VM could keep ten thousand others busy.
 *
 * A station whose request a DHCP server on a trusted port grants has the address it was lent, until the
 * lease is over; that is looked at when the address is used.
 */

import { dhcpGrant, dhcpRequest } from "./dhcp_snoop.ts";
import { readMac } from "./mac.ts";
import { isTaken, offloadFits } from "./offload.ts";
import { completeFrame } from "./segments.ts";
import { arpRequested, checkSource } from "./source_guard.ts";
import { TokenBucket } from "./token_bucket.ts";

const IPPROTO_UDP = 17;
/** Broadcasts and multicasts that one station may send: per second, and at once. */
export const STORM_FRAMES_PER_SECOND = 100, STORM_BURST_FRAMES = 32;
/** Deliveries of broadcasts and multicasts by one switch: per second, and at once. */
export const GROUP_DELIVERIES_PER_SECOND = 10_000, GROUP_BURST_DELIVERIES = 20_000;
/** Default bound of the learned MAC addresses; the oldest is forgotten. */
export const MAC_TABLE_MAXIMUM = 4096;

/** Why a frame was not delivered. */
export const DROP_REASONS = [
  /** shorter than its headers or longer than a frame may be */
  "malformed",
  /** the source (or the ARP sender) is not the MAC address of the port */
  "spoofed_mac",
  /** the IPv4 source or ARP sender is not the address of the port */
  "spoofed_ip",
  /** an ethertype that stations may not send */
  "protocol",
  /** what its header leaves to others (devices/offload.ts) does not fit it */
  "offload",
  /** more broadcasts than a station may send, or than all together may */
  "storm",
  /** nobody to deliver it to */
  "unknown_destination",
  /** the receiver's queue is full */
  "no_room",
] as const;
export type DropReason = typeof DROP_REASONS[number];

/** What is behind a port. The port keeps it: with many of them, an object of a class costs less than closures. */
export interface PortOptions {
  readonly name: string;
  /** Takes a frame, valid during the call; false if there is no room. Must not send at once. */
  deliver(frame: Uint8Array, offload: number): boolean;
  /** TAKES_ bits (devices/offload.ts): what frames need not be completed; default: all must be. */
  takes?(): number;
  /** The one station of the port (address: uint32, 0 for none); without it the port is trusted. */
  readonly station?: { readonly mac: Uint8Array; readonly address: number };
}

/** Hears of every frame that enters the switch, valid during the call. */
export type FrameTrace = (
  frame: Uint8Array,
  port: string,
  verdict: "delivered" | DropReason,
) => void;

export class SwitchPort {
  /** MAC address of the station as a number, or -1 for a trusted port. */
  readonly mac: number;
  /** IPv4 address of the station; a DHCP server can lend it another. */
  address: number;
  /** When its address is taken away, µs; Infinity: it is not lent. */
  leaseEnd = Infinity;
  /** Number of its last request for an address; -1: it never asked. */
  asked = -1;
  /** Made with its first broadcast: most stations send none. */
  #storm: TokenBucket | null = null;

  constructor(readonly options: PortOptions) {
    const { station } = options;
    this.mac = station ? readMac(station.mac, 0) : -1;
    this.address = station?.address ?? 0;
  }

  get name(): string {
    return this.options.name;
  }

  /** Limits what it may send to all. */
  get storm(): TokenBucket {
    return this.#storm ??= new TokenBucket(STORM_FRAMES_PER_SECOND, STORM_BURST_FRAMES);
  }

  get takes(): number {
    return this.options.takes?.() ?? 0;
  }

  get trusted(): boolean {
    return this.mac < 0;
  }
}

export interface SwitchOptions {
  /** Microseconds, never decreasing. */
  now(): number;
  readonly trace?: FrameTrace;
  readonly macTableMaximum?: number;
}

export interface SwitchStats {
  /** Deliveries to ports; a broadcast counts once per port that took it. */
  readonly delivered: number;
  readonly drops: Readonly<Record<DropReason, number>>;
  /** Learned MAC addresses. */
  readonly learned: number;
}

export class Switch {
  readonly #stations = new Map<number, SwitchPort>();
  readonly #addresses = new Map<number, SwitchPort>();
  readonly #learned = new Map<number, SwitchPort>();
  readonly #trusted: SwitchPort[] = [];
  readonly #drops: Record<DropReason, number>;
  readonly #group = new TokenBucket(GROUP_DELIVERIES_PER_SECOND, GROUP_BURST_DELIVERIES);
  #delivered = 0;

  readonly #now: () => number;
  readonly #trace: FrameTrace | undefined;
  readonly #macTableMaximum: number;

  constructor(options: SwitchOptions) {
    this.#now = options.now;
    this.#trace = options.trace;
    this.#macTableMaximum = options.macTableMaximum ?? MAC_TABLE_MAXIMUM;
    const zeros = DROP_REASONS.map((reason) => [reason, 0]);
    this.#drops = Object.fromEntries(zeros) as Record<DropReason, number>;
  }

  /** Adds a port. Throws if its MAC or IPv4 address is taken: that is the owner's mistake. */
  attach(options: PortOptions): SwitchPort {
    const port = new SwitchPort(options);
    if (port.trusted) {
      this.#trusted.push(port);
      return port;
    }
    if (this.#stations.has(port.mac)) {
      throw new Error(`port ${port.name}: expected a MAC address of its own, got one in use`);
    }
    if (this.hasAddress(port.address)) {
      throw new Error(`port ${port.name}: expected an IPv4 address of its own, got one in use`);
    }
    this.#stations.set(port.mac, port);
    if (port.address !== 0) this.#addresses.set(port.address, port);
    return port;
  }

  /** Removes a port and what was learned about it. */
  detach(port: SwitchPort): void {
    if (!port.trusted) {
      this.#stations.delete(port.mac);
      this.#addresses.delete(port.address);
      return;
    }
    const index = this.#trusted.indexOf(port);
    if (index >= 0) this.#trusted.splice(index, 1);
    for (const [mac, learned] of this.#learned) {
      if (learned === port) this.#learned.delete(mac);
    }
  }

  /** True if a station has this IPv4 address. */
  hasAddress(address: number): boolean {
    return this.#ownerOf(address) !== undefined;
  }

  #ownerOf(address: number): SwitchPort | undefined {
    const owner = this.#addresses.get(address);
    return owner === undefined || this.#endLease(owner) ? undefined : owner;
  }

  /** Takes the station's address away if its lease is over; false: it is not. */
  #endLease(port: SwitchPort): boolean {
    if (port.leaseEnd === Infinity || port.leaseEnd > this.#now()) return false;
    this.#addresses.delete(port.address);
    port.address = 0;
    port.leaseEnd = Infinity;
    return true;
  }

  /** Takes a frame with its offload that came in through a port and delivers it. */
  send(port: SwitchPort, frame: Uint8Array, offload = 0): void {
    this.#endLease(port);
    const refusal = checkFrame(frame, offload) ??
      (port.trusted ? null : checkSource(port.mac, port.address, frame));
    if (refusal !== null) {
      this.refuse(port, frame, refusal);
      return;
    }
    if (port.trusted && !this.#learn(port, frame)) {
      this.refuse(port, frame, "spoofed_mac");
      return;
    }
    if (frame[23] === IPPROTO_UDP) this.#snoop(port, frame);
    const verdict = this.#forward(port, frame, offload);
    if (verdict === "delivered") this.#trace?.(frame, port.name, verdict);
    else this.refuse(port, frame, verdict);
  }

  stats(): SwitchStats {
    return {
      delivered: this.#delivered,
      drops: { ...this.#drops },
      learned: this.#learned.size,
    };
  }

  /** Counts a frame that is not delivered. */
  refuse(port: SwitchPort, frame: Uint8Array, reason: DropReason): void {
    this.#drops[reason]++;
    this.#trace?.(frame, port.name, reason);
  }

  /** Hears what addresses stations ask for and are lent. */
  #snoop(port: SwitchPort, frame: Uint8Array): void {
    if (!port.trusted) {
      const request = dhcpRequest(frame);
      if (request >= 0) port.asked = request;
      return;
    }
    const grant = dhcpGrant(frame);
    const station = grant && this.#stations.get(grant.mac);
    if (!grant || !station || station.asked !== grant.request) return;
    const owner = this.#ownerOf(grant.address);
    if (owner !== undefined && owner !== station) return;
    this.#addresses.delete(station.address);
    station.address = grant.address;
    station.leaseEnd = this.#now() + grant.duration;
    this.#addresses.set(grant.address, station);
  }

  /** Remembers where a MAC address is; false if it is one that nobody out there may have. */
  #learn(port: SwitchPort, frame: Uint8Array): boolean {
    const mac = readMac(frame, 6);
    if ((frame[6] & 1) !== 0 || this.#stations.has(mac)) return false;
    if (this.#learned.get(mac) === port) return true;
    this.#learned.delete(mac);
    if (this.#learned.size >= this.#macTableMaximum) {
      for (const oldest of this.#learned.keys()) {
        this.#learned.delete(oldest);
        break;
      }
    }
    this.#learned.set(mac, port);
    return true;
  }

  #forward(from: SwitchPort, frame: Uint8Array, offload: number): "delivered" | DropReason {
    if ((frame[0] & 1) !== 0) return this.#forwardGroup(from, frame, offload);
    const mac = readMac(frame, 0);
    const to = this.#stations.get(mac) ?? this.#learned.get(mac);
    if (to === undefined) return this.#toTrusted(from, frame, offload);
    return to === from ? "unknown_destination" : this.#deliver(to, frame, offload);
  }

  #forwardGroup(from: SwitchPort, frame: Uint8Array, offload: number): "delivered" | DropReason {
    const wanted = arpRequested(frame);
    if (wanted !== null) {
      const owner = this.#ownerOf(wanted);
      if (owner !== undefined && owner !== from) return this.#deliver(owner, frame, offload);
      return this.#toTrusted(from, frame, offload);
    }
    const now = this.#now();
    if (!from.trusted && !from.storm.take(now)) return "storm";
    if (this.#group.readyAt(now) > now) return "storm";
    this.#group.spend(this.#trusted.length + this.#stations.size);
    let verdict = this.#toTrusted(from, frame, offload);
    for (const port of this.#stations.values()) {
      if (port !== from && this.#deliver(port, frame, offload) === "delivered") {
        verdict = "delivered";
      }
    }
    return verdict;
  }

  #toTrusted(from: SwitchPort, frame: Uint8Array, offload: number): "delivered" | DropReason {
    let verdict: "delivered" | DropReason = "unknown_destination";
    for (const port of this.#trusted) {
      if (port === from) continue;
      const result = this.#deliver(port, frame, offload);
      if (verdict !== "delivered") verdict = result;
    }
    return verdict;
  }

  #deliver(port: SwitchPort, frame: Uint8Array, offload: number): "delivered" | "no_room" {
    if (!isTaken(offload, port.takes)) {
      return completeFrame(frame, offload, (whole) => this.#hand(port, whole, 0))
        ? "delivered"
        : "no_room";
    }
    return this.#hand(port, frame, offload) ? "delivered" : "no_room";
  }

  #hand(port: SwitchPort, frame: Uint8Array, offload: number): boolean {
    if (!port.options.deliver(frame, offload)) return false;
    this.#delivered++;
    return true;
  }
}

function checkFrame(frame: Uint8Array, offload: number): DropReason | null {
  if (offloadFits(frame, offload)) return null;
  return offload === 0 ? "malformed" : "offload";
}
