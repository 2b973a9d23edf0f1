/**
 * The network of the supervisor: the backbone that joins the cells, our own end of it (the gateway,
 * where connections from ingress and published ports come from), and a wire to the world, if any.
 *
 * Frames come from and go to the rings of the cells; a cell whose ring is full loses the frame, as on
 * any Ethernet.
 */

import { readMac } from "../devices/mac.ts";
import { TAKES_CHECKSUM, TAKES_SEGMENTS } from "../devices/offload.ts";
import {
  addressOf,
  type AddressPlan,
  GATEWAY_POOL,
  planAddresses,
  vmNetwork,
} from "./address_plan.ts";
import { Backbone, type BackbonePort, type BackboneStats } from "./backbone.ts";
import { Egress, type EgressSettings } from "./egress/egress.ts";
import type { EgressRule } from "./egress/rules.ts";
import { Gateway } from "./gateway/gateway.ts";
import type { VmNetwork } from "./cell/protocol.ts";

const TELL_MS = 1000;
const OWN_MAC = Uint8Array.of(0x02, 0x44, 0x4e, 0xff, 0xff, 0x01);

/** Where one cell is plugged in. */
export interface CellPort {
  /** A frame from the cell with its offload, valid during the call. */
  send(frame: Uint8Array, offload?: number): void;
  /** A VM is in this cell from now on: only here its frames are taken, and hither they go. */
  place(vm: number): void;
  unplug(): void;
}

/** What the network asks of a cell. */
export interface CellLink {
  /** Puts a frame into its ring; false if it is full. */
  deliver(frame: Uint8Array, offload: number): boolean;
  /** Half of the ring is in use. */
  crowded?(): boolean;
}

/** A real link, with anybody behind it. */
export interface Wire {
  readonly name: string;
  /** TAKES_ bits (devices/offload.ts): what frames for it need not be completed. */
  readonly takes: number;
  /** Puts a frame on it, which is valid during the call; false if there is no room. */
  send(frame: Uint8Array, offload: number): boolean;
  /** Called once: where frames from it go, each valid during the call. */
  receive(taker: (frame: Uint8Array, offload: number) => void): void;
  /** Called once: who hears of changes of its state. */
  watch(watcher: (state: string, message: string) => void): void;
  stats(): unknown;
  close(): Promise<void>;
}

export interface NetworkOptions {
  readonly plan?: AddressPlan;
  readonly wire?: Wire;
  /** False: VMs reach only one another, and nobody reaches them. Default true. */
  readonly gateway?: boolean;
  /** What VMs reach through the gateway; default: nothing. With a wire they have another way. */
  readonly egress?: EgressSettings;
}

export class Network {
  /** Our own end; undefined if there is none. */
  readonly gateway: Gateway | undefined;
  /** What VMs reach through it; undefined with a wire. */
  readonly egress: Egress | undefined;
  readonly plan: AddressPlan;
  readonly wire: Wire | undefined;
  readonly #backbone: Backbone;
  /** Frames the gateway sent while one was being delivered to it: the backbone is not re-entered. */
  readonly #queue: { frame: Uint8Array; offload: number }[] = [];
  #gatewayPort: BackbonePort | undefined;
  #delivering = false;
  #refused = false;
  /** When a failure was last told, of performance.now. */
  #toldAt = -Infinity;
  #failed: (error: unknown) => void = () => {};

