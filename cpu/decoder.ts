/**
 * The x86 instruction decoder: bytes in, one `Instruction` out.
 *
 * It knows every legacy encoding of 32-bit mode (see opcodes.ts), accepts prefixes in any order and
 * number, and never fails: what a processor would refuse with #UD comes out marked `invalid`, with
 * the length that was read until then. The caller caches results, so clarity comes before speed.
 *
 * Rules for callers and facts they can rely on:
 * - `decode` reads bytes[offset] up to bytes[limit - 1] only. It returns null when the instruction goes on
 *   beyond `limit`: fault on the page that follows. More than 15 bytes give mnemonic "toolong" (#GP).
 * - Immediates are unsigned in their size: value 0..255 for size 1, 0..65535 for size 2, int32 for size 4.
 *   A sign-extended imm8 has the size of the destination. Branch displacements are signed.
 * - 16-bit addressing uses the same fields (base EBX, index ESI ...); reduce the sum modulo 2^16 when
 *   `addressSize` is 2. A near branch with `operandSize` 2 reduces EIP in the same way.
 * - XMM register operands have size 16, MMX 8, x87 10, whatever part is used; memory operands have the
 *   size of the access.
 * - Mnemonics that differ by operand size: cbw/cwde, cwd/cdq and the string instructions (movsw/movsl).
 *   pusha, popa, pushf, popf, iret, leave, jecxz and loop keep one name: see operandSize, addressSize.
 *   Far branches are callf, jmpf and retf.
 * - The last of F2 and F3 selects the SSE instruction and 66 only without them; a selecting prefix is
 *   not reported as `repeat`.
 * - ud0, ud1 and ud2 keep their names and are `invalid`, like everything that raises #UD.
 */

import {
  DS,
  type Instruction,
  NO_REGISTER,
  type Operand,
  type OperandKind,
  type Repeat,
  SS,
} from "./instruction.ts";
import { OPCODE_MAPS } from "./opcodes.ts";
import {
  entryIndex,
  Method,
  type OpcodeEntry,
  type OpcodeSlot,
  operandBytes,
  type OperandSpec,
  RESERVED,
} from "./opcodes/entry.ts";

/** Intel SDM vol. 2, 2.3.11: a longer instruction raises #GP. */
const MAXIMUM_LENGTH = 15;

/** No ModRM byte was read. */
const NO_MODRM = -1;

/** What is known of the instruction being decoded. One decode runs at a time. */
const scan = {
  bytes: new Uint8Array(0) as Uint8Array,
  start: 0,
  /** Next byte to read, and the end of what may be read. */
  at: 0,
  end: 0,
  /** A byte at or beyond `end` was asked for. */
  overrun: false,
  invalid: false,
  operandSize: 4 as 2 | 4,
  addressSize: 4 as 2 | 4,
  lock: false,
  repeat: "" as Repeat,
  override: -1,
  /** Last opcode byte and ModRM. */
  opcode: 0,
  modrm: NO_MODRM,
  /** The opcode byte stands behind the address (3DNow!). */
  suffixed: false,
};

/** Decodes the instruction at bytes[offset]; null if it needs bytes beyond `limit`. */
export function decode(bytes: Uint8Array, offset: number, limit: number): Instruction | null {
  begin(bytes, offset, limit);
  readPrefixes();
  const entry = readOpcode();
  const operands = readOperands(entry);
  const instruction = finish(entry, operands);
  if (!scan.overrun) return instruction;
  return scan.end < offset + MAXIMUM_LENGTH ? null : tooLong();
}

function begin(bytes: Uint8Array, offset: number, limit: number): void {
  scan.bytes = bytes;
  scan.start = offset;
  scan.at = offset;
  scan.end = Math.min(limit, offset + MAXIMUM_LENGTH);
  scan.overrun = false;
  scan.invalid = false;
  scan.operandSize = 4;
  scan.addressSize = 4;
  scan.lock = false;
  scan.repeat = "";
  scan.override = -1;
  scan.modrm = NO_MODRM;
  scan.suffixed = false;
}

