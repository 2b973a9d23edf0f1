/**
 * The ports of a NIC: one operation per frame, or for many (kernel/nic_rings.ts), or, for a NIC with
 * registers, a dozen per frame.
 *
 * A frame that cannot be read whole from the VM's memory is not sent, and one that cannot be stored is
 * not taken.
 */

import { EAX, ECX, EDI, ESI } from "../cpu/state.ts";
import { FRAME_MAXIMUM, FRAME_MINIMUM } from "../devices/frame.ts";
import type { Nic } from "../devices/nic.ts";
import { TAKES_CHECKSUM, TAKES_SEGMENTS } from "../devices/offload.ts";
import type { NicRegisters } from "../devices/nic_registers.ts";
import { CONSTANTS, PORTS } from "./abi.ts";
import { NicRings } from "./nic_rings.ts";
import { complete, fault, refuse, store } from "./port_io.ts";
import type { Vm } from "./vm.ts";

/** The network, as a NIC's driver sees it. */
export interface NicService {
  /** Queues a frame for the switch; false if there is no room. */
  send(vm: Vm, nic: Nic, frame: Uint8Array, offload: number): boolean;
  /** Counts a frame that is not sent because its header does not fit it. */
  refuse(vm: Vm, frame: Uint8Array): void;
  /** Whether `send` would take a frame; if not, the VM hears when there is room again. */
  hasRoom(vm: Vm, nic: Nic): boolean;
  /** The next frame for the VM, until `taken`; null: none. */
  receivable(vm: Vm, nic: Nic): Uint8Array | null;
  taken(nic: Nic, frame: Uint8Array): void;
}

export class NicPorts {
  #moved = 0;
  readonly #rings: NicRings;
  readonly #staging = new Uint8Array(FRAME_MAXIMUM);

  constructor(readonly network: NicService) {
    this.#rings = new NicRings(network);
  }

  /** Bytes that operations have moved since `begin`. */
  get moved(): number {
    return this.#moved + this.#rings.moved;
  }

  begin(): void {
    this.#moved = this.#rings.moved = 0;
  }

  in(vm: Vm, nic: Nic, port: number): number {
    const value = port === PORTS.PORT_NIC_STATUS.value
      ? nic.receiveQueue.size
      : nic.registers && this.#read(vm, nic, nic.registers, port);
    if (value === null || value < 0) return refuse(vm);
    vm.cpu.i32[EAX] = value;
    return complete(vm);
  }

  out(vm: Vm, nic: Nic, port: number): number {
    if (nic.rings) {
      switch (port) {
        case PORTS.PORT_NIC_RING_SEND.value:
          return this.#rings.send(vm, nic);
        case PORTS.PORT_NIC_RING_RECEIVE.value:
          return this.#rings.receive(vm, nic);
        case PORTS.PORT_NIC_OFFLOAD.value:
          return this.#setOffload(vm, nic, vm.cpu.i32[EAX]);
      }
    }
    const done = nic.registers && this.#write(vm, nic, nic.registers, port, vm.cpu.i32[EAX]);
    return done ? complete(vm) : refuse(vm);
  }

  outs(vm: Vm, nic: Nic, port: number, length: number): number {
    const { registers } = nic;
    if (port !== (registers ? PORTS.PORT_NIC_DATA : PORTS.PORT_NIC_SEND).value) return refuse(vm);
    if (length === 0) return complete(vm);
    if (length < FRAME_MINIMUM || length > FRAME_MAXIMUM) return refuse(vm);
    if (registers && !registers.mayWrite(length)) return refuse(vm);
    const buffer = registers?.buffer ?? this.#staging;
    const { i32 } = vm.cpu;
    const address = i32[ESI] >>> 0;
    const got = vm.space.read(address, buffer, 0, length);
    if (got < length) return fault(vm, address + got, false);
    this.#moved = length;
    if (registers) registers.end();
    else if (!this.network.send(vm, nic, buffer.subarray(0, length), 0)) return complete(vm);
    i32[ESI] += length;
    i32[ECX] = 0;
    return complete(vm);
  }

