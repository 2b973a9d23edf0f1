/**
 * One decoded instruction as a line of text, in the Intel syntax of `objdump -d -M intel`, so that a
 * crash report reads like the tool its reader would use next.
 *
 * What objdump shows and this does not, because an `Instruction` does not hold it: a displacement of
 * zero, and an index of "none" (`[esi+eiz*1+0x0]`).
 */

import {
  DS,
  type Instruction,
  NO_REGISTER,
  type Operand,
  REGISTER_NAMES,
  SEGMENT_NAMES,
} from "./instruction.ts";

/** Formats `instruction`, which lies at `address`; encodings that raise #UD are "(bad)". */
export function disassemble(instruction: Instruction, address: number): string {
  if (instruction.invalid && !/^ud[012]$/.test(instruction.mnemonic)) return "(bad)";
  const text = STRING.test(instruction.mnemonic) && instruction.operands.length === 0
    ? stringInstruction(instruction)
    : plainInstruction(instruction, address);
  const [mnemonic, operands] = text;
  const head = prefixes(instruction) + mnemonic;
  return operands === "" ? head : `${head.padEnd(6)} ${operands}`;
}

type Text = readonly [mnemonic: string, operands: string];

function plainInstruction(instruction: Instruction, address: number): Text {
  const operands = instruction.operands.map((operand) =>
    formatOperand(operand, instruction, address)
  );
  const comparison = comparisonName(instruction);
  if (comparison !== undefined) return [comparison, operands.slice(0, 2).join(",")];
  if (isWordNop(instruction)) return ["xchg", "ax,ax"];
  if (IMPLIED_XMM0.has(instruction.mnemonic)) operands.push("xmm0");
  return [displayName(instruction), operands.join(",")];
}

const STRING = /^(movs|cmps|stos|lods|scas|ins|outs|xlat)([bwl]?)$/;
const SIZE_NAMES: Record<number, string> = {
  1: "BYTE PTR ",
  2: "WORD PTR ",
  4: "DWORD PTR ",
  6: "FWORD PTR ",
  8: "QWORD PTR ",
  10: "TBYTE PTR ",
  16: "XMMWORD PTR ",
};

/** String instructions list no operands; objdump spells them out. */
function stringInstruction(instruction: Instruction): Text {
  const [, name, suffix] = STRING.exec(instruction.mnemonic) as RegExpExecArray;
  const size = suffix === "w" ? 2 : suffix === "l" ? 4 : 1;
  const registers = REGISTER_NAMES[instruction.addressSize];
  const override = SEGMENT_NAMES[instruction.override === -1 ? DS : instruction.override];
  const source = `${SIZE_NAMES[size]}${override}:[${registers[6]}]`;
  const destination = `${SIZE_NAMES[size]}es:[${registers[7]}]`;
  const accumulator = REGISTER_NAMES[size][0];
  switch (name) {
    case "movs":
      return [name, `${destination},${source}`];
    case "cmps":
      return [name, `${source},${destination}`];
    case "stos":
      return [name, `${destination},${accumulator}`];
    case "lods":
      return [name, `${accumulator},${source}`];
    case "scas":
      return [name, `${accumulator},${destination}`];
    case "ins":
      return [name, `${destination},dx`];
    case "outs":
      return [name, `dx,${source}`];
    default:
      return [name, `BYTE PTR ${override}:[${registers[3]}]`];
  }
}

/** The repeated instructions that stop at a flag say which; the others just repeat. */
function repeatName(instruction: Instruction): string {
  if (instruction.repeat === "repne") return isNearBranch(instruction) ? "bnd " : "repnz ";
  return /^(movs|stos|lods|ins|outs)[bwl]$/.test(instruction.mnemonic) ? "rep " : "repz ";
}

function prefixes(instruction: Instruction): string {
  let text = "";
  if (instruction.lock) text += "lock ";
  if (instruction.repeat !== "") text += repeatName(instruction);
  return text + segmentPrefix(instruction);
}

/** An override that no operand shows. */
function segmentPrefix(instruction: Instruction): string {
  const { mnemonic, operands, override } = instruction;
  if (override === -1 || STRING.test(mnemonic)) return "";
  const indirectBranch = operands[0]?.kind !== "rel" && (mnemonic === "jmp" || mnemonic === "call");
  if (override === DS && indirectBranch) return "notrack ";
  if (operands.some((operand) => operand.kind === "mem")) return "";
  return `${SEGMENT_NAMES[override]} `;
}

function isNearBranch(instruction: Instruction): boolean {
  return /^(ret|call|j(?!mpf|ecxz).*)$/.test(instruction.mnemonic);
}