function byte(): number {
  if (scan.at >= scan.end) {
    scan.overrun = true;
    return 0;
  }
  return scan.bytes[scan.at++];
}

const signedByte = (): number => byte() << 24 >> 24;
const word = (): number => byte() | byte() << 8;
const signedWord = (): number => word() << 16 >> 16;
const doubleword = (): number => word() | word() << 16;

/** Reads `size` bytes as an immediate: unsigned, but int32 for 4. */
function immediate(size: number): number {
  return size === 1 ? byte() : size === 2 ? word() : doubleword();
}

/** Consumes the prefixes and leaves the first opcode byte in `scan.opcode`. */
function readPrefixes(): void {
  for (;;) {
    const value = byte();
    switch (value) {
      case 0x26:
      case 0x2e:
      case 0x36:
      case 0x3e:
        scan.override = value >> 3 & 3;
        break;
      case 0x64:
      case 0x65:
        scan.override = value - 0x60;
        break;
      case 0x66:
        scan.operandSize = 2;
        break;
      case 0x67:
        scan.addressSize = 2;
        break;
      case 0xf0:
        scan.lock = true;
        break;
      case 0xf2:
        scan.repeat = "repne";
        break;
      case 0xf3:
        scan.repeat = "rep";
        break;
      default:
        scan.opcode = value;
        return;
    }
  }
}

/** Follows the escapes to the entry that describes the instruction; reads ModRM where there is one. */
function readOpcode(): OpcodeEntry {
  if (scan.opcode !== 0x0f) return select(OPCODE_MAPS.oneByte[scan.opcode]);
  scan.opcode = byte();
  switch (scan.opcode) {
    case 0x0a:
      scan.opcode = byte();
      return select(OPCODE_MAPS.denali[scan.opcode]);
    case 0x0f:
      return readThreeDNow();
    case 0x38:
      scan.opcode = byte();
      return select(OPCODE_MAPS.map0F38[scan.opcode]);
    case 0x3a:
      scan.opcode = byte();
      return select(OPCODE_MAPS.map0F3A[scan.opcode]);
    default:
      return select(OPCODE_MAPS.twoByte[scan.opcode]);
  }
}

function select(slot: OpcodeSlot): OpcodeEntry {
  if (slot.modrm) scan.modrm = byte();
  const entries = slot.entries;
  if (entries.length === 1) return entries[0];
  return entries[entryIndex(prefixColumn(), slot.modrm ? scan.modrm : 0)];
}

/** Column of the mandatory prefix: np 66 F3 F2. */
function prefixColumn(): number {
  if (scan.repeat !== "") return scan.repeat === "rep" ? 2 : 3;
  return scan.operandSize === 2 ? 1 : 0;
}

/** The opcode of 3DNow! stands behind the address, so look ahead for it; `finish` skips it. */
function readThreeDNow(): OpcodeEntry {
  scan.modrm = byte();
  const address = scan.at;
  if (scan.modrm < 0xc0) readMemory(0);
  scan.opcode = byte();
  scan.at = address;
  scan.suffixed = true;
  return OPCODE_MAPS.threeDNow[scan.opcode].entries[0];
}

const NO_OPERANDS: readonly Operand[] = [];

/** Left to right is also the order of the bytes: address, then immediates. */
function readOperands(entry: OpcodeEntry): readonly Operand[] {
  if (entry.mod3) scan.modrm |= 0xc0;
  if (entry === RESERVED && scan.modrm !== NO_MODRM && scan.modrm < 0xc0) readMemory(0);
  const specs = entry.operands;
  switch (specs.length) {
    case 0:
      return NO_OPERANDS;
    case 1:
      return [readOperand(specs[0])];
    case 2:
      return [readOperand(specs[0]), readOperand(specs[1])];
    default:
      return specs.map(readOperand);
  }
}

