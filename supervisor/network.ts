/**
 * The network of the supervisor: the backbone that joins the cells, with the gateway as its uplink.
 *
 * Frames come from and go to the rings of the cells; a cell whose ring is full loses the frame, as on
 * any Ethernet.
 */

import { Backbone, type BackbonePort, type BackboneStats } from "./backbone.ts";
import { Gateway } from "./gateway/gateway.ts";
import type { VmNetwork } from "./cell/protocol.ts";

/** 10.0.0.0/8: room for every VM number. */
const NETWORK = 0x0a000000, NETMASK = 0xff000000;
export const GATEWAY_ADDRESS = NETWORK + 1;
const GATEWAY_MAC = Uint8Array.of(0x02, 0x44, 0x4e, 0xff, 0xff, 0x01);
/** Largest VM number: the MAC address has three bytes for it, of which ff:ff:01 is the gateway's. */
export const VM_NUMBER_MAXIMUM = 0xfffeff;

/** The IPv4 configuration of VM `id`: 10.0.0.1 + id. */
export function vmNetwork(id: number): VmNetwork {
  return {
    address: GATEWAY_ADDRESS + id,
    netmask: NETMASK,
    gateway: GATEWAY_ADDRESS,
    dns: GATEWAY_ADDRESS,
  };
}

/** Where one cell is plugged in. */
export interface CellPort {
  /** A frame from the cell, valid during the call. */
  send(frame: Uint8Array): void;
  /** A VM is in this cell from now on: only here its frames are taken, and hither they go. */
  place(vm: number): void;
  unplug(): void;
}

/** What the network asks of a cell. */
export interface CellLink {
  /** Puts a frame into its ring; false if it is full. */
  deliver(frame: Uint8Array): boolean;
  /** Half of the ring is in use. */
  crowded?(): boolean;
}

export class Network {
  readonly gateway: Gateway;
  readonly #backbone = new Backbone({
    base: GATEWAY_ADDRESS,
    now: () => performance.now() * 1000,
  });
  readonly #gatewayPort: BackbonePort;
  /** Frames the gateway sent while one was being delivered to it: the backbone is not re-entered. */
  readonly #queue: Uint8Array[] = [];
  #delivering = false;
  #refused = false;

  constructor() {
    this.gateway = new Gateway({
      address: GATEWAY_ADDRESS,
      netmask: NETMASK,
      mac: GATEWAY_MAC,
      send: (frame) => this.#sendFromGateway(frame),
      now: () => performance.now(),
      setTimer: (milliseconds, call) => {
        const timer = setTimeout(call, milliseconds);
        return () => clearTimeout(timer);
      },
    });
    this.#gatewayPort = this.#backbone.attachUplink({
      name: "gateway",
      deliver: (frame) => {
        this.gateway.receive(frame);
        return true;
      },
    });
  }

  /** Plugs in a cell. */
  plug(name: string, { deliver, crowded }: CellLink): CellPort {
    const port = this.#backbone.attachCell({
      name,
      crowded,
      deliver: (frame) => {
        const taken = deliver(frame);
        this.#refused ||= !taken;
        return taken;
      },
    });
    return {
      send: (frame) => this.#send(port, frame),
      place: (vm) => this.#backbone.place(vm, port),
      unplug: () => this.#backbone.detach(port),
    };
  }

  /** A VM is in no cell any more. */
  forget(vm: number): void {
    this.#backbone.place(vm, undefined);
    this.gateway.forget(vmNetwork(vm).address);
  }

  stats(): BackboneStats {
    return this.#backbone.stats();
  }

  close(): void {
    this.gateway.close();
  }

  #send(port: BackbonePort, frame: Uint8Array): void {
    this.#delivering = true;
    try {
      this.#backbone.send(port, frame);
    } finally {
      this.#delivering = false;
    }
    for (let next = this.#queue.shift(); next !== undefined; next = this.#queue.shift()) {
      this.#backbone.send(this.#gatewayPort, next);
    }
  }

  #sendFromGateway(frame: Uint8Array): boolean {
    if (this.#delivering) {
      this.#queue.push(frame.slice());
      return true;
    }
    this.#refused = false;
    this.#backbone.send(this.#gatewayPort, frame);
    return !this.#refused;
  }
}
