/**
 * The Ethernet between the cells and the uplinks: our own end of the link, and a wire to the world.
 *
 * Addresses of VMs are functions of their numbers, and the supervisor knows where each VM is. So
 * nothing is learned and nothing is flooded: what a frame costs grows neither with the number of VMs
 * nor with that of cells.
 *
 * - A frame to a VM goes to its cell, whatever cell or uplink it comes from; a frame to any other MAC
 *   goes to the uplinks. An ARP request for a VM's address goes to its cell, any other to the uplinks.
 *   Only real broadcasts go to every port, and a cell may send only so many (storm control; each VM
 *   has a smaller bound in its own cell).
 * - An uplink with one host of known addresses gets what is for that host; all else goes to the others.
 *   Uplinks do not reach one another: our own end is not there for the world. Nor may anybody out
 *   there say that it is a VM: such frames are dropped.
 * - A cell is not trusted. It may only send as the VMs that are placed in it: their MAC as the source,
 *   their address as the sender in IPv4 and ARP.
 * - A cell that does not take its frames costs nobody else anything: what finds no room is dropped at
 *   once. One half of the room in a cell's ring is for uplinks only, so that cells which flood a cell
 *   do not keep the world from it.
 */

import { dhcpGrant, dhcpRequest } from "../devices/dhcp_snoop.ts";
import { readMac } from "../devices/mac.ts";
import { LARGE_FRAME_MAXIMUM } from "../devices/frame.ts";
import { isTaken, offloadFits } from "../devices/offload.ts";
import { completeFrame } from "../devices/segments.ts";
import { arpRequested, checkSource, senderAddress } from "../devices/source_guard.ts";
import { DROP_REASONS, type DropReason } from "../devices/switch.ts";
import { TokenBucket } from "../devices/token_bucket.ts";

/** The MAC address of VM 0 as a number: 02:44:4e, then the VM's number (kernel/vm_builder.ts). */
const VM_MAC = 0x02444e000000;
const IPPROTO_UDP = 17;
/** Broadcasts and multicasts that one cell may send: per second, and at once. */
export const CELL_STORM_FRAMES_PER_SECOND = 1000, CELL_STORM_BURST_FRAMES = 256;

export interface BackbonePortOptions {
  readonly name: string;
  /** Takes a frame with its offload, valid during the call; false if there is no room. Must not send at once. */
  deliver(frame: Uint8Array, offload: number): boolean;
  /** TAKES_ bits (devices/offload.ts): what frames need not be completed; default: all must be. */
  readonly takes?: number;
  /** Half of the room is taken; default: never. */
  crowded?(): boolean;
}

export interface BackboneStats {
  /** Deliveries to ports; a broadcast counts once per port that took it. */
  readonly delivered: number;
  /** Deliveries of a cell's frames to another cell. */
  readonly betweenCells: number;
  readonly drops: Readonly<Record<DropReason, number>>;
  /** VMs that have a place. */
  readonly places: number;
}

export class BackbonePort {
  readonly name: string;
  readonly storm = new TokenBucket(CELL_STORM_FRAMES_PER_SECOND, CELL_STORM_BURST_FRAMES);

  constructor(
    readonly options: BackbonePortOptions,
    readonly isCell: boolean,
    readonly host?: Host,
  ) {
    this.name = options.name;
  }
}

/** The addresses of a host: MAC as a number, IPv4 as uint32. */
export interface Host {
  readonly mac: number;
  readonly address: number;
}

export interface BackboneOptions {
  /** IPv4 address of a VM, uint32, as long as no DHCP server lends it another. */
  addressOf(vm: number): number;
  /** A DHCP server on an uplink has lent an address to a VM. */
  lent?(vm: number, address: number): void;
  /** Microseconds, never decreasing. */
  now(): number;
}

interface Lease {
  readonly address: number;
  /** µs; Infinity: without end. */
  readonly end: number;
}

const NO_ADDRESS: Lease = { address: 0, end: Infinity };

