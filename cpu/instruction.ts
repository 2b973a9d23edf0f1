/**
 * One decoded x86 instruction.
 *
 * The decoder produces it; the lowering to IR, the verifier and the disassembler read it. It holds
 * what the bytes say and nothing about what the instruction means. It is position independent (a
 * relative branch keeps its displacement), because one decoded instruction is shared by every VM
 * that maps the frame it lies in.
 *
 * Operands stand in Intel order: destination first. Operands that are implied by the opcode are
 * listed where the Intel manual lists them (`shl eax, cl`, `in eax, dx`, `xchg eax, ecx`), and not
 * where it does not (`mul ecx`, `cdq`, `pusha`).
 */

/** No register: the value of `base` and `index` in an address that has none. */
export const NO_REGISTER = -1;

/** General registers in encoding order; as byte registers 4..7 name AH CH DH BH. */
export const REGISTER_NAMES = {
  1: ["al", "cl", "dl", "bl", "ah", "ch", "dh", "bh"],
  2: ["ax", "cx", "dx", "bx", "sp", "bp", "si", "di"],
  4: ["eax", "ecx", "edx", "ebx", "esp", "ebp", "esi", "edi"],
} as const;

/** Segment registers in encoding order (Intel SDM vol. 2, table 2-1 "Sreg"). */
export const SEGMENT_NAMES = ["es", "cs", "ss", "ds", "fs", "gs"] as const;
export const ES = 0, CS = 1, SS = 2, DS = 3, FS = 4, GS = 5;

export type OperandKind =
  /** general register `register` of `size` bytes (1, 2 or 4) */
  | "reg"
  /** memory: `size` bytes at segment:[base + (index << shift) + value] */
  | "mem"
  /** immediate `value`, sign- or zero-extended as the manual says, `size` bytes */
  | "imm"
  /** branch displacement `value`, relative to the end of the instruction */
  | "rel"
  /** far pointer: selector `register`, offset `value` */
  | "far"
  /** segment, control, debug, MMX, XMM, x87 stack register number `register` */
  | "seg"
  | "cr"
  | "dr"
  | "mm"
  | "xmm"
  | "st";

/** Every operand has the same fields, so that code which reads them stays monomorphic in V8. */
export interface Operand {
  readonly kind: OperandKind;
  /** Bytes: 1, 2, 4, 8, 10, 16; 0 where it has no meaning (`lea`, `invlpg`); 28, 108, 512 for FPU state. */
  readonly size: number;
  /** Register number in encoding order, 0..7. */
  readonly register: number;
  /** General register number of the base, or NO_REGISTER. */
  readonly base: number;
  /** General register number of the index, or NO_REGISTER. */
  readonly index: number;
  /** The index is shifted left by this: 0..3. */
  readonly shift: number;
  /** Effective segment (override or default): ES..GS. */
  readonly segment: number;
  /** Displacement, immediate or branch displacement, as int32. */
  readonly value: number;
}

/** Repeat prefixes as they stand before the opcode (the last one wins). */
export type Repeat = "" | "rep" | "repne";

export interface Instruction {
  /** Intel mnemonic in lower case without prefixes: "add", "movsb", "cmovne", "movaps". */
  readonly mnemonic: string;
  readonly operands: readonly Operand[];
  /** Bytes, 1..15. */
  readonly length: number;
  /** Effective operand size in bytes: 2 or 4. */
  readonly operandSize: 2 | 4;
  /** Effective address size in bytes: 2 or 4. */
  readonly addressSize: 2 | 4;
  readonly lock: boolean;
  /** F2/F3 where it is a prefix; "" where it selected the opcode (mandatory prefix of SSE). */
  readonly repeat: Repeat;
  /** Segment override prefix as it stands, ES..GS, or -1. */
  readonly override: number;
  /**
   * True where the decoder knows the length but the encoding must raise #UD: reserved opcodes,
   * LOCK where it is illegal, a register where only memory is allowed. `mnemonic` is then what the
   * opcode would have been, or "ud".
   */
  readonly invalid: boolean;
}
