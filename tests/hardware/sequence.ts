/**
 * Makes instruction sequences for the differential test, and the state they start from.
 *
 * An instruction is made from one form of the opcode table: prefixes, ModRM, displacement and immediate at
 * random, then decoded to see what it is. Registers that address memory or lead a branch get values that make
 * sense for the first instruction that needs them; if an instruction before it has changed them, the access
 * goes elsewhere, which is a good case too.
 */

import { decode } from "../../cpu/decoder.ts";
import { DATA_SELECTOR } from "../../cpu/engine.ts";
import { FS, GS, type Instruction, NO_REGISTER, type Operand } from "../../cpu/instruction.ts";
import { AC, ARITHMETIC_FLAGS, DF, ID, NT, TF } from "../../cpu/flags.ts";
import { isKnown, reasonToLeaveOut } from "./comparable.ts";
import type { Encoding, InstructionForm } from "./encodings.ts";
import { flagEffect } from "./flag_effects.ts";
import {
  CODE,
  CODE_PAGES,
  DATA,
  FS_BASE,
  FS_SELECTOR,
  GS_BASE,
  GS_SELECTOR,
  IMAGES,
  isHostMemory,
  LEAVE,
  LOW,
  PAGE,
  POKES,
  SMALL_IMAGES,
} from "./layout.ts";
import { integer, Random } from "./random.ts";

export const MAXIMUM_INSTRUCTIONS = 8;

/** How exactly x87 and SSE results must agree. */
export type Tolerance = "exact" | "ulp" | "approximate";

export interface Sequence {
  readonly eip: number;
  /** The instructions and mostly a jump to LEAVE. */
  readonly code: Uint8Array;
  readonly instructions: readonly Instruction[];
  /** The form of each instruction. */
  readonly forms: readonly InstructionForm[];
  /** Where each instruction starts, and the end. */
  readonly offsets: readonly number[];
  readonly registers: Int32Array;
  readonly eflags: number;
  /** Number of the image of x87 and SSE state. */
  readonly image: number;
  /** Doublewords of memory that differ from the batch's: address, value, address ... */
  readonly pokes: readonly number[];
  /** A doubleword that is not compared (MXCSR_MASK of FXSAVE), or 0. */
  readonly scrub: number;
  /** Flags that are undefined before each instruction, and at the end. */
  readonly undefined: readonly number[];
  /** It has a branch back: any of them may be undefined anywhere. */
  readonly loops: boolean;
  readonly tolerance: Tolerance;
  /** How the engine runs it: see engine_under_test.ts. */
  readonly style: number;
}

const TRANSCENDENTAL = /^(fsin|fcos|fsincos|fptan|fpatan|f2xm1|fyl2x|fyl2xp1)$/;
const APPROXIMATE = /^r(cp|sqrt)[ps]s$/;
const STRING = /^(movs|cmps|scas|stos|lods)[bwl]$/;
/** These have to be alone: what they do cannot be followed, or they need a state of their own. */
const ALONE = /^(fxsave|fxrstor|fnsave|fnstenv|popf)$/;

const SEGMENT_PREFIXES = [0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65];

/** JMP rel32. */
const JUMP_BYTES = 5;

interface Fixup {
  /** Offset of the displacement in the code, or -1: `apply` does it. */
  readonly at: number;
  readonly size: number;
  /** Offset of the end of the branch. */
  readonly end: number;
  readonly apply: ((target: number) => void) | null;
}

const buffer = new Uint8Array(32);
const bufferView = new DataView(buffer.buffer);

/** A sequence of the given forms; null if one of them came out as something that is not compared. */
export class SequenceMaker {
  private registers = new Int32Array(8);
  private claimed = 0;
  private pokes: number[] = [];
  private fixups: Fixup[] = [];
  private scrub = 0;
  private memoryAddress = 0;
  private readonly code = new Uint8Array(256);

  constructor(private readonly random: Random) {}

