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

import { IO_IN, IO_INS, IO_OUT } from "../cpu/engine.ts";
import {
  EAX,
  ECX,
  EDI,
  ESI,
  EXIT_IO,
  EXIT_IO_REPEAT,
  EXIT_IO_SIZE,
  EXIT_PORT,
  FLAGS_CONTROL,
  FS_BASE,
  GS_BASE,
} from "../cpu/state.ts";
import { CONSOLE_OPERATION_MAXIMUM } from "../devices/console.ts";
import { PAGE_SIZE } from "../cpu/engine.ts";
import { CONSTANTS, PORTS } from "./abi.ts";
import { DiskPorts } from "./disk_ports.ts";
import type { Disks } from "./disks.ts";
import { NOTHING } from "./memory.ts";
import { NicPorts, type NicService } from "./nic_ports.ts";
import { complete, fault, IO_CONSOLE_FULL, IO_DONE, refuse, store } from "./port_io.ts";
import type { Vm } from "./vm.ts";

/** EFLAGS.DF, Intel SDM vol. 1, 3.4.3.2. */
const X86_EFLAGS_DF = 1 << 10;

const DISCARDED_AT_ONCE = 256;
/** What it costs to look for a page, and to give it back, as bytes that are moved. */
const LOOK_BYTES = 16, DISCARD_BYTES = 128;

/** What ports need from the kernel. */
export interface PortServices {
  /** Clock.monotonic now. */
  now(): number;
  /** Writes the time registers. */
  refreshClock(vm: Vm): void;
  /** The VM's timer has a new deadline. */
  armTimer(vm: Vm): void;
  readonly network: NicService;
  readonly disks: Disks;
}

export class Ports {
  #moved = 0;
  readonly #nic: NicPorts;
  readonly #disk: DiskPorts;
  /** Guest bytes on their way; not shared memory, so that sinks may decode it as text. */
  readonly #staging = new Uint8Array(CONSOLE_OPERATION_MAXIMUM);

  constructor(readonly services: PortServices) {
    this.#nic = new NicPorts(services.network);
    this.#disk = new DiskPorts(services.disks);
  }

  /** Bytes that the last operation moved. */
  get moved(): number {
    return this.#moved + this.#nic.moved + this.#disk.moved;
  }

  /** Performs the I/O instruction that is described in the EXIT_ words of the VM's state. */
  perform(vm: Vm): number {
    this.#moved = this.#disk.moved = 0;
    this.#nic.begin();
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
      default:
        return vm.nic ? this.#nic.in(vm, vm.nic, i32[EXIT_PORT]) : refuse(vm);
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
        return vm.nic ? this.#nic.out(vm, vm.nic, i32[EXIT_PORT]) : refuse(vm);
    }
  }

  #outs(vm: Vm, length: number): number {
    switch (vm.cpu.i32[EXIT_PORT]) {
      case PORTS.PORT_CONSOLE_WRITE.value:
        return length === 0 ? complete(vm) : this.#writeConsole(vm, length);
      case PORTS.PORT_MEMORY_DISCARD.value:
        return this.#discard(vm, length);
      case PORTS.PORT_DISK_SUBMIT.value:
        return this.#disk.outs(vm, length);
      default:
        return vm.nic ? this.#nic.outs(vm, vm.nic, vm.cpu.i32[EXIT_PORT], length) : refuse(vm);
    }
  }

  #ins(vm: Vm, capacity: number): number {
    switch (vm.cpu.i32[EXIT_PORT]) {
      case PORTS.PORT_KEYBOARD_READ.value:
        return capacity === 0 ? complete(vm) : this.#readKeyboard(vm, capacity);
      case PORTS.PORT_DISK_COMPLETE.value:
        return this.#disk.ins(vm, capacity);
      default:
        return vm.nic ? this.#nic.ins(vm, vm.nic, vm.cpu.i32[EXIT_PORT], capacity) : refuse(vm);
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
    this.#moved = got;
    i32[ESI] += got;
    if (i32[EXIT_IO_REPEAT] !== 0) i32[ECX] -= got;
    if (got < length) {
      vm.cpu.retired++;
      return IO_DONE;
    }
    return complete(vm);
  }

  /** Takes a bounded number of pages; the VM runs the instruction again for the rest. */
  #discard(vm: Vm, length: number): number {
    const { cpu: { i32 }, space } = vm;
    const start = i32[ESI] >>> 0, end = Math.min(start + length, space.size);
    const first = Math.ceil(start / PAGE_SIZE);
    const past = Math.min(Math.floor(end / PAGE_SIZE), first + DISCARDED_AT_ONCE);
    for (let page = first; page < past; page++) {
      this.#moved += space.discard(page) ? DISCARD_BYTES : LOOK_BYTES;
    }
    const rest = past < Math.floor(end / PAGE_SIZE);
    const done = rest ? past * PAGE_SIZE - start : length;
    i32[ESI] += done;
    if (i32[EXIT_IO_REPEAT] !== 0) i32[ECX] -= done;
    if (!rest) return complete(vm);
    vm.cpu.retired++;
    return IO_DONE;
  }

  #readKeyboard(vm: Vm, capacity: number): number {
    const wanted = Math.min(capacity, vm.keyboard.waiting);
    const address = vm.cpu.i32[EDI] >>> 0;
    const reached = vm.space.probe(address, wanted, true);
    if (reached < wanted) return fault(vm, address + reached, true);
    vm.keyboard.take(this.#staging, wanted);
    this.#moved = wanted;
    return store(vm, this.#staging, wanted);
  }
}
