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

import { absolute, readMemory } from "./address.ts";
import type { Instruction, Operand } from "./instruction.ts";
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

import {
  CONTROL,
  DEBUG,
  generalRegister,
  immediate,
  MMX,
  operand,
  SEGMENT,
  STACK,
  XMM,
} from "./operand.ts";
import {
  begin,
  byte,
  MAXIMUM_LENGTH,
  NO_MODRM,
  readPrefixes,
  scan,
  signed,
  signedByte,
  unsigned,
  word,
} from "./scan.ts";

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
  const size = operandBytes(spec.size, scan.operandSize);
  switch (spec.method) {
    case Method.Constant:
      return immediate(spec.size, spec.number);
    case Method.OpcodeRegister:
      return generalRegister(size, scan.opcode & 7);
    case Method.FixedRegister:
      return generalRegister(size, spec.number);
    case Method.General:
      return generalRegister(size, reg);
    case Method.GeneralRm:
      return registerOnly(generalRegister(size, rm));
    case Method.GeneralOrMemory:
      if (scan.modrm < 0xc0) return readMemory(operandBytes(spec.memorySize, scan.operandSize));
      return generalRegister(size, rm);
    case Method.Memory:
      return memoryOnly(size);
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
      return readEncoded(spec, size);
  }
}

/** Operands whose value stands behind the opcode. */
function readEncoded(spec: OperandSpec, size: number): Operand {
  switch (spec.method) {
    case Method.SignedByte:
      return immediate(size, size === 2 ? signedByte() & 0xffff : signedByte());
    case Method.Relative:
      return operand("rel", size, signed(size));
    case Method.FarPointer: {
      const offset = unsigned(size - 2);
      return { ...operand("far", size, offset), register: word() };
    }
    case Method.Offset:
      return absolute(size, unsigned(scan.addressSize));
    default:
      return immediate(size, unsigned(size));
  }
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