  constructor({ plan, wire, gateway = true, egress }: NetworkOptions = {}) {
    const addresses = plan ?? planAddresses(GATEWAY_POOL);
    this.plan = addresses;
    this.#backbone = new Backbone({
      addressOf: (vm) => addressOf(addresses, vm),
      lent: (vm, address) => this.lent(vm, address),
      now: () => performance.now() * 1000,
    });
    this.gateway = gateway ? this.#openGateway() : undefined;
    const relays = this.gateway !== undefined && wire === undefined;
    this.egress = relays ? new Egress(this.gateway!, addresses.own, egress) : undefined;
    this.wire = wire;
    if (wire === undefined) return;
    const port = this.#backbone.attachUplink({
      name: wire.name,
      takes: wire.takes,
      deliver: (frame, offload) => wire.send(frame, offload),
    });
    wire.receive((frame, offload) => this.#send(port, frame, offload));
  }

  /** Called when a DHCP server on the wire has lent an address (uint32) to a VM. */
  lent: (vm: number, address: number) => void = () => {};

  /**
   * Who hears that a bug of ours kept a frame from being delivered, at most once in TELL_MS. It costs that frame, and
   * not the cell that it came from.
   */
  watch(failed: (error: unknown) => void): void {
    this.#failed = failed;
  }

  /** The IPv4 configuration of a VM. */
  vmNetwork(id: number): VmNetwork {
    return vmNetwork(this.plan, id);
  }

  /** Plugs in a cell. */
  plug(name: string, { deliver, crowded }: CellLink): CellPort {
    const port = this.#backbone.attachCell({
      name,
      crowded,
      takes: TAKES_CHECKSUM | TAKES_SEGMENTS,
      deliver: (frame, offload) => {
        const taken = deliver(frame, offload);
        this.#refused ||= !taken;
        return taken;
      },
    });
    return {
      send: (frame, offload = 0) => this.#send(port, frame, offload),
      place: (vm) => this.#backbone.place(vm, port),
      unplug: () => this.#backbone.detach(port),
    };
  }

  /** A VM is in no cell any more. */
  forget(vm: number): void {
    this.ended(vm);
    this.#backbone.place(vm, undefined);
  }

  /** Gives a VM rules of its own for what it may reach; undefined: those of all. */
  setEgress(vm: number, rules: readonly EgressRule[] | undefined): void {
    this.egress?.setRules(addressOf(this.plan, vm), rules);
  }

  /** A VM has ended: its connections are over. */
  ended(vm: number): void {
    const address = this.#backbone.addressOf(vm);
    this.egress?.ended(address);
    this.gateway?.forget(address);
  }

  stats(): BackboneStats {
    return this.#backbone.stats();
  }

  async close(): Promise<void> {
    this.egress?.close();
    this.gateway?.close();
    await this.wire?.close();
  }

  #openGateway(): Gateway {
    const { own, netmask } = this.plan;
    const gateway = new Gateway({
      address: own,
      netmask,
      mac: OWN_MAC,
      send: (frame, offload) => this.#sendFromGateway(frame, offload),
      offload: true,
      now: () => performance.now(),
      setTimer: (milliseconds, call) => {
        const timer = setTimeout(call, milliseconds);
        return () => clearTimeout(timer);
      },
    });
    const port = {
      name: "gateway",
      takes: TAKES_CHECKSUM | TAKES_SEGMENTS,
      deliver: (frame: Uint8Array, offload: number) => {
        gateway.receive(frame, offload);
        return true;
      },
    };
    this.#gatewayPort = this.#backbone.attachUplink(port, {
      mac: readMac(OWN_MAC, 0),
      address: own,
    });
    return gateway;
  }

  #send(port: BackbonePort, frame: Uint8Array, offload: number): void {
    this.#delivering = true;
    this.#deliver(port, frame, offload);
    this.#delivering = false;
    for (let next = this.#queue.shift(); next !== undefined; next = this.#queue.shift()) {
      this.#deliver(this.#gatewayPort!, next.frame, next.offload);
    }
  }

  #deliver(port: BackbonePort, frame: Uint8Array, offload: number): void {
    try {
      this.#backbone.send(port, frame, offload);
    } catch (error) {
      const now = performance.now();
      if (now - this.#toldAt < TELL_MS) return;
      this.#toldAt = now;
      console.error("denali: a frame was lost:", error);
      this.#failed(error);
    }
  }

  #sendFromGateway(frame: Uint8Array, offload: number): boolean {
    if (this.#delivering) {
      this.#queue.push({ frame: frame.slice(), offload });
      return true;
    }
    this.#refused = false;
    this.#backbone.send(this.#gatewayPort!, frame, offload);
    return !this.#refused;
  }
}
