/**
 * The network of a kernel: one switch, a port per VM, and the uplink.
 *
 * What VMs send waits in their own bounded queues. `drain` takes one frame of each in turn until all
 * are empty, so that nobody's burst keeps another waiting for more than one frame per sender.
 *
 * Where the rate of a VM is limited, its frames wait in these queues: what it sends is refused when
 * the queue is full, and what comes for it does not interrupt it before it may take it.
 */

import { Nic } from "../devices/nic.ts";
import { NicRegisters } from "../devices/nic_registers.ts";
import { PacketPool } from "../devices/packet_pool.ts";
import type { RateLimit } from "../devices/rate_limit.ts";
import { wireBytes, wireFrames } from "../devices/offload.ts";
import { type FrameTrace, type PortOptions, Switch, type SwitchPort } from "../devices/switch.ts";
import { INTERRUPTS } from "./abi.ts";
import type { Mechanisms } from "./mechanisms.ts";
import { type Limits, netLimit } from "./resources.ts";
import type { Vm } from "./vm.ts";

export interface NetworkOptions {
  /** A frame with its offload for the world outside; false if there is no room. */
  uplink(frame: Uint8Array, offload: number): boolean;
  /** TAKES_ bits (devices/offload.ts): what frames to the uplink need not be completed; default: all must. */
  uplinkTakes?: number;
  /** Raises interrupt bits in a VM. */
  raise(vm: Vm, bits: number): void;
  /** A frame has come that a VM may take. */
  received(vm: Vm): void;
  /** Frames of a VM wait for its rate: `resume` is to be called then (microseconds of `now`). */
  wait(vm: Vm, until: number): void;
  /** Microseconds, never decreasing. */
  now(): number;
  trace?: FrameTrace;
  /** How NICs are driven; default: by single operations. */
  nic?: Mechanisms["nic"];
}

/** Sees a frame, valid during the call; with offload as the VM has it, not as it is on a wire. */
export type FrameCapture = (frame: Uint8Array) => void;

export class Network {
  readonly switch: Switch;
  readonly pool = new PacketPool();
  readonly #uplink: SwitchPort;
  readonly #senders: Vm[] = [];
  /** Who sees the frames of a VM's NIC; see `capture`. */
  readonly #captures = new Map<Vm, FrameCapture>();
  #framesUp = 0;