function readOperand(spec: OperandSpec): Operand {
  const reg = scan.modrm >> 3 & 7;
  const rm = scan.modrm & 7;
  switch (spec.method) {
    case Method.Constant:
      return makeImmediate(spec.size, spec.number);
    case Method.OpcodeRegister:
      return generalRegister(operandBytes(spec.size, scan.operandSize), scan.opcode & 7);
    case Method.FixedRegister:
      return generalRegister(operandBytes(spec.size, scan.operandSize), spec.number);
    case Method.General:
      return generalRegister(operandBytes(spec.size, scan.operandSize), reg);
    case Method.GeneralRm:
      return registerOnly(generalRegister(operandBytes(spec.size, scan.operandSize), rm));
    case Method.GeneralOrMemory:
      if (scan.modrm < 0xc0) return readMemory(operandBytes(spec.memorySize, scan.operandSize));
      return generalRegister(operandBytes(spec.size, scan.operandSize), rm);
    case Method.Memory:
      return memoryOnly(operandBytes(spec.size, scan.operandSize));
    case Method.Mmx:
      return MMX[reg];
    case Method.MmxRm:
      return registerOnly(MMX[rm]);
    case Method.MmxOrMemory:
      return scan.modrm < 0xc0 ? readMemory(spec.size) : MMX[rm];
    case Method.Xmm:
      return XMM[reg];
    case Method.XmmRm:
      return registerOnly(XMM[rm]);
    case Method.XmmOrMemory:
      return scan.modrm < 0xc0 ? readMemory(spec.size) : XMM[rm];
    case Method.Segment:
      return SEGMENT[reg];
    case Method.FixedSegment:
      return SEGMENT[spec.number];
    case Method.Control:
      return CONTROL[reg];
    case Method.Debug:
      return DEBUG[reg];
    case Method.StackTop:
      return STACK[0];
    case Method.StackRm:
      return STACK[rm];
    default:
      return readEncoded(spec, operandBytes(spec.size, scan.operandSize));
  }
}

/** Operands whose value stands behind the opcode. */
function readEncoded(spec: OperandSpec, size: number): Operand {
  switch (spec.method) {
    case Method.SignedByte:
      return makeImmediate(size, size === 2 ? signedByte() & 0xffff : signedByte());
    case Method.Relative:
      return makeOperand("rel", size, readDisplacement(size));
    case Method.FarPointer: {
      const offset = immediate(size - 2);
      return { ...makeOperand("far", size, offset), register: word() };
    }
    case Method.Offset:
      return makeMemory(size, NO_REGISTER, NO_REGISTER, 0, immediate(scan.addressSize), DS);
    default:
      return makeImmediate(size, immediate(size));
  }
}

function readDisplacement(size: number): number {
  return size === 1 ? signedByte() : size === 2 ? signedWord() : doubleword();
}

/** A register where memory is required, or the reverse: the length is right, the encoding is not. */
function memoryOnly(size: number): Operand {
  if (scan.modrm < 0xc0) return readMemory(size);
  scan.invalid = true;
  return generalRegister(4, scan.modrm & 7);
}

function registerOnly(register: Operand): Operand {
  if (scan.modrm >= 0xc0) return register;
  scan.invalid = true;
  return readMemory(register.size);
}

function readMemory(size: number): Operand {
  return scan.addressSize === 4 ? readMemory32(size) : readMemory16(size);
}

const EBX = 3, ESP = 4, EBP = 5, ESI = 6, EDI = 7;

