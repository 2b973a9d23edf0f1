/**
 * What instructions do with the six arithmetic flags (Intel SDM vol. 2, at each instruction): which they
 * read, set, and leave undefined. A flag that is undefined is not compared until it has been set again.
 */

import type { Instruction } from "../../cpu/instruction.ts";
import { AF, ARITHMETIC_FLAGS, CF, OF, PF, SF, ZF } from "../../cpu/flags.ts";

export interface FlagEffect {
  readonly reads: number;
  /** Set or cleared, whatever the operands are. */
  readonly defines: number;
  readonly undefined: number;
}

const ALL = ARITHMETIC_FLAGS;
const NOTHING: FlagEffect = { reads: 0, defines: 0, undefined: 0 };

const TABLE = new Map<string, FlagEffect>();

function define(names: string, reads: number, defines: number, leaves: number): void {
  for (const name of names.split(" ")) TABLE.set(name, { reads, defines, undefined: leaves });
}

define("add sub cmp neg xadd cmpxchg", 0, ALL, 0);
define("adc sbb", CF, ALL, 0);
define("inc dec", 0, ALL & ~CF, 0);
define("and or xor test", 0, ALL & ~AF, AF);
define("mul imul", 0, CF | OF, SF | ZF | AF | PF);
define("div idiv", 0, 0, ALL);
define("bt bts btr btc", 0, CF, OF | SF | AF | PF);
define("bsf bsr", 0, ZF, CF | OF | SF | AF | PF);
define("daa das", AF | CF, ALL & ~OF, OF);
define("aaa aas", AF | CF, AF | CF, OF | SF | ZF | PF);
define("aam aad", 0, SF | ZF | PF, OF | AF | CF);
define("comiss comisd ucomiss ucomisd fcomi fcomip fucomi fucomip", 0, ALL, 0);
define("cmpxchg8b", 0, ZF, 0);
define("clc stc", 0, CF, 0);
define("cmc salc", CF, 0, 0);
define("sahf", 0, ALL & ~OF, 0);
define("lahf pushf into", ALL, 0, 0);
define("popf", 0, ALL, 0);
define("loope loopne", ZF, 0, 0);
define("cmpsb cmpsw cmpsl scasb scasw scasl", 0, ALL, 0);
define("fcmovb fcmove fcmovbe fcmovu fcmovnb fcmovne fcmovnbe fcmovnu", CF | ZF | PF, 0, 0);

/** `cl`: the value of CL when the instruction starts, or -1 if it is not known. */
export function flagEffect(instruction: Instruction, cl: number): FlagEffect {
  const { mnemonic, operands } = instruction;
  if (instruction.invalid) return NOTHING;
  if (/^(j|set|cmov)/.test(mnemonic) && !/^j(mp|ecxz)$/.test(mnemonic)) {
    return { reads: ALL, defines: 0, undefined: 0 };
  }
  if (/^(shl|shr|sar|shld|shrd|rol|ror|rcl|rcr)$/.test(mnemonic)) {
    const last = operands[operands.length - 1];
    const count = last.kind === "imm" ? last.value & 31 : cl < 0 ? -1 : cl & 31;
    return shiftEffect(mnemonic, count, operands[0].size * 8);
  }
  const effect = TABLE.get(mnemonic) ?? NOTHING;
  // Repeated no times it changes nothing.
  return instruction.repeat !== "" && /^(cmps|scas)/.test(mnemonic) ? NOTHING : effect;
}

function shiftEffect(mnemonic: string, count: number, width: number): FlagEffect {
  const reads = mnemonic.startsWith("rc") ? CF : 0;
  const rotates = mnemonic.startsWith("r");
  if (count === 0) return NOTHING;
  if (count < 0) return { reads, defines: 0, undefined: rotates ? OF : AF | OF | CF };
  const overflow = count === 1 ? 0 : OF;
  // A rotation by a multiple of the width may leave CF alone.
  if (rotates) return { reads, defines: 0, undefined: overflow };
  const left = AF | overflow | (count >= width ? CF : 0);
  return { reads, defines: ALL & ~left, undefined: left };
}

const BRANCH = /^(j|loop|call|ret)/;

/** Follows which flags are undefined along a sequence, and refuses instructions that would read one. */
export class FlagTracker {
  /** Flags that are undefined before each instruction, and behind the last. */
  readonly undefinedBefore: number[] = [0];
  /** Flags that any instruction may leave undefined, whatever its operands are when it runs again. */
  ever = 0;
  branches = false;
  private indirect = false;

  accepts(instruction: Instruction, cl: number): boolean {
    const { undefinedBefore, ever, branches, indirect } = this;
    // A branch may skip what sets a flag again.
    const unknown = branches ? ever : undefinedBefore[undefinedBefore.length - 1];
    if ((flagEffect(instruction, cl).reads & unknown) !== 0) return false;
    // Where an indirect branch goes, no earlier instruction is certain, nor that it runs only once.
    if (isIndirectBranch(instruction) && ever !== 0) return false;
    return !indirect || flagEffect(instruction, -1).undefined === 0;
  }

  add(instruction: Instruction, cl: number): void {
    const effect = flagEffect(instruction, cl);
    this.branches ||= BRANCH.test(instruction.mnemonic);
    this.indirect ||= isIndirectBranch(instruction);
    this.ever |= flagEffect(instruction, -1).undefined;
    const before = this.undefinedBefore[this.undefinedBefore.length - 1];
    const kept = this.branches ? before : before & ~effect.defines;
    this.undefinedBefore.push(kept | effect.undefined);
  }
}

function isIndirectBranch({ mnemonic, operands }: Instruction): boolean {
  return BRANCH.test(mnemonic) && operands[0]?.kind !== "rel";
}
