/** One random instruction of any form, whose memory operand mostly lies where there is memory. */

import { decode } from "../../cpu/decoder.ts";
import type { Instruction } from "../../cpu/instruction.ts";
import { type Encoding, FORMS, type InstructionForm } from "../hardware/encodings.ts";
import { integer, type Random } from "../hardware/random.ts";
import { CODE, CODE_PAGES, DATA, DATA_PAGES, PAGE, TABLES } from "./layout.ts";

function forms(pattern: RegExp): InstructionForm[] {
  return FORMS.filter(({ entry }) => pattern.test(entry.mnemonic));
}

/** What compilers emit most comes most often; any form at all comes too. */
const GROUPS: readonly (readonly [weight: number, forms: readonly InstructionForm[]])[] = [
  [30, forms(/^(add|sub|and|or|xor|cmp|test|adc|sbb)$/)],
  [20, forms(/^(mov|movzx|movsx|lea|xchg|bswap)$/)],
  [10, forms(/^(inc|dec|neg|not)$/)],
  [10, forms(/^(push|pop)$/)],
  [10, forms(/^(set|cmov)/)],
  [10, forms(/^(sh|sa|ro|rc)[lr]d?$/)],
  [5, forms(/^(mul|imul|div|idiv|cdq|cwde|cbw|cwd)$/)],
  [5, forms(/^(bt[src]?|bs[fr]|xadd|cmpxchg8?b?)$/)],
  [5, forms(/^(movs|cmps|scas|stos|lods)[bwd]$/)],
  [4, forms(/^(clc|stc|cmc|cld|std|lahf|sahf|pushf|popf)$/)],
  [4, forms(/^(aaa|aas|aad|aam|daa|das|enter|leave|pusha|popa|xlat.*|bound|into)$/)],
  [6, forms(/^(mov|add|sub|mul|div|sqrt|min|max|cvt|cmp|ucomi|comi|and|or|xor).*[ps][sd]$/)],
  [4, forms(/^p|^mov[dq]|^f/)],
  [3, FORMS],
];
const TOTAL = GROUPS.reduce((sum, [weight]) => sum + weight, 0);

/** These end a block and are made on purpose, with a target. */
const CONTROL = /^(j|call|ret|loop|iret|int|hlt|terminate)/;
/** What is exact only in its own way, or has state that is nobody's. */
const LEFT_OUT = /^(fxsave|fnsave|frstor|fxrstor|fldenv|fnstenv)$/;

const scratch = new Uint8Array(32);

/** The bytes of an instruction, of which `immediate` says whether the last one is an immediate. */
export interface Encoded {
  readonly bytes: Uint8Array;
  readonly immediate: boolean;
}

export function randomInstruction(random: Random): Encoded {
  for (;;) {
    let choice = random.below(TOTAL);
    const group = GROUPS.find(([weight]) => (choice -= weight) < 0)!;
    const encoded = encode(random, random.pick(random.pick(group[1]).encodings));
    if (encoded !== null) return encoded;
  }
}

function encode(random: Random, encoding: Encoding): Encoded | null {
  if (encoding.suffix >= 0) return null;
  for (let i = 0; i < scratch.length; i++) scratch[i] = random.next();
  let at = 0;
  if (!encoding.selects) {
    if (random.once(8)) scratch[at++] = 0x66;
    if (random.once(8)) scratch[at++] = random.once(2) ? 0xf3 : 0xf2;
  }
  if (random.once(40)) scratch[at++] = random.pick([0x64, 0x65, 0x2e, 0xf0, 0x67]);
  if (encoding.prefix !== 0) scratch[at++] = encoding.prefix;
  for (const byte of encoding.opcode) scratch[at++] = byte;
  if (encoding.modrm.length > 0) at = putOperand(random, encoding, at);
  const instruction = decode(scratch, 0, scratch.length);
  if (instruction === null || !isWanted(random, instruction)) return null;
  const { length, operands } = instruction;
  return {
    bytes: scratch.slice(0, length),
    immediate: operands.some(({ kind }) => kind === "imm") && encoding.opcode.length === 1,
  };
}

function isWanted(random: Random, { mnemonic, operands, invalid }: Instruction): boolean {
  if (LEFT_OUT.test(mnemonic)) return false;
  if (CONTROL.test(mnemonic)) return random.once(50);
  // A wild register as a pointer, or a fault at each turn, is worth little; some of it is.
  if (invalid) return random.once(10);
  if (operands.some(({ kind }) => /^([cd]r|seg|far)$/.test(kind))) return random.once(40);
  const target = operands[0];
  const clobbers = target?.kind === "reg" && target.size === 4 && target.register >= 3;
  return !clobbers || mnemonic === "cmp" || mnemonic === "test" || mnemonic === "push" ||
    random.once(12);
}

/** Writes ModRM and what belongs to it. */
function putOperand(random: Random, encoding: Encoding, at: number): number {
  const { modrm } = encoding;
  const pick = (wanted: (mod: number, rm: number) => boolean) => {
    const some = modrm.filter((byte) => wanted(byte >> 6, byte & 7));
    return some.length > 0 ? random.pick(some) : random.pick(modrm);
  };
  const put32 = (value: number) => {
    for (let i = 0; i < 4; i++) scratch[at++] = value >> (8 * i);
  };
  const choice = random.below(16);
  if (choice < 8) {
    scratch[at++] = pick((mod, rm) => mod === 3 && rm !== 4);
  } else if (choice < 11) {
    scratch[at++] = pick((mod, rm) => mod === 0 && rm === 5);
    put32(randomAddress(random));
  } else if (choice < 14) {
    scratch[at++] = pick((mod, rm) => mod === 1 && (rm === 3 || rm > 4));
    scratch[at++] = random.once(4) ? random.next() : 4 * random.below(16);
  } else if (choice < 15) {
    scratch[at++] = pick((mod, rm) => mod === 1 && rm === 4);
    scratch[at++] = 0x24; // [esp + disp8]
    scratch[at++] = 4 * random.below(16);
  } else {
    scratch[at++] = random.pick(modrm);
  }
  return at;
}

/** Mostly in the data, sometimes across pages, in the code, in what cannot be written or is not there. */
export function randomAddress(random: Random): number {
  switch (random.below(20)) {
    case 0:
      return CODE + random.below(CODE_PAGES * PAGE);
    case 1:
      return TABLES + random.below(PAGE);
    case 2:
      return random.once(4) ? integer(random) : DATA + DATA_PAGES * PAGE - random.below(8);
    case 3:
    case 4:
      return DATA + PAGE - random.below(8);
    case 5:
      return DATA + random.below(DATA_PAGES * PAGE);
    default:
      return DATA + (random.once(2) ? 16 * random.below(256) : 4 * random.below(1024));
  }
}