/** Names that objdump gives a suffix when the operand size is 2 and no operand shows it. */
const STACK_NAMES = /^(call|ret|retf|iret|leave|enter|pusha|popa|pushf|popf|push|pop|xbegin)$/;
const FPU_IMAGE = /^f(ldenv|nstenv|nsave|rstor)$/;
const IMPLIED_XMM0 = new Set(["pblendvb", "blendvps", "blendvpd", "sha256rnds2"]);

function displayName(instruction: Instruction): string {
  const { mnemonic, operands, operandSize, addressSize } = instruction;
  if (mnemonic === "callf" || mnemonic === "jmpf") return mnemonic.slice(0, -1);
  if (mnemonic === "jecxz") return addressSize === 2 ? "jcxz" : "jecxz";
  if (mnemonic.startsWith("loop") && addressSize === 2) return `addr16 ${mnemonic}`;
  if (operandSize === 4) return mnemonic;
  if (mnemonic === "jmp" && operands[0].kind === "rel" && operands[0].size === 2) return "jmpw";
  const shown = operands[0]?.kind === "reg" || operands[0]?.kind === "mem";
  if (STACK_NAMES.test(mnemonic) && !shown || FPU_IMAGE.test(mnemonic)) return `${mnemonic}w`;
  return mnemonic;
}

/** 66 90. */
function isWordNop({ mnemonic, operands, operandSize }: Instruction): boolean {
  return mnemonic === "nop" && operands.length === 0 && operandSize === 2;
}

const PREDICATES = ["eq", "lt", "le", "unord", "neq", "nlt", "nle", "ord"];

/** `cmpps x,y,1` is written `cmpltps x,y`. */
function comparisonName(instruction: Instruction): string | undefined {
  const type = /^cmp([ps][sd])$/.exec(instruction.mnemonic)?.[1];
  const predicate = PREDICATES[instruction.operands[2]?.value];
  return type && predicate && `cmp${predicate}${type}`;
}

function hex(value: number): string {
  return `0x${(value >>> 0).toString(16)}`;
}

function formatOperand(operand: Operand, instruction: Instruction, address: number): string {
  switch (operand.kind) {
    case "reg":
      return REGISTER_NAMES[operand.size as 1 | 2 | 4][operand.register];
    case "mem":
      return (SIZE_NAMES[operand.size] ?? "") + formatAddress(operand, instruction);
    case "imm":
      return formatImmediate(operand, instruction);
    case "rel":
      return hex(branchTarget(operand, instruction, address));
    case "far":
      return `${hex(operand.register)}:${hex(operand.value)}`;
    case "seg":
      return SEGMENT_NAMES[operand.register];
    case "st":
      return operand.register === 0 && !isLoneStackOperand(instruction)
        ? "st"
        : `st(${operand.register})`;
    default:
      return `${operand.kind}${operand.register}`;
  }
}

function isLoneStackOperand(instruction: Instruction): boolean {
  return instruction.operands.length === 1;
}

function formatImmediate(operand: Operand, instruction: Instruction): string {
  const isShiftByOne = operand.value === 1 && /^(ro|rc|sh|sa)[lr]$/.test(instruction.mnemonic);
  return isShiftByOne ? "1" : hex(operand.value);
}

/** Where the relative operand of a branch at `address` leads: 0..2^32-1. */
export function branchTarget(operand: Operand, instruction: Instruction, address: number): number {
  const target = address + instruction.length + operand.value;
  return instruction.operandSize === 2 ? target & 0xffff : target >>> 0;
}

function formatAddress(operand: Operand, instruction: Instruction): string {
  const names = REGISTER_NAMES[instruction.addressSize];
  const terms: string[] = [];
  if (operand.base !== NO_REGISTER) terms.push(names[operand.base]);
  if (operand.index !== NO_REGISTER) {
    terms.push(
      names[operand.index] + (instruction.addressSize === 4 ? `*${1 << operand.shift}` : ""),
    );
  }
  const segment = segmentName(operand, instruction);
  if (terms.length === 0) return `${segment === "" ? "ds:" : segment}${hex(operand.value)}`;
  return `${segment}[${terms.join("+")}${formatDisplacement(operand.value)}]`;
}

function formatDisplacement(value: number): string {
  if (value === 0) return "";
  return value < 0 ? `-${hex(-value)}` : `+${hex(value)}`;
}

function segmentName(operand: Operand, instruction: Instruction): string {
  const notrack = /^(jmp|call)$/.test(instruction.mnemonic) && instruction.override === DS;
  return instruction.override === -1 || notrack ? "" : `${SEGMENT_NAMES[operand.segment]}:`;
}