  make(forms: readonly InstructionForm[]): Sequence | null {
    const { random } = this;
    this.registers = new Int32Array(8);
    this.claimed = 0;
    this.pokes = [];
    this.fixups = [];
    this.scrub = 0;
    this.claim(
      4,
      random.once(12) ? this.spot(4) & ~(random.next() & 3) : DATA + 0x400 + 4 * random.below(1500),
    );
    const instructions: Instruction[] = [], used: InstructionForm[] = [];
    const offsets = [0];
    const undefinedBefore = [0];
    let length = 0, unknown = 0, ever = 0, branches = false, indirect = false, loops = false;
    let tolerance: Tolerance = "exact";
    for (const form of forms) {
      const instruction = this.instruction(form, length, instructions.length);
      if (instruction === null) continue;
      const cl = instructions.length === 0 && (this.claimed & 2) !== 0
        ? this.registers[1] & 255
        : -1;
      const effect = flagEffect(instruction, cl);
      const transcendental = TRANSCENDENTAL.test(instruction.mnemonic);
      const alone = ALONE.test(instruction.mnemonic) || loadsSegment(instruction);
      if ((transcendental || alone) && instructions.length > 0) continue;
      if ((effect.reads & (branches ? ever : unknown)) !== 0) continue;
      // Where an indirect branch goes, no earlier instruction is certain, nor that it runs only once.
      const isBranch = /^(j|loop|call|ret)/.test(instruction.mnemonic);
      const isIndirect = isBranch && instruction.operands[0]?.kind !== "rel";
      const anywhere = flagEffect(instruction, -1).undefined;
      if ((isIndirect && ever !== 0) || (indirect && anywhere !== 0)) continue;
      if (isUndefined(instruction, cl)) continue;
      this.code.set(buffer.subarray(0, instruction.length), length);
      this.fixBranch(instruction, length);
      length += instruction.length;
      instructions.push(instruction);
      used.push(form);
      offsets.push(length);
      branches ||= isBranch;
      indirect ||= isIndirect;
      ever |= anywhere;
      unknown = (branches ? unknown : unknown & ~effect.defines) | effect.undefined;
      undefinedBefore.push(unknown);
      if (transcendental) tolerance = "ulp";
      if (APPROXIMATE.test(instruction.mnemonic)) tolerance = "approximate";
      if (tolerance !== "exact" || alone) break;
    }
    if (instructions.length === 0) return null;
    const eip = this.place(length);
    if (this.fixups.length > 0) loops = this.fixBranches(eip, offsets, ever);
    if (tolerance !== "exact" && branches) return null;
    for (let i = 0; i < 8; i++) if ((this.claimed & 1 << i) === 0) this.claim(i, integer(random));
    return {
      eip,
      code: this.terminate(eip, length),
      instructions,
      forms: used,
      offsets,
      registers: this.registers,
      eflags: (random.next() & ARITHMETIC_FLAGS) | 0x202 | (random.once(4) ? DF : 0) |
        (random.once(16) ? ID : 0),
      image: random.below(tolerance === "ulp" ? SMALL_IMAGES : IMAGES),
      pokes: this.pokes,
      scrub: this.scrub,
      undefined: undefinedBefore,
      loops,
      tolerance,
      style: random.once(4) ? random.below(8) : 0,
    };
  }

  /** The code with a jump to LEAVE behind it, if there is room. */
  private terminate(eip: number, length: number): Uint8Array {
    const { code } = this;
    if (eip + length + JUMP_BYTES > CODE + CODE_PAGES * PAGE) return code.slice(0, length);
    code[length] = 0xe9;
    new DataView(code.buffer).setInt32(length + 1, LEAVE - (eip + length + JUMP_BYTES), true);
    return code.slice(0, length + JUMP_BYTES);
  }

  /** Where the code lies: mostly within a page, sometimes across two or before the end of memory. */
  private place(length: number): number {
    const { random } = this;
    switch (random.below(24)) {
      case 0:
        return CODE + PAGE - 1 - random.below(length);
      case 1:
        // Nothing can be fetched behind it, or already of its last instruction.
        return CODE + CODE_PAGES * PAGE - length;
      default:
        return CODE + 0x100 + random.below(64);
    }
  }

  // Registers.

  private claim(register: number, value: number): void {
    this.registers[register] = value;
    this.claimed |= 1 << register;
  }

  private isFree(register: number): boolean {
    return (this.claimed & 1 << register) === 0;
  }

  private offer(register: number, value: number): void {
    if (this.isFree(register)) this.claim(register, value);
  }

  private valueOf(register: number): number {
    this.offer(register, this.random.once(2) ? integer(this.random) : this.random.below(64));
    return this.registers[register];
  }

  // Memory.

  /** An address for an operand of `size` bytes: mostly good, sometimes at the end of something. */
  private spot(size: number): number {
    const { random } = this;
    const bytes = Math.max(size, 1);
    switch (random.below(16)) {
      case 0:
        return DATA + PAGE - random.below(bytes + 1); // across two pages
      case 1:
        return DATA + 2 * PAGE - random.below(bytes + 1); // into the read-only page
      case 2:
        return DATA + 2 * PAGE + 16 * random.below(200);
      case 3:
        return DATA + 3 * PAGE - random.below(bytes + 4); // into nothing
      case 4:
        return random.once(2) ? DATA + 3 * PAGE + random.below(64) : DATA - random.below(bytes + 4);
      case 5:
      case 6:
      case 7:
        return DATA + 16 + random.below(2 * PAGE - 700);
      default:
        return DATA + 16 + 16 * random.below((2 * PAGE - 700) >> 4);
    }
  }