/** Intel SDM vol. 2, tables 2-2 and 2-3. */
function readMemory32(size: number): Operand {
  const mod = scan.modrm >> 6;
  let base = scan.modrm & 7;
  let index = NO_REGISTER;
  let shift = 0;
  if (base === ESP) {
    const sib = byte();
    base = sib & 7;
    if ((sib >> 3 & 7) !== ESP) {
      index = sib >> 3 & 7;
      shift = sib >> 6;
    }
  }
  if (mod === 0 && base === EBP) {
    return makeMemory(size, NO_REGISTER, index, shift, doubleword(), DS);
  }
  const displacement = mod === 0 ? 0 : mod === 1 ? signedByte() : doubleword();
  const segment = base === ESP || base === EBP ? SS : DS;
  return makeMemory(size, base, index, shift, displacement, segment);
}

/** Base and index by the rm field (Intel SDM vol. 2, table 2-1). */
const BASE16 = [EBX, EBX, EBP, EBP, ESI, EDI, EBP, EBX];
const INDEX16 = [ESI, EDI, ESI, EDI, NO_REGISTER, NO_REGISTER, NO_REGISTER, NO_REGISTER];

function readMemory16(size: number): Operand {
  const mod = scan.modrm >> 6;
  const rm = scan.modrm & 7;
  if (mod === 0 && rm === 6) return makeMemory(size, NO_REGISTER, NO_REGISTER, 0, word(), DS);
  const displacement = mod === 0 ? 0 : mod === 1 ? signedByte() : signedWord();
  return makeMemory(size, BASE16[rm], INDEX16[rm], 0, displacement, BASE16[rm] === EBP ? SS : DS);
}

function finish(entry: OpcodeEntry, operands: readonly Operand[]): Instruction {
  if (scan.suffixed) byte();
  const lockable = entry.lock && scan.modrm < 0xc0;
  const selected = entry.prefix === "F2" || entry.prefix === "F3";
  return {
    mnemonic: scan.operandSize === 2 ? entry.mnemonic16 : entry.mnemonic,
    operands,
    length: scan.at - scan.start,
    operandSize: scan.operandSize,
    addressSize: scan.addressSize,
    lock: scan.lock,
    repeat: selected ? "" : scan.repeat,
    override: scan.override,
    invalid: scan.invalid || entry.undefined || (scan.lock && !lockable),
  };
}

function tooLong(): Instruction {
  return {
    mnemonic: "toolong",
    operands: NO_OPERANDS,
    length: MAXIMUM_LENGTH,
    operandSize: 4,
    addressSize: 4,
    lock: false,
    repeat: "",
    override: -1,
    invalid: true,
  };
}

function makeOperand(kind: OperandKind, size: number, value: number): Operand {
  return {
    kind,
    size,
    register: 0,
    base: NO_REGISTER,
    index: NO_REGISTER,
    shift: 0,
    segment: DS,
    value,
  };
}

function makeImmediate(size: number, value: number): Operand {
  return makeOperand("imm", size, value);
}

function makeMemory(
  size: number,
  base: number,
  index: number,
  shift: number,
  value: number,
  segment: number,
): Operand {
  const effective = scan.override >= 0 ? scan.override : segment;
  return { kind: "mem", size, register: 0, base, index, shift, segment: effective, value };
}

/** The eight registers of a file, made once: operands are immutable. */
function registers(kind: OperandKind, size: number): readonly Operand[] {
  return Array.from({ length: 8 }, (_, register) => ({
    ...makeOperand(kind, size, 0),
    register,
  }));
}

const BYTE_REGISTERS = registers("reg", 1);
const WORD_REGISTERS = registers("reg", 2);
const DOUBLEWORD_REGISTERS = registers("reg", 4);
const SEGMENT = registers("seg", 2);
const CONTROL = registers("cr", 4);
const DEBUG = registers("dr", 4);
const MMX = registers("mm", 8);
const XMM = registers("xmm", 16);
const STACK = registers("st", 10);

function generalRegister(size: number, register: number): Operand {
  if (size === 4) return DOUBLEWORD_REGISTERS[register];
  return size === 2 ? WORD_REGISTERS[register] : BYTE_REGISTERS[register];
}
