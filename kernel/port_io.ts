/** How an I/O instruction of a VM ends, and how buffers get into its memory (kernel/ports.ts). */

import { EXIT_EXCEPTION, EXIT_WAIT, X86_GP } from "../cpu/engine.ts";
import { ECX, EDI, EIP, EXIT_IO_REPEAT, EXIT_NEXT_EIP } from "../cpu/state.ts";
import { setException, setPageFault } from "./interrupts.ts";
import { NOTHING } from "./memory.ts";
import type { Vm } from "./vm.ts";

/** The instruction was performed. Other results: IO_CONSOLE_FULL, EXIT_EXCEPTION, EXIT_WAIT. */
export const IO_DONE = 0;
/** The console has no room: the VM runs the instruction again when there is some. */
export const IO_CONSOLE_FULL = -1;

/** The VM goes on behind the instruction. */
export function complete(vm: Vm): number {
  vm.cpu.i32[EIP] = vm.cpu.i32[EXIT_NEXT_EIP];
  vm.cpu.retired++;
  return IO_DONE;
}

/** #GP: nothing of this kind is there. */
export function refuse(vm: Vm): number {
  return setException(vm, X86_GP, 0);
}

/** The buffer cannot be reached at `address`: a fault, or a page that has to be waited for. */
export function fault(vm: Vm, address: number, write: boolean): number {
  if (vm.space.wanted !== NOTHING) return EXIT_WAIT;
  setPageFault(vm, address, write);
  return EXIT_EXCEPTION;
}

/** Writes bytes to the buffer at EDI, which was probed, and ends the instruction. */
export function store(vm: Vm, bytes: Uint8Array, length: number): number {
  const { i32 } = vm.cpu;
  vm.space.write(i32[EDI] >>> 0, bytes, 0, length);
  i32[EDI] += length;
  if (i32[EXIT_IO_REPEAT] !== 0) i32[ECX] -= length;
  return complete(vm);
}
