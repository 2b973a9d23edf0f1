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
import { buffer, chooseModrm, patch, putPrefixes, putSuffix } from "./encode.ts";
import type { InstructionForm } from "./encodings.ts";
import { FlagTracker } from "./flag_effects.ts";
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
  PAGE,
  SMALL_IMAGES,
} from "./layout.ts";
import { InitialState, isWritable } from "./initial_state.ts";
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

/** A sequence of the given forms; null if one of them came out as something that is not compared. */
export class SequenceMaker {
  private state: InitialState;
  private fixups: Fixup[] = [];
  private scrub = 0;
  private memoryAddress = 0;
  private readonly code = new Uint8Array(256);

  constructor(private readonly random: Random) {
    this.state = new InitialState(random);
  }

  make(forms: readonly InstructionForm[]): Sequence | null {
    const { random } = this;
    const state = this.state = new InitialState(random);
    this.fixups = [];
    this.scrub = 0;
    state.claim(
      4,
      random.once(12)
        ? state.spot(4) & ~(random.next() & 3)
        : DATA + 0x400 + 4 * random.below(1500),
    );
    const instructions: Instruction[] = [], used: InstructionForm[] = [];
    const offsets = [0];
    const flags = new FlagTracker();
    let length = 0, loops = false;
    let tolerance: Tolerance = "exact";
    for (const form of forms) {
      const instruction = this.instruction(form, length, instructions.length);
      if (instruction === null) continue;
      const cl = instructions.length === 0 && !state.isFree(1) ? state.registers[1] & 255 : -1;
      const transcendental = TRANSCENDENTAL.test(instruction.mnemonic);
      const alone = ALONE.test(instruction.mnemonic) || loadsSegment(instruction);
      if ((transcendental || alone) && instructions.length > 0) continue;
      if (!flags.accepts(instruction, cl)) continue;
      if (isUndefined(instruction, cl)) continue;
      this.code.set(buffer.subarray(0, instruction.length), length);
      this.fixBranch(instruction, length);
      length += instruction.length;
      instructions.push(instruction);
      used.push(form);
      offsets.push(length);
      flags.add(instruction, cl);
      if (transcendental) tolerance = "ulp";
      if (APPROXIMATE.test(instruction.mnemonic)) tolerance = "approximate";
      if (tolerance !== "exact" || alone) break;
    }
    if (instructions.length === 0) return null;
    const eip = this.place(length);
    if (this.fixups.length > 0) loops = this.fixBranches(eip, offsets, flags.ever);
    if (tolerance !== "exact" && flags.branches) return null;
    state.fillRest();
    return {
      eip,
      code: this.terminate(eip, length),
      instructions,
      forms: used,
      offsets,
      registers: state.registers,
      eflags: (random.next() & ARITHMETIC_FLAGS) | 0x202 | (random.once(4) ? DF : 0) |
        (random.once(16) ? ID : 0),
      image: random.below(tolerance === "ulp" ? SMALL_IMAGES : IMAGES),
      pokes: state.pokes,
      scrub: this.scrub,
      undefined: flags.undefinedBefore,
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

  // Operands.

  /** Writes an instruction of `form` to `buffer`; null if it is not to be compared. */
  private instruction(form: InstructionForm, offset: number, number: number): Instruction | null {
    const { random } = this;
    const encoding = random.pick(form.encodings);
    const start = putPrefixes(random, encoding);
    let at = start;
    for (const byte of encoding.opcode) buffer[at++] = byte;
    const modrmAt = encoding.modrm.length > 0 ? at : -1;
    if (modrmAt >= 0) buffer[at++] = chooseModrm(random, encoding);
    for (let i = at; i < 32; i++) buffer[i] = random.next();
    const choice = random.below(6);
    if (choice === 0) buffer.fill(random.pick([0, 1, 0x7f, 0x80, 0xff]), at);
    else if (choice === 1) buffer.fill(0, at + 1);
    if (encoding.suffix >= 0 && !putSuffix(encoding.suffix)) return null;
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

  /** Makes the operand lie at a chosen address, if it can be; returns its address. */
  private steer(instruction: Instruction, operand: Operand, modrmAt: number): number {
    const { random } = this;
    const narrow = instruction.addressSize === 2;
    const base = operand.segment === 4 ? FS_BASE : operand.segment === 5 ? GS_BASE : 0;
    let wanted = narrow && base === 0
      ? this.state.lowSpot(operand.size)
      : this.state.spot(operand.size);
    if (operand.size >= 16 && !random.once(8)) wanted &= ~15;
    const target = wanted - base | 0;
    const linear = (offset: number) => (narrow ? offset & 0xffff : offset) + base | 0;
    if (modrmAt < 0) { // an absolute address
      patch(instruction.length - instruction.addressSize, instruction.addressSize, target);
      return linear(target);
    }
    const mod = buffer[modrmAt] >> 6, rm = buffer[modrmAt] & 7;
    const { base: b, index: x, shift } = operand;
    const bytes = narrow ? (mod === 2 || (mod === 0 && rm === 6) ? 2 : 0) : (mod === 2 ||
        b === NO_REGISTER
      ? 4
      : 0);
    if (b !== NO_REGISTER && !narrow && b !== x && this.state.isFree(b)) {
      const index = x === NO_REGISTER ? 0 : this.state.valueOf(x) << shift;
      if (this.state.isFree(b)) this.state.claim(b, target - operand.value - index | 0);
    }
    let sum = 0;
    if (b !== NO_REGISTER) sum += this.state.valueOf(b);
    if (x !== NO_REGISTER) sum += this.state.valueOf(x) << shift;
    let displacement = operand.value;
    if (bytes > 0) {
      displacement = target - sum | 0;
      const sib = !narrow && rm === 4 ? 1 : 0;
      patch(modrmAt + 1 + sib, bytes, displacement);
    }
    return linear(sum + displacement);
  }

  /** Values in memory that an instruction needs to do something sensible. */
  private prepareMemory(instruction: Instruction, address: number, end: number): void {
    const { random } = this;
    switch (instruction.mnemonic) {
      case "jmp":
      case "call":
        this.aim(end, (target) => this.state.poke(address, target));
        break;
      case "fxsave":
        // Only this one place of the image differs: AMD has one more bit in MXCSR.
        if (isWritable(address, 512)) this.scrub = address + 28;
        break;
      case "fxrstor":
        if (!random.once(8)) this.state.poke(address + 24, random.next() & 0xffff);
        break;
      case "ldmxcsr":
        if (!random.once(8)) this.state.poke(address, random.next() & 0xffff);
        break;
      case "fldcw":
        this.state.poke(address, random.next() & 0xff7f);
        break;
      case "fbld":
        for (let i = 0; i < 12; i += 4) this.state.poke(address + i, decimals(random));
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
      this.state.offer(6, (narrow ? this.state.lowSpot(4) : this.state.spot(64)) - override);
      this.state.offer(7, narrow ? this.state.lowSpot(4) : this.state.spot(64));
      if (repeat !== "") this.state.offer(1, random.below(random.once(8) ? 600 : 12));
    } else if (/^(loop|jecxz)/.test(mnemonic)) {
      this.state.offer(1, random.below(4));
    } else if (mnemonic === "xlat") {
      this.state.offer(
        3,
        (narrow ? this.state.lowSpot(1) : this.state.spot(1)) - (this.state.valueOf(0) & 255),
      );
    } else if (mnemonic === "maskmovq" || mnemonic === "maskmovdqu") {
      this.state.offer(7, DATA + 64 + random.below(2000));
    } else if (mnemonic === "enter" || mnemonic === "leave") {
      this.state.offer(
        5,
        random.once(4) ? this.state.spot(4) : DATA + 0x300 + 4 * random.below(1000),
      );
    } else if (mnemonic === "div" || mnemonic === "idiv") {
      if (random.once(2)) this.state.offer(2, random.once(2) ? 0 : -1);
    } else if (mnemonic === "ret") {
      this.aim(end, (target) => this.state.poke(this.state.registers[4], target));
    } else if (mnemonic === "popf") {
      // TF would stop the host behind it, AC make it fault; Denali has neither.
      const value = random.next() & ~(TF | AC | NT);
      return number === 0 && this.state.poke(this.state.registers[4], value);
    } else if (/^(jmp|call)$/.test(mnemonic) && operands[0].kind === "reg") {
      const { register } = operands[0];
      if (this.state.isFree(register)) {
        this.aim(end, (target) => this.state.registers[register] = target);
      }
      this.state.valueOf(register);
    } else if (/^bt[src]?$/.test(mnemonic) && operands[1].kind === "reg") {
      if (operands[0].kind === "mem") {
        this.state.offer(operands[1].register, random.below(512) - 256);
      } else this.state.valueOf(operands[1].register);
    } else if (/^(sh|sa|ro|rc)/.test(mnemonic) && operands.at(-1)?.kind === "reg") {
      this.state.valueOf(1);
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
    if (source === undefined) return this.state.poke(this.state.registers[4], selector);
    if (source.kind === "mem") return this.state.poke(this.memoryAddress, selector);
    this.state.offer(source.register, selector);
    return this.state.registers[source.register] === selector;
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