  ins(vm: Vm, nic: Nic, port: number, capacity: number): number {
    const { registers } = nic;
    const data = registers ? PORTS.PORT_NIC_DATA : PORTS.PORT_NIC_RECEIVE;
    if (port !== data.value || (registers && !registers.mayRead)) return refuse(vm);
    if (capacity === 0) return complete(vm);
    const frame = this.network.receivable(vm, nic);
    if (!frame) return complete(vm);
    const wanted = Math.min(capacity, frame.length);
    const address = vm.cpu.i32[EDI] >>> 0;
    const reached = vm.space.probe(address, wanted, true);
    if (reached < wanted) return fault(vm, address + reached, true);
    this.#moved = wanted;
    const result = store(vm, frame, wanted);
    if (registers) registers.end();
    else this.network.taken(nic, frame);
    return result;
  }

  #setOffload(vm: Vm, nic: Nic, bits: number): number {
    if (bits < 0 || bits > (TAKES_CHECKSUM | TAKES_SEGMENTS) || bits === TAKES_SEGMENTS) {
      return refuse(vm);
    }
    nic.takes = bits;
    return complete(vm);
  }

  #read(vm: Vm, nic: Nic, registers: NicRegisters, port: number): number {
    switch (port) {
      case PORTS.PORT_NIC_FLAGS.value:
        return (this.network.receivable(vm, nic) ? CONSTANTS.NIC_FLAG_RECEIVED.value : 0) |
          (this.network.hasRoom(vm, nic) ? CONSTANTS.NIC_FLAG_ROOM.value : 0) |
          (registers.moved ? CONSTANTS.NIC_FLAG_MOVED.value : 0);
      case PORTS.PORT_NIC_COUNT_LOW.value:
        return registers.lengthByte(nic.receiveQueue.peek(), 0);
      case PORTS.PORT_NIC_COUNT_HIGH.value:
        return registers.lengthByte(nic.receiveQueue.peek(), 8);
      case PORTS.PORT_NIC_PAGE.value:
        return registers.page;
      default:
        return -1;
    }
  }

  #write(vm: Vm, nic: Nic, registers: NicRegisters, port: number, value: number): boolean {
    switch (port) {
      case PORTS.PORT_NIC_COMMAND.value:
        return this.#command(vm, nic, registers, value);
      case PORTS.PORT_NIC_FLAGS.value:
        if ((value & CONSTANTS.NIC_FLAG_MOVED.value) !== 0) registers.moved = false;
        return true;
      case PORTS.PORT_NIC_ADDRESS_LOW.value:
        return registers.setAddress(value, 0);
      case PORTS.PORT_NIC_ADDRESS_HIGH.value:
        return registers.setAddress(value, 8);
      case PORTS.PORT_NIC_COUNT_LOW.value:
        return registers.setCount(value, 0);
      case PORTS.PORT_NIC_COUNT_HIGH.value:
        return registers.setCount(value, 8);
      case PORTS.PORT_NIC_PAGE.value:
        return this.#givePage(vm, nic, registers);
      default:
        return false;
    }
  }

  #command(vm: Vm, nic: Nic, registers: NicRegisters, command: number): boolean {
    switch (command) {
      case CONSTANTS.NIC_COMMAND_PAGE_0.value:
        return registers.selectPage(0);
      case CONSTANTS.NIC_COMMAND_PAGE_1.value:
        return registers.selectPage(1);
      case CONSTANTS.NIC_COMMAND_READ.value:
        return registers.begin("read");
      case CONSTANTS.NIC_COMMAND_WRITE.value:
        return registers.begin("write");
      case CONSTANTS.NIC_COMMAND_SEND.value: {
        const frame = registers.take();
        // A frame for which there is no room any more is lost, as on a wire.
        if (frame) this.network.send(vm, nic, frame, 0);
        return frame !== null;
      }
      default:
        return false;
    }
  }

  /** After a frame was received its page is free again; a sender says where its frame lies. */
  #givePage(vm: Vm, nic: Nic, registers: NicRegisters): boolean {
    if (registers.loaded) return true;
    const frame = this.network.receivable(vm, nic);
    if (!frame) return false;
    this.network.taken(nic, frame);
    registers.advance();
    return true;
  }
}
