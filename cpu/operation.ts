/**
 * How an engine runs an x87, MMX or SSE instruction without knowing what it means.
 *
 * Hundreds of instructions do nothing but combine two places of the processor state. Each is a plain
 * function, an `Operation`. `bindOperation` (cpu/operations.ts) turns a decoded instruction into a
 * `Binding`: the function, the three numbers to call it with, and what the engine must do around the
 * call. An engine needs this recipe and nothing else:
 *
 *  1. If `pointers`, and the instruction does not fault: FPU_IP = address of the instruction and, with
 *     a memory operand, FPU_DP = its effective address.
 *  2. If `memory` is not null, and `waits`, and an x87 exception is pending (ES of the status word): #MF.
 *     Compute its linear address. If `alignment` is not 0 and the address is
 *     not a multiple of it: #GP(0).
 *  3. If `stores` > 0, make sure that `reserves` bytes can be written there: after the call the instruction
 *     can no longer fault. If `loads` > 0, copy that many bytes from memory to the start of the buffer.
 *     Page faults as usual.
 *  4. If `readsFlags`, put EFLAGS (CF, PF, ZF at their places) into `cpu.i32[SCRATCH]`.
 *  5. `const result = operation(cpu, destination, source, immediate)`. A result above 0 is an exception
 *     vector with error code 0: the instruction has no further effect and EIP stays at it.
 *  6. If `stores` > 0 and the result is not OPERATION_NO_STORE, copy the bytes from the buffer to memory.
 *  7. If `writesFlags`, `cpu.i32[SCRATCH]` holds the new CF, PF and ZF at their EFLAGS places; OF, SF
 *     and AF become 0.
 *
 * Before anybody looks at x87 registers: `flush` (cpu/fpu/pair.ts).
 *
 * The buffer is `cpu.u8` from MEMORY_BYTE on, or `stateImage` if `image` is set (FXSAVE and its kind move
 * more bytes than the processor state has room for).
 *
 * What the three numbers mean is a matter between binder and operation. For reference: general, MMX and
 * XMM operands are the index in `cpu.i32` of their first word (so a general register is its number, and
 * memory is MEMORY_WORD whatever its type), st(i) is i, and an immediate is itself.
 */

import type { Inline } from "./inline.ts";
import type { Operand } from "./instruction.ts";
import { type CpuState, FPU_BYTE, MEMORY_SLOT, XMM_BYTE, XMM_STRIDE } from "./state.ts";

/** Returns 0, OPERATION_NO_STORE, OPERATION_LATER or an exception vector (X86_UD, X86_MF, X86_XM). Never throws. */
export type Operation = (
  cpu: CpuState,
  destination: number,
  source: number,
  immediate: number,
) => number;

/** The instruction is complete and its memory operand stays unwritten (an unmasked x87 exception). */
export const OPERATION_NO_STORE = -1;

/** Nothing was done: the region that called must leave, because its time is used up (effort.ts). No vector. */
export const OPERATION_LATER = 256;

/** Where a memory operand lies during a call: byte offset in the state, and index in `cpu.i32`. */
export const MEMORY_BYTE = XMM_BYTE + MEMORY_SLOT * XMM_STRIDE;
export const MEMORY_WORD = MEMORY_BYTE >> 2;

/** Index in `cpu.i32` of the first word of XMM0 and of MM0; registers are 4 words apart in both files. */
export const XMM_WORD = XMM_BYTE >> 2;
export const MM_WORD = FPU_BYTE >> 2;

/** The memory operand of FXSAVE, FXRSTOR, FNSAVE, FRSTOR, FNSTENV and FLDENV during a call. */
export const stateImage: Uint8Array = new Uint8Array(512);

/** What an engine does for one decoded instruction. See the head of this file. */
export interface Binding {
  readonly operation: Operation;
  /** How to write its frequent cases without the call, or null. */
  readonly inline: Inline | null;
  readonly destination: number;
  readonly source: number;
  readonly immediate: number;
  /** The operand that addresses memory, or null. Of implicit operands (MASKMOVQ) too. */
  readonly memory: Operand | null;
  /** Bytes to copy from memory before the call; 0: none. */
  readonly loads: number;
  /** Bytes to copy to memory after the call; 0: none. */
  readonly stores: number;
  /** Bytes that must be writable: `stores`, or more (FXSAVE). */
  readonly reserves: number;
  /** 0, or 16 where a misaligned address raises #GP(0). */
  readonly alignment: number;
  /** The bytes go through `stateImage`, not through the processor state. */
  readonly image: boolean;
  readonly readsFlags: boolean;
  readonly writesFlags: boolean;
  /** Bit masks of the general registers that the operation itself reads and writes. */
  readonly readsGeneral: number;
  readonly writesGeneral: number;
  /** Waits for the x87: with a memory operand, a pending exception is #MF before that is looked at. */
  readonly waits: boolean;
  /** An x87 instruction that is no control instruction: it updates FPU_IP and FPU_DP. */
  readonly pointers: boolean;
}