  constructor(readonly options: NetworkOptions) {
    this.switch = new Switch(options);
    this.#uplink = this.switch.attach({
      name: "uplink",
      takes: () => options.uplinkTakes ?? 0,
      deliver: (frame, offload) => {
        if (!options.uplink(frame, offload)) return false;
        this.#framesUp++;
        return true;
      },
    });
  }

  /** Frames that left through the uplink. */
  get framesUp(): number {
    return this.#framesUp;
  }

  createNic(): Nic {
    const { nic } = this.options;
    return new Nic(this.pool, nic === "pio12" ? new NicRegisters() : null, nic === "ring");
  }

  /** Gives the VM its port. */
  attach(vm: Vm): void {
    const { nic, network } = vm;
    if (!nic || !network) return;
    vm.port = this.switch.attach(new VmEnd(this, vm, nic));
  }

  /** A frame that the switch has for a VM; false if there is no room. */
  deliver(vm: Vm, nic: Nic, frame: Uint8Array, offload: number): boolean {
    if (!nic.receive(frame, offload)) return false;
    if (this.#captures.size > 0) this.#captures.get(vm)?.(frame);
    if (this.#mayPass(vm, nic.receiveLimit)) this.options.received(vm);
    return true;
  }

  /** Takes the VM's port away, after what it has sent, and drops what waits for it. */
  detach(vm: Vm): void {
    if (!vm.port) return;
    // Nobody is there to hear of room.
    if (vm.nic) vm.nic.refused = false;
    while (this.#sendOne(vm)) { /* its last frames */ }
    this.#captures.delete(vm);
    this.switch.detach(vm.port);
    vm.port = null;
    vm.nic?.clear();
    const index = this.#senders.indexOf(vm);
    if (index >= 0) this.#senders.splice(index, 1);
    if (vm.nic) vm.nic.listed = false;
  }

  /** A frame from outside. */
  receive(frame: Uint8Array, offload = 0): void {
    this.switch.send(this.#uplink, frame, offload);
  }

  /** A frame that a VM sends; false if its queue is full. */
  send(vm: Vm, nic: Nic, frame: Uint8Array, offload = 0): boolean {
    const taken = nic.send(frame, offload);
    // A refused sender is listed too: it must hear of room even if nothing of its own waits.
    this.#list(vm, nic);
    return taken;
  }

  /** Counts a frame whose offload does not fit it. */
  refuse(vm: Vm, frame: Uint8Array): void {
    if (vm.port) this.switch.refuse(vm.port, frame, "offload");
  }

  /** Whether `send` would take a frame; if not, the VM hears when there is room again. */
  hasRoom(vm: Vm, nic: Nic): boolean {
    if (nic.transmitQueue.hasRoom) return true;
    nic.refused = true;
    this.#list(vm, nic);
    return false;
  }

  /** The next frame for a VM, until `taken`; null if none waits, or none that its rate lets pass. */
  receivable(vm: Vm, nic: Nic): Uint8Array | null {
    const frame = nic.receiveQueue.peek();
    return frame !== null && this.#mayPass(vm, nic.receiveLimit) ? frame : null;
  }

  /** The VM took the frame that `receivable` gave. */
  taken(nic: Nic, frame: Uint8Array): void {
    nic.receiveLimit && spend(nic.receiveLimit, frame, nic.receiveQueue.offload);
    nic.receiveQueue.drop();
  }

  /** Shows `taker` each frame that the VM sends or gets from now on; null: no more. */
  capture(vm: Vm, taker: FrameCapture | null): void {
    if (taker === null) this.#captures.delete(vm);
    else this.#captures.set(vm, taker);
  }

  /** Limits what the VM's NIC lets pass, in each direction. */
  setLimits(vm: Vm, limits: Limits): void {
    const { nic, limits: { netFrames, netBytes } } = vm;
    if (!nic || (limits.netFrames === netFrames && limits.netBytes === netBytes)) return;
    nic.receiveLimit = netLimit(limits);
    nic.transmitLimit = netLimit(limits);
    this.resume(vm);
  }

  /** Lets frames of a VM pass that waited for its rate. */
  resume(vm: Vm): void {
    const { nic } = vm;
    if (!nic || !vm.port) return;
    if (nic.receiveQueue.size > 0) this.options.received(vm);
    if (nic.transmitQueue.size === 0 || nic.listed) return;
    this.#list(vm, nic);
    this.drain();
  }

  /** Delivers everything that VMs have sent. */
  drain(): void {
    const senders = this.#senders;
    while (senders.length > 0) {
      let kept = 0;
      for (let i = 0; i < senders.length; i++) {
        if (this.#sendOne(senders[i])) senders[kept++] = senders[i];
      }
      senders.length = kept;
    }
  }

  /** Delivers a VM's next frame; false if that was its last. */
  #sendOne(vm: Vm): boolean {
    const { nic, port } = vm;
    if (!nic || !port) return false;
    const frame = nic.transmitQueue.peek();
    if (frame) {
      if (!this.#mayPass(vm, nic.transmitLimit)) {
        nic.listed = false;
        return false;
      }
      const { offload } = nic.transmitQueue;
      nic.transmitLimit && spend(nic.transmitLimit, frame, offload);
      if (this.#captures.size > 0) this.#captures.get(vm)?.(frame);
      this.switch.send(port, frame, offload);
      nic.transmitQueue.drop();
    }
    if (nic.transmitQueue.size > 0) return true;
    nic.listed = false;
    if (nic.refused) {
      nic.refused = false;
      this.options.raise(vm, INTERRUPTS.INTERRUPT_NIC_TRANSMIT.value);
    }
    return false;
  }

  #list(vm: Vm, nic: Nic): void {
    if (nic.listed) return;
    nic.listed = true;
    this.#senders.push(vm);
  }

  #mayPass(vm: Vm, limit: RateLimit | null): boolean {
    if (limit === null) return true;
    const now = this.options.now();
    const at = limit.readyAt(now);
    if (at <= now) return true;
    this.options.wait(vm, at);
    return false;
  }
}

/** The VM's end of its port. */
class VmEnd implements PortOptions {
  constructor(
    readonly network: Network,
    readonly vm: Vm,
    readonly nic: Nic,
  ) {}

  get name(): string {
    return `vm-${this.vm.id}`;
  }

  get station() {
    return { mac: this.vm.mac, address: this.vm.network?.address ?? 0 };
  }

  takes(): number {
    return this.nic.takes;
  }

  deliver(frame: Uint8Array, offload: number): boolean {
    return this.network.deliver(this.vm, this.nic, frame, offload);
  }
}

/** A large segment costs what it becomes on a wire, whoever takes it. */
function spend(limit: RateLimit, frame: Uint8Array, offload: number): void {
  limit.spend(wireBytes(frame, offload), wireFrames(frame, offload));
}
