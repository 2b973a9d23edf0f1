/**
 * Port I/O: what a VM's IN, OUT, INS and OUTS do (ports and their meaning: kernel/abi.ts).
 *
 * The engine stops at the instruction; here it is performed, EIP set and the instruction counted. The
 * rules for whatever a guest puts into its registers:
 *
 * - An unknown port, a wrong direction, width or length, and DF = 1 raise #GP with no effect.
 * - A buffer that cannot be reached raises #PF at its first bad byte. A console write passes on what
 *   lies before that byte first, as a repeated OUTS does on a processor; everything else has no effect.
 * - A console write longer than CONSOLE_OPERATION_MAXIMUM leaves EIP at the instruction, with ESI and
 *   ECX advanced: it continues as the next instruction. So does one for
 *   which the console has too little room, when there is some again.
 * - Without REP the instruction moves at most one byte and leaves ECX alone; ESI or EDI shows whether
 *   it did.
 */

import { EXIT_EXCEPTION, EXIT_WAIT, IO_IN, IO_INS, IO_OUT, X86_GP } from "../cpu/engine.ts";
import {
  EAX,
  ECX,
  EDI,
  EIP,
  ESI,
  EXIT_IO,
  EXIT_IO_REPEAT,
  EXIT_IO_SIZE,
  EXIT_NEXT_EIP,
  EXIT_PORT,
  FLAGS_CONTROL,
  FS_BASE,
  GS_BASE,
} from "../cpu/state.ts";
import { CONSOLE_OPERATION_MAXIMUM } from "../devices/console.ts";
import { FRAME_MAXIMUM, FRAME_MINIMUM, type Nic } from "../devices/nic.ts";
import { CONSTANTS, PORTS } from "./abi.ts";
import { setException, setPageFault } from "./interrupts.ts";
import { NOTHING } from "./memory.ts";
import type { Vm } from "./vm.ts";

/** EFLAGS.DF, Intel SDM vol. 1, 3.4.3.2. */
const X86_EFLAGS_DF = 1 << 10;

/** The instruction was performed. Other results: IO_CONSOLE_FULL, EXIT_EXCEPTION, EXIT_WAIT. */
export const IO_DONE = 0;
/** The console has no room: the VM runs the instruction again when there is some. */
export const IO_CONSOLE_FULL = -1;

/** What ports need from the kernel. */
export interface PortServices {
  /** Clock.monotonic now. */
  now(): number;
  /** Writes the time registers. */
  refreshClock(vm: Vm): void;
  /** The VM's timer has a new deadline. */
  armTimer(vm: Vm): void;
  readonly network: NicService;
}

/** The network, as a NIC's driver sees it. */
export interface NicService {
  /** Queues a frame for the switch; false if there is no room. */
  send(vm: Vm, nic: Nic, frame: Uint8Array): boolean;
  /** The next frame for the VM, until `taken`; null: none. */
  receivable(vm: Vm, nic: Nic): Uint8Array | null;
  taken(nic: Nic, frame: Uint8Array): void;
}

export class Ports {
  /** Bytes that the last operation moved. */
  moved = 0;
  /** Guest bytes on their way; not shared memory, so that sinks may decode it as text. */
  readonly #staging = new Uint8Array(CONSOLE_OPERATION_MAXIMUM);

  constructor(readonly services: PortServices) {}

  /** Performs the I/O instruction that is described in the EXIT_ words of the VM's state. */
  perform(vm: Vm): number {
    this.moved = 0;
    vm.space.wanted = NOTHING;
    const { i32 } = vm.cpu;
    const kind = i32[EXIT_IO];
    if (kind === IO_IN) return this.#in(vm);
    if (kind === IO_OUT) return this.#out(vm);
    if (i32[EXIT_IO_SIZE] !== 1 || (i32[FLAGS_CONTROL] & X86_EFLAGS_DF) !== 0) return refuse(vm);
    const length = i32[EXIT_IO_REPEAT] === 0 ? 1 : i32[ECX] >>> 0;
    return kind === IO_INS ? this.#ins(vm, length) : this.#outs(vm, length);
  }