export class Backbone {
  readonly #options: BackboneOptions;
  readonly #places = new Map<number, BackbonePort>();
  /** The VM with an IPv4 address, if it has a place. */
  readonly #vms = new Map<number, number>();
  /** Addresses that were lent (0: the lease is over), and the numbers of the last requests for one. */
  readonly #leases = new Map<number, Lease>();
  readonly #requests = new Map<number, number>();
  readonly #cells = new Set<BackbonePort>();
  readonly #uplinks = new Set<BackbonePort>();
  /** Uplinks with one host, by its addresses. */
  readonly #hostMacs = new Map<number, BackbonePort>();
  readonly #hostAddresses = new Map<number, BackbonePort>();
  readonly #drops = Object.fromEntries(DROP_REASONS.map((reason) => [reason, 0])) as Record<
    DropReason,
    number
  >;
  /** A cell can change what it shares while it is looked at: frames are copied first. */
  readonly #copy = new Uint8Array(LARGE_FRAME_MAXIMUM);
  #delivered = 0;
  #betweenCells = 0;

  constructor(options: BackboneOptions) {
    this.#options = options;
  }

  attachCell(options: BackbonePortOptions): BackbonePort {
    const port = new BackbonePort(options, true);
    this.#cells.add(port);
    return port;
  }

  /** `host`: the only one that is behind it, which hears of nothing else. */
  attachUplink(options: BackbonePortOptions, host?: Host): BackbonePort {
    const port = new BackbonePort(options, false, host);
    this.#uplinks.add(port);
    if (host !== undefined) {
      this.#hostMacs.set(host.mac, port);
      this.#hostAddresses.set(host.address, port);
    }
    return port;
  }

  /** Nothing is delivered to the port any more. VMs that were placed there stay there. */
  detach(port: BackbonePort): void {
    this.#cells.delete(port);
    this.#uplinks.delete(port);
  }

  /** A VM is in a cell from now on, or in none. */
  place(vm: number, port: BackbonePort | undefined): void {
    const before = this.addressOf(vm);
    if (this.#vms.get(before) === vm) this.#vms.delete(before);
    this.#leases.delete(vm);
    this.#requests.delete(vm);
    if (port === undefined) {
      this.#places.delete(vm);
      return;
    }
    this.#places.set(vm, port);
    this.#vms.set(this.addressOf(vm), vm);
  }

  /** The address that a VM has. */
  addressOf(vm: number): number {
    const lease = this.#leases.get(vm);
    if (lease === undefined) return this.#options.addressOf(vm);
    if (lease.end > this.#options.now()) return lease.address;
    this.#vms.delete(lease.address);
    this.#leases.set(vm, NO_ADDRESS);
    return 0;
  }

  /** The VM that has this address, if its lease is not over. */
  #ownerOf(address: number): number | undefined {
    const vm = this.#vms.get(address);
    return vm !== undefined && this.addressOf(vm) === address ? vm : undefined;
  }

  /** Takes a frame that came in through a port and delivers it. */
  send(from: BackbonePort, bytes: Uint8Array, offload = 0): void {
    let frame = bytes;
    if (from.isCell && bytes.length <= this.#copy.length) {
      this.#copy.set(bytes);
      frame = this.#copy.subarray(0, bytes.length);
    }
    if (!offloadFits(frame, offload)) {
      this.#drops[offload === 0 ? "malformed" : "offload"]++;
      return;
    }
    const refusal = from.isCell ? this.#checkSender(from, frame) : this.#checkOutside(frame);
    if (refusal !== null) {
      this.#drops[refusal]++;
      return;
    }
    if (frame[23] === IPPROTO_UDP) this.#snoop(from, frame);
    const verdict = (frame[0] & 1) === 0
      ? this.#forward(from, this.#ofMac(readMac(frame, 0)), frame, offload)
      : this.#forwardGroup(from, frame, offload);
    if (verdict !== null) this.#drops[verdict]++;
  }

  stats(): BackboneStats {
    return {
      delivered: this.#delivered,
      betweenCells: this.#betweenCells,
      drops: { ...this.#drops },
      places: this.#places.size,
    };
  }

  /** Where the host with this MAC address is; undefined: nowhere, or it is unknown. */
  #ofMac(mac: number): BackbonePort | undefined {
    return this.#places.get(mac - VM_MAC) ?? this.#hostMacs.get(mac);
  }

  #checkSender(from: BackbonePort, frame: Uint8Array): DropReason | null {
    const vm = readMac(frame, 6) - VM_MAC;
    if (this.#places.get(vm) !== from) return "spoofed_mac";
    const fault = checkSource(vm + VM_MAC, this.addressOf(vm), frame);
    if (fault !== null) return fault;
    // The cells' switches trust what comes from here.
    return frame[23] === IPPROTO_UDP && dhcpGrant(frame) !== null ? "protocol" : null;
  }

  /** Hears what addresses VMs ask for and are lent. */
  #snoop(from: BackbonePort, frame: Uint8Array): void {
    if (from.isCell) {
      const request = dhcpRequest(frame);
      if (request >= 0) this.#requests.set(readMac(frame, 6) - VM_MAC, request);
      return;
    }
    const grant = this.#requests.size > 0 ? dhcpGrant(frame) : null;
    if (grant === null) return;
    const vm = grant.mac - VM_MAC, { address } = grant;
    if (this.#requests.get(vm) !== grant.request) return;
    const owner = this.#ownerOf(address), before = this.addressOf(vm);
    if (owner !== undefined && owner !== vm) return;
    this.#vms.delete(before);
    this.#vms.set(address, vm);
    this.#leases.set(vm, { address, end: this.#options.now() + grant.duration });
    if (address !== before) this.#options.lent?.(vm, address);
  }

  /** What comes from outside may not say that it comes from a VM. */
  #checkOutside(frame: Uint8Array): DropReason | null {
    if (this.#places.has(readMac(frame, 6) - VM_MAC)) return "spoofed_mac";
    return this.#ownerOf(senderAddress(frame)) !== undefined ? "spoofed_ip" : null;
  }

  /** Returns why nobody took it, or null. */
  #forward(
    from: BackbonePort,
    to: BackbonePort | undefined,
    frame: Uint8Array,
    offload: number,
  ): DropReason | null {
    if (to === undefined) return this.#toWorld(from, frame, offload);
    return to === from ? "unknown_destination" : this.#deliver(from, to, frame, offload);
  }