  private lowSpot(size: number): number {
    const { random } = this;
    return random.once(8)
      ? LOW + PAGE - random.below(Math.max(size, 1) + 4)
      : LOW + 16 + 16 * random.below(200);
  }

  /** Sets a doubleword of memory; false if it is not writable memory, or there are too many. */
  private poke(address: number, value: number): boolean {
    if (!isWritable(address, 4) || this.pokes.length >= 2 * POKES) return false;
    this.pokes.push(address, value);
    return true;
  }

  // Encoding.

  /** Writes an instruction of `form` to `buffer`; null if it is not to be compared. */
  private instruction(form: InstructionForm, offset: number, number: number): Instruction | null {
    const { random } = this;
    const encoding = random.pick(form.encodings);
    const start = this.prefixes(encoding);
    let at = start;
    for (const byte of encoding.opcode) buffer[at++] = byte;
    const modrmAt = encoding.modrm.length > 0 ? at : -1;
    if (modrmAt >= 0) buffer[at++] = this.modrm(encoding);
    for (let i = at; i < 32; i++) buffer[i] = random.next();
    const choice = random.below(6);
    if (choice === 0) buffer.fill(random.pick([0, 1, 0x7f, 0x80, 0xff]), at);
    else if (choice === 1) buffer.fill(0, at + 1);
    if (encoding.suffix >= 0 && !this.putSuffix(encoding.suffix)) return null;
    let instruction = decode(buffer, 0, buffer.length);
    if (instruction === null || reasonToLeaveOut(instruction) !== "") return null;
    if (instruction.mnemonic === "toolong" && !isKnown(form.entry.mnemonic)) return null;
    const memory = instruction.operands.find(({ kind }) => kind === "mem");
    if (memory !== undefined && !instruction.invalid) {
      const address = this.memoryAddress = this.steer(instruction, memory, modrmAt);
      // Steering may have changed the displacement.
      instruction = decode(buffer, 0, buffer.length)!;
      this.prepareMemory(instruction, address, offset + instruction.length);
    }
    if (!this.prepare(instruction, offset, number)) return null;
    if (!this.prepareSegment(instruction, number)) return null;
    return instruction;
  }

  private putSuffix(suffix: number): boolean {
    const instruction = decode(buffer, 0, buffer.length);
    if (instruction === null) return false;
    buffer[instruction.length - 1] = suffix;
    return true;
  }

  /** Writes prefixes; returns their number. */
  private prefixes(encoding: Encoding): number {
    const { random } = this;
    let at = 0;
    if (random.once(8)) buffer[at++] = random.pick(SEGMENT_PREFIXES);
    if (!encoding.selects) {
      if (random.once(4)) buffer[at++] = 0x66;
      if (random.once(6)) buffer[at++] = random.once(2) ? 0xf3 : 0xf2;
    }
    if (random.once(16)) buffer[at++] = 0x67;
    if (random.once(16)) buffer[at++] = 0xf0;
    if (encoding.prefix !== 0) buffer[at++] = encoding.prefix;
    if (random.once(64)) {
      // Redundant ones, up to and beyond the limit of 15 bytes.
      const redundant = random.pick([0x3e, 0x26, 0x36]);
      const room = 15 - encoding.opcode.length - at;
      for (let i = random.below(room + 1); i > 0; i--) buffer[at++] = redundant;
    }
    return at;
  }

  /** Registers 0..2 as destination and the others as base, mostly, so that pointers live longer. */
  private modrm(encoding: Encoding): number {
    const { random } = this;
    for (let attempt = 0; attempt < 3; attempt++) {
      const modrm = random.pick(encoding.modrm);
      const reg = modrm >> 3 & 7, rm = modrm & 7;
      if (reg === 4 && random.below(8) !== 0) continue;
      if (modrm >= 0xc0 ? rm !== 4 : rm > 2 || random.once(3)) return modrm;
    }
    return random.pick(encoding.modrm);
  }

  // Operands.

