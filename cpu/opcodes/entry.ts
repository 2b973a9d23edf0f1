/**
 * What the opcode map holds once it is parsed: slots (one for each opcode byte) of entries (one for each
 * instruction form). The decoder selects an entry; verifier and test generators enumerate them.
 */

/** Addressing methods. */
export const enum Method {
  Constant,
  OpcodeRegister,
  General,
  GeneralOrMemory,
  GeneralRm,
  Memory,
  Immediate,
  SignedByte,
  Relative,
  FarPointer,
  Offset,
  Segment,
  Control,
  Debug,
  Mmx,
  MmxOrMemory,
  MmxRm,
  Xmm,
  XmmOrMemory,
  XmmRm,
  StackRm,
  FixedRegister,
  FixedSegment,
  StackTop,
}

/** Sizes that depend on the operand size, as negative codes; see `operandBytes`. */
const BY_OPERAND_SIZE = [[0, 0], [2, 4], [4, 6], [4, 8], [14, 28], [94, 108]] as const;

/** Bytes of a size code of an OperandSpec for an operand size of 2 or 4. */
export function operandBytes(size: number, operandSize: 2 | 4): number {
  return size >= 0 ? size : BY_OPERAND_SIZE[-size][operandSize === 2 ? 0 : 1];
}

export interface OperandSpec {
  readonly method: Method;
  /** Size code (see `operandBytes`) of the register form, and of the memory form. */
  readonly size: number;
  readonly memorySize: number;
  /** Number of a fixed register, or the constant. */
  readonly number: number;
}

export type MandatoryPrefix = "" | "np" | "66" | "F3" | "F2";

/** One instruction form of the opcode map. */
export interface OpcodeEntry {
  readonly mnemonic: string;
  /** The mnemonic with operand size 2; mostly the same. */
  readonly mnemonic16: string;
  readonly operands: readonly OperandSpec[];
  readonly prefix: MandatoryPrefix;
  readonly lock: boolean;
  readonly mod3: boolean;
  /** Raises #UD: reserved, or UD0, UD1, UD2. */
  readonly undefined: boolean;
}

/**
 * Everything one opcode byte can mean. `entries` has one element, or one for each mandatory prefix and
 * ModRM byte: see `entryIndex`.
 */
export interface OpcodeSlot {
  readonly modrm: boolean;
  readonly entries: readonly OpcodeEntry[];
}

export type OpcodeMap = readonly OpcodeSlot[];

/** Entries of one prefix column: 8 memory forms (by reg), then 64 register forms (by reg and rm). */
const COLUMN = 72;
/** Elements of `entries` of a slot that selects by prefix or ModRM. */
export const SLOT_ENTRIES = 4 * COLUMN;

export const COLUMNS: readonly MandatoryPrefix[] = ["np", "66", "F3", "F2"];

/** Where in `entries` of a slot with more than one element the form stands. Columns: np 66 F3 F2. */
export function entryIndex(column: number, modrm: number): number {
  return column * COLUMN + (modrm >= 0xc0 ? 8 + (modrm & 63) : (modrm >> 3) & 7);
}

export const RESERVED: OpcodeEntry = {
  mnemonic: "ud",
  mnemonic16: "ud",
  operands: [],
  prefix: "",
  lock: false,
  mod3: false,
  undefined: true,
};
