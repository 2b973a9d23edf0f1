/**
 * Upcalls into a VM: interrupts, exceptions, and the return from both.
 *
 * An upcall pushes three words, as a processor does on an interrupt without a change of privilege (Intel
 * SDM vol. 3, 6.12.1), disables interrupts and sets EIP:
 *
 *     ESP + 8   EFLAGS, IF = interrupt_enable
 *     ESP + 4   CS, always CODE_SELECTOR
 *     ESP       EIP
 *
 * The guest chooses stack and handler freely, so that every access here may fail; the result says
 * what the kernel must do then.
 */

import { CODE_SELECTOR, EXIT_EXCEPTION, PF_USER, PF_WRITE, X86_GP, X86_PF } from "../cpu/engine.ts";
import { readFlags, writeFlags } from "../cpu/flags.ts";
import { EIP, ESP, EXIT_ADDRESS, EXIT_ERROR, EXIT_VECTOR } from "../cpu/state.ts";
import { NOTHING } from "./memory.ts";
import type { Vm } from "./vm.ts";

/** EFLAGS.IF, Intel SDM vol. 1, 3.4.3.3. */
const X86_EFLAGS_IF = 1 << 9;
const FRAME_BYTES = 12;

/** The VM goes on. */
export const UPCALL_DONE = 0;
/** A page of the stack is not in memory: try again when it is. */
export const UPCALL_STARVED = 1;
/** The frame could not be pushed: the VM has crashed. */
export const UPCALL_DOUBLE_FAULT = 2;
/** The VM has no handler for exceptions: it has crashed. */
export const UPCALL_UNHANDLED = 3;
/** IRET raised an exception. */
export const UPCALL_FAULT = 4;

const words = new Int32Array(3);

/** Calls the interrupt handler if the VM wants to hear of what is pending. */
export function deliverInterrupts(vm: Vm): number {
  const { registers } = vm;
  if (!registers.interruptEnable || registers.interruptPending === 0) return UPCALL_DONE;
  const handler = registers.interruptHandler;
  if (handler === 0) return UPCALL_DONE;
  const result = pushFrame(vm, handler);
  if (result === UPCALL_DONE) vm.interrupts++;
  return result;
}

/** Calls the exception handler for the exception in the EXIT_ words of the state. */
export function deliverException(vm: Vm): number {
  const { registers, cpu: { i32 } } = vm;
  const handler = registers.exceptionHandler;
  if (handler === 0) return UPCALL_UNHANDLED;
  const result = pushFrame(vm, handler);
  if (result !== UPCALL_DONE) return result;
  const fault = i32[EXIT_VECTOR] === X86_PF ? i32[EXIT_ADDRESS] : 0;
  registers.setException(i32[EXIT_VECTOR], i32[EXIT_ERROR], fault);
  vm.exceptions++;
  return UPCALL_DONE;
}

/** IRET. UPCALL_FAULT: the exception is in the EXIT_ words. */
export function returnFromUpcall(vm: Vm): number {
  const { cpu, space, registers } = vm;
  const { i32 } = cpu;
  const top = i32[ESP] >>> 0;
  space.wanted = NOTHING;
  const reached = space.probe(top, FRAME_BYTES, false);
  if (reached < FRAME_BYTES) {
    if (space.wanted !== NOTHING) return UPCALL_STARVED;
    setPageFault(vm, top + reached, false);
    return UPCALL_FAULT;
  }
  for (let i = 0; i < 3; i++) space.load32(top + 4 * i, words, i);
  if ((words[1] & 0xffff) !== CODE_SELECTOR) {
    setException(vm, X86_GP, words[1] & 0xfffc);
    return UPCALL_FAULT;
  }
  i32[EIP] = words[0];
  i32[ESP] = top + FRAME_BYTES;
  writeFlags(cpu, words[2]);
  registers.interruptEnable = (words[2] & X86_EFLAGS_IF) !== 0;
  return UPCALL_DONE;
}

/** Puts an exception into the EXIT_ words, as an engine does that returns EXIT_EXCEPTION. */
export function setException(vm: Vm, vector: number, error: number): typeof EXIT_EXCEPTION {
  const { i32 } = vm.cpu;
  i32[EXIT_VECTOR] = vector;
  i32[EXIT_ERROR] = error;
  return EXIT_EXCEPTION;
}

/** Puts a page fault at `address` into the EXIT_ words. */
export function setPageFault(vm: Vm, address: number, write: boolean): typeof EXIT_EXCEPTION {
  vm.cpu.i32[EXIT_ADDRESS] = address;
  return setException(vm, X86_PF, write ? PF_USER | PF_WRITE : PF_USER);
}

function pushFrame(vm: Vm, handler: number): number {
  const { cpu, space, registers } = vm;
  const { i32 } = cpu;
  const top = (i32[ESP] - FRAME_BYTES) >>> 0;
  space.wanted = NOTHING;
  if (space.probe(top, FRAME_BYTES, true) < FRAME_BYTES) {
    return space.wanted !== NOTHING ? UPCALL_STARVED : UPCALL_DOUBLE_FAULT;
  }
  const flags = readFlags(cpu) & ~X86_EFLAGS_IF;
  space.store32(top, i32[EIP]);
  space.store32(top + 4, CODE_SELECTOR);
  space.store32(top + 8, registers.interruptEnable ? flags | X86_EFLAGS_IF : flags);
  i32[ESP] = top;
  i32[EIP] = handler;
  registers.interruptEnable = false;
  return UPCALL_DONE;
}
