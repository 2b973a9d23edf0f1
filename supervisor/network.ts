/**
 * The virtual Ethernet between cells and the gateway.
 *
 * One learning switch whose ports are all trusted: what a VM may send is checked by its own cell's
 * switch. Frames come from and go to the rings of the cells; a cell whose ring is full loses the
 * frame, as on any Ethernet.
 */

import { Switch, type SwitchPort, type SwitchStats } from "../devices/switch.ts";
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
  unplug(): void;
}

export class Network {
  readonly gateway: Gateway;
  readonly #switch = new Switch({ now: () => performance.now() * 1000 });
  readonly #gatewayPort: SwitchPort;
  /** Frames the gateway sent while the switch was delivering one to it: it must not be re-entered. */
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
    this.#gatewayPort = this.#switch.attach({
      name: "gateway",
      deliver: (frame) => {
        this.gateway.receive(frame);
        return true;
      },
    });
  }

  /** Plugs in a cell; `deliver` puts a frame into its ring, false if it is full. */
  plug(name: string, deliver: (frame: Uint8Array) => boolean): CellPort {
    const port = this.#switch.attach({
      name,
      deliver: (frame) => {
        const taken = deliver(frame);
        this.#refused ||= !taken;
        return taken;
      },
    });
    return {
      send: (frame) => this.#send(port, frame),
      unplug: () => this.#switch.detach(port),
    };
  }

  stats(): SwitchStats {
    return this.#switch.stats();
  }

  close(): void {
    this.gateway.close();
  }

  #send(port: SwitchPort, frame: Uint8Array): void {
    this.#delivering = true;
    try {
      this.#switch.send(port, frame);
    } finally {
      this.#delivering = false;
    }
    for (let next = this.#queue.shift(); next !== undefined; next = this.#queue.shift()) {
      this.#switch.send(this.#gatewayPort, next);
    }
  }

  #sendFromGateway(frame: Uint8Array): boolean {
    if (this.#delivering) {
      this.#queue.push(frame.slice());
      return true;
    }
    this.#refused = false;
    this.#switch.send(this.#gatewayPort, frame);
    return !this.#refused;
  }
}