  #forwardGroup(from: BackbonePort, frame: Uint8Array, offload: number): DropReason | null {
    const asked = arpRequested(frame);
    if (asked !== null) {
      const vm = this.#ownerOf(asked);
      const owner = vm === undefined ? this.#hostAddresses.get(asked) : this.#places.get(vm);
      // A VM that asks for its own address announces it: that is of use to uplinks only.
      return this.#forward(from, owner === from ? undefined : owner, frame, offload);
    }
    if (from.isCell && !from.storm.take(this.#options.now())) return "storm";
    const toUplinks = from.isCell
      ? this.#toAll(this.#uplinks, from, frame, offload)
      : "unknown_destination";
    const toCells = this.#toAll(this.#cells, from, frame, offload);
    return toUplinks === null ? null : toCells;
  }

  /** To the uplinks behind which anybody may be. */
  #toWorld(from: BackbonePort, frame: Uint8Array, offload: number): DropReason | null {
    if (!from.isCell) return "unknown_destination";
    return this.#toAll(this.#uplinks, from, frame, offload, (port) => port.host === undefined);
  }

  #toAll(
    ports: Iterable<BackbonePort>,
    from: BackbonePort,
    frame: Uint8Array,
    offload: number,
    chosen: (port: BackbonePort) => boolean = () => true,
  ): DropReason | null {
    let verdict: DropReason | null = "unknown_destination";
    for (const port of ports) {
      if (port === from || !chosen(port)) continue;
      const refusal = this.#deliver(from, port, frame, offload);
      if (verdict !== null) verdict = refusal;
    }
    return verdict;
  }

  #deliver(
    from: BackbonePort,
    to: BackbonePort,
    frame: Uint8Array,
    offload: number,
  ): DropReason | null {
    const open = to.isCell ? this.#cells.has(to) : this.#uplinks.has(to);
    if (!open) return "unknown_destination";
    if (!from.isCell && !to.isCell) return "unknown_destination";
    if (from.isCell && to.isCell && to.options.crowded?.()) return "no_room";
    const hand = (whole: Uint8Array, left: number) => {
      if (!to.options.deliver(whole, left)) return false;
      this.#delivered++;
      if (from.isCell && to.isCell) this.#betweenCells++;
      return true;
    };
    const taken = isTaken(offload, to.options.takes ?? 0)
      ? hand(frame, offload)
      : completeFrame(frame, offload, (whole) => hand(whole, 0));
    return taken ? null : "no_room";
  }
}