  /** Makes the operand lie at a chosen address, if it can be; returns its address. */
  private steer(instruction: Instruction, operand: Operand, modrmAt: number): number {
    const { random } = this;
    const narrow = instruction.addressSize === 2;
    const base = operand.segment === 4 ? FS_BASE : operand.segment === 5 ? GS_BASE : 0;
    let wanted = narrow && base === 0 ? this.lowSpot(operand.size) : this.spot(operand.size);
    if (operand.size >= 16 && !random.once(8)) wanted &= ~15;
    const target = wanted - base | 0;
    if (modrmAt < 0) { // an absolute address
      this.patch(instruction.length - instruction.addressSize, instruction.addressSize, target);
      return this.address(operand, narrow, base, narrow ? target & 0xffff : target);
    }
    const mod = buffer[modrmAt] >> 6, rm = buffer[modrmAt] & 7;
    const { base: b, index: x, shift } = operand;
    const bytes = narrow ? (mod === 2 || (mod === 0 && rm === 6) ? 2 : 0) : (mod === 2 ||
        b === NO_REGISTER
      ? 4
      : 0);
    if (b !== NO_REGISTER && !narrow && b !== x && this.isFree(b)) {
      const index = x === NO_REGISTER ? 0 : this.valueOf(x) << shift;
      if (this.isFree(b)) this.claim(b, target - operand.value - index | 0);
    }
    let sum = 0;
    if (b !== NO_REGISTER) sum += this.valueOf(b);
    if (x !== NO_REGISTER) sum += this.valueOf(x) << shift;
    let displacement = operand.value;
    if (bytes > 0) {
      displacement = target - sum | 0;
      const sib = !narrow && rm === 4 ? 1 : 0;
      this.patch(modrmAt + 1 + sib, bytes, displacement);
    }
    return this.address(operand, narrow, base, sum + displacement);
  }

  private address(_operand: Operand, narrow: boolean, base: number, offset: number): number {
    return (narrow ? offset & 0xffff : offset) + base | 0;
  }

  private patch(at: number, bytes: number, value: number): void {
    if (bytes === 1) bufferView.setInt8(at, value);
    else if (bytes === 2) bufferView.setInt16(at, value, true);
    else bufferView.setInt32(at, value, true);
  }

  /** Values in memory that an instruction needs to do something sensible. */
  private prepareMemory(instruction: Instruction, address: number, end: number): void {
    const { random } = this;
    switch (instruction.mnemonic) {
      case "jmp":
      case "call":
        this.aim(end, (target) => this.poke(address, target));
        break;
      case "fxsave":
        // Only this one place of the image differs: AMD has one more bit in MXCSR.
        if (isWritable(address, 512)) this.scrub = address + 28;
        break;
      case "fxrstor":
        if (!random.once(8)) this.poke(address + 24, random.next() & 0xffff);
        break;
      case "ldmxcsr":
        if (!random.once(8)) this.poke(address, random.next() & 0xffff);
        break;
      case "fldcw":
        this.poke(address, random.next() & 0xff7f);
        break;
      case "fbld":
        for (let i = 0; i < 12; i += 4) this.poke(address + i, decimals(random));
        break;
    }
  }

  /** Registers that an instruction uses without naming them. False: leave it out. */
  private prepare(instruction: Instruction, offset: number, number: number): boolean {
    const { random } = this;
    const { mnemonic, operands, repeat } = instruction;
    const narrow = instruction.addressSize === 2, end = offset + instruction.length;
    if (STRING.test(mnemonic)) {
      const override = instruction.override === 4
        ? FS_BASE
        : instruction.override === 5
        ? GS_BASE
        : 0;
      this.offer(6, (narrow ? this.lowSpot(4) : this.spot(64)) - override);
      this.offer(7, narrow ? this.lowSpot(4) : this.spot(64));
      if (repeat !== "") this.offer(1, random.below(random.once(8) ? 600 : 12));
    } else if (/^(loop|jecxz)/.test(mnemonic)) {
      this.offer(1, random.below(4));
    } else if (mnemonic === "xlat") {
      this.offer(3, (narrow ? this.lowSpot(1) : this.spot(1)) - (this.valueOf(0) & 255));
    } else if (mnemonic === "maskmovq" || mnemonic === "maskmovdqu") {
      this.offer(7, DATA + 64 + random.below(2000));
    } else if (mnemonic === "enter" || mnemonic === "leave") {
      this.offer(5, random.once(4) ? this.spot(4) : DATA + 0x300 + 4 * random.below(1000));
    } else if (mnemonic === "div" || mnemonic === "idiv") {
      if (random.once(2)) this.offer(2, random.once(2) ? 0 : -1);
    } else if (mnemonic === "ret") {
      this.aim(end, (target) => this.poke(this.registers[4], target));
    } else if (mnemonic === "popf") {
      // TF would stop the host behind it, AC make it fault; Denali has neither.
      const value = random.next() & ~(TF | AC | NT);
      return number === 0 && this.poke(this.registers[4], value);
    } else if (/^(jmp|call)$/.test(mnemonic) && operands[0].kind === "reg") {
      const { register } = operands[0];
      if (this.isFree(register)) this.aim(end, (target) => this.registers[register] = target);
      this.valueOf(register);
    } else if (/^bt[src]?$/.test(mnemonic) && operands[1].kind === "reg") {
      if (operands[0].kind === "mem") this.offer(operands[1].register, random.below(512) - 256);
      else this.valueOf(operands[1].register);
    } else if (/^(sh|sa|ro|rc)/.test(mnemonic) && operands.at(-1)?.kind === "reg") {
      this.valueOf(1);
    }
    return true;
  }