  #in(vm: Vm): number {
    const { i32 } = vm.cpu;
    if (i32[EXIT_IO_SIZE] !== 4) return refuse(vm);
    switch (i32[EXIT_PORT]) {
      case PORTS.PORT_KEYBOARD_STATUS.value:
        i32[EAX] = vm.keyboard.waiting |
          (vm.keyboard.closed ? CONSTANTS.KEYBOARD_CLOSED.value : 0);
        return complete(vm);
      case PORTS.PORT_NIC_STATUS.value:
        if (!vm.nic) return refuse(vm);
        i32[EAX] = vm.nic.receiveQueue.size;
        return complete(vm);
      default:
        return refuse(vm);
    }
  }

  #out(vm: Vm): number {
    const { i32 } = vm.cpu;
    if (i32[EXIT_IO_SIZE] !== 4) return refuse(vm);
    switch (i32[EXIT_PORT]) {
      case PORTS.PORT_THREAD_POINTER.value:
        i32[GS_BASE] = i32[EAX];
        return complete(vm);
      case PORTS.PORT_THREAD_POINTER_FS.value:
        i32[FS_BASE] = i32[EAX];
        return complete(vm);
      case PORTS.PORT_CLOCK.value:
        this.services.refreshClock(vm);
        return complete(vm);
      case PORTS.PORT_TIMER_ONESHOT.value:
        vm.timer.oneshot(this.services.now(), i32[EAX] >>> 0);
        this.services.armTimer(vm);
        return complete(vm);
      case PORTS.PORT_TIMER_PERIODIC.value:
        vm.timer.periodic(this.services.now(), i32[EAX] >>> 0);
        this.services.armTimer(vm);
        return complete(vm);
      default:
        return refuse(vm);
    }
  }

  #outs(vm: Vm, length: number): number {
    switch (vm.cpu.i32[EXIT_PORT]) {
      case PORTS.PORT_CONSOLE_WRITE.value:
        return length === 0 ? complete(vm) : this.#writeConsole(vm, length);
      case PORTS.PORT_NIC_SEND.value:
        if (!vm.nic) return refuse(vm);
        return length === 0 ? complete(vm) : this.#sendFrame(vm, vm.nic, length);
      default:
        return refuse(vm);
    }
  }

  #ins(vm: Vm, capacity: number): number {
    switch (vm.cpu.i32[EXIT_PORT]) {
      case PORTS.PORT_KEYBOARD_READ.value:
        return capacity === 0 ? complete(vm) : this.#readKeyboard(vm, capacity);
      case PORTS.PORT_NIC_RECEIVE.value:
        if (!vm.nic) return refuse(vm);
        return capacity === 0 ? complete(vm) : this.#receiveFrame(vm, vm.nic, capacity);
      default:
        return refuse(vm);
    }
  }

  #writeConsole(vm: Vm, length: number): number {
    const { cpu: { i32 }, space } = vm;
    const wanted = Math.min(length, CONSOLE_OPERATION_MAXIMUM, vm.console.room);
    if (wanted <= 0) return IO_CONSOLE_FULL;
    const address = i32[ESI] >>> 0;
    const got = space.read(address, this.#staging, 0, wanted);
    if (got === 0) return fault(vm, address, false);
    vm.console.write(this.#staging.subarray(0, got));
    this.moved = got;
    i32[ESI] += got;
    if (i32[EXIT_IO_REPEAT] !== 0) i32[ECX] -= got;
    if (got < length) {
      vm.cpu.retired++;
      return IO_DONE;
    }
    return complete(vm);
  }

  #sendFrame(vm: Vm, nic: Nic, length: number): number {
    const { cpu: { i32 }, space } = vm;
    if (length < FRAME_MINIMUM || length > FRAME_MAXIMUM) return refuse(vm);
    const address = i32[ESI] >>> 0;
    const got = space.read(address, this.#staging, 0, length);
    if (got < length) return fault(vm, address + got, false);
    this.moved = length;
    if (this.services.network.send(vm, nic, this.#staging.subarray(0, length))) {
      i32[ESI] += length;
      i32[ECX] = 0;
    }
    return complete(vm);
  }

  #readKeyboard(vm: Vm, capacity: number): number {
    const wanted = Math.min(capacity, vm.keyboard.waiting);
    const address = vm.cpu.i32[EDI] >>> 0;
    const reached = vm.space.probe(address, wanted, true);
    if (reached < wanted) return fault(vm, address + reached, true);
    vm.keyboard.take(this.#staging, wanted);
    return this.#store(vm, this.#staging, wanted);
  }

  #receiveFrame(vm: Vm, nic: Nic, capacity: number): number {
    const { network } = this.services;
    const frame = network.receivable(vm, nic);
    if (!frame) return complete(vm);
    const wanted = Math.min(capacity, frame.length);
    const address = vm.cpu.i32[EDI] >>> 0;
    const reached = vm.space.probe(address, wanted, true);
    if (reached < wanted) return fault(vm, address + reached, true);
    const result = this.#store(vm, frame, wanted);
    network.taken(nic, frame);
    return result;
  }

  /** Writes bytes to the buffer at EDI, which was probed, and ends the instruction. */
  #store(vm: Vm, bytes: Uint8Array, length: number): number {
    const { i32 } = vm.cpu;
    vm.space.write(i32[EDI] >>> 0, bytes, 0, length);
    this.moved = length;
    i32[EDI] += length;
    if (i32[EXIT_IO_REPEAT] !== 0) i32[ECX] -= length;
    return complete(vm);
  }
}

function complete(vm: Vm): number {
  vm.cpu.i32[EIP] = vm.cpu.i32[EXIT_NEXT_EIP];
  vm.cpu.retired++;
  return IO_DONE;
}

function refuse(vm: Vm): number {
  return setException(vm, X86_GP, 0);
}

/** The buffer cannot be reached at `address`: a fault, or a page that has to be waited for. */
function fault(vm: Vm, address: number, write: boolean): number {
  if (vm.space.wanted !== NOTHING) return EXIT_WAIT;
  setPageFault(vm, address, write);
  return EXIT_EXCEPTION;
}