  /** A segment register gets the selector that it has: others mean something else here. */
  private prepareSegment(instruction: Instruction, number: number): boolean {
    const [target, source] = instruction.operands;
    if (target?.kind !== "seg" || instruction.mnemonic === "push") return true;
    const { register } = target;
    const selector = register === FS ? FS_SELECTOR : register === GS ? GS_SELECTOR : DATA_SELECTOR;
    if (number > 0) return false;
    if (source === undefined) return this.poke(this.registers[4], selector);
    if (source.kind === "mem") return this.poke(this.memoryAddress, selector);
    this.offer(source.register, selector);
    return this.registers[source.register] === selector;
  }

  // Branches.

  /** `end`: offset of the end of the branch. */
  private aim(end: number, apply: (target: number) => void): void {
    this.fixups.push({ at: -1, size: 0, end, apply });
  }

  private fixBranch(instruction: Instruction, offset: number): void {
    const operand = instruction.operands[0];
    if (operand?.kind !== "rel" || instruction.invalid) return;
    const end = offset + instruction.length;
    this.fixups.push({ at: end - operand.size, size: operand.size, end, apply: null });
  }

  /** Chooses where branches go; returns whether one of them goes back. */
  private fixBranches(eip: number, offsets: readonly number[], ever: number): boolean {
    const { random, code } = this;
    const view = new DataView(code.buffer);
    let loops = false;
    for (const { at, size, end, apply } of this.fixups) {
      let target = random.pick(offsets);
      if (random.once(16)) target = 0x400 + random.below(64); // INT3
      // Round again only if every flag is defined; not all loops end.
      if (target < end && (ever !== 0 || !random.once(3))) target = offsets[offsets.length - 1];
      if (target < end) loops = true;
      const far = target - end < -128 || target - end > 127;
      if (size === 1 && far) target = offsets[offsets.length - 1];
      if (apply !== null) {
        apply(random.once(24) ? integer(random) : eip + target | 0);
        continue;
      }
      let displacement = target - end;
      if (random.once(24)) {
        const wild = integer(random);
        displacement = size === 1 ? wild << 24 >> 24 : size === 2 ? wild << 16 >> 16 : wild;
        // Wild, but neither into this process on the host nor between instructions.
        const goal = eip + end + displacement | 0;
        if (isHostMemory(goal) || (goal >= eip - 16 && goal < eip + 160)) {
          displacement = target - end;
        }
      }
      if (size === 1) view.setInt8(at, displacement);
      else if (size === 2) view.setInt16(at, displacement, true);
      else view.setInt32(at, displacement, true);
    }
    return loops;
  }
}

/** The selector in memory must not be overwritten by what a RET behind it wants there. */
function loadsSegment({ mnemonic, operands }: Instruction): boolean {
  return mnemonic !== "push" && operands[0]?.kind === "seg";
}

function isWritable(address: number, bytes: number): boolean {
  return (address >= DATA && address + bytes <= DATA + 2 * PAGE) ||
    (address >= LOW && address + bytes <= LOW + PAGE);
}

/** Eight decimal digits. */
function decimals(random: Random): number {
  let value = 0;
  for (let i = 0; i < 8; i++) value = value << 4 | random.below(10);
  return value;
}

/** Results that are undefined altogether: shifts of 16 bits by more than 16. */
function isUndefined(instruction: Instruction, cl: number): boolean {
  const { mnemonic, operands } = instruction;
  if ((mnemonic !== "shld" && mnemonic !== "shrd") || operands[0].size !== 2) return false;
  const count = operands[2].kind === "imm" ? operands[2].value : cl;
  return count < 0 || (count & 31) > 16;
}
