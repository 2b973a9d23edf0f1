/**
 * What instructions of one kind have in common, so that they can share one compiled function.
 *
 * `shapeOf` splits a decoded instruction into a key and numbers. Instructions with the same key differ
 * only in those numbers (register numbers, displacements, immediates), which `Form` names as slots.
 * `literalForm` gives the same form with the numbers themselves, for code made for one instruction.
 */

import { bindOperation } from "./operations.ts";
import { constant } from "./expression.ts";
import type { Expression } from "./ir.ts";
import { CS, FS, GS, type Instruction, NO_REGISTER, type Operand } from "./instruction.ts";
import { type Binding, MEMORY_WORD, type Operation } from "./operation.ts";

/**
 * Words of one decoded instruction in the evaluator's operand array: its handler, the offsets of its
 * first byte and of the byte behind it (relative to the start of the block), then the form's slots.
 */
export const INSTRUCTION_WORDS = 8;
export const HANDLER_WORD = 0, START_WORD = 1, END_WORD = 2, FIRST_SLOT = 3;

/** An operand with slots in place of its numbers. */
export interface FormOperand {
  readonly kind: Operand["kind"];
  /** Bytes. */
  readonly size: number;
  /** Register operands: the index that a register statement takes (see cpu/ir.ts). */
  readonly register: Expression;
  /** Immediate; for `rel` the offset of the target from the same origin as START_WORD. */
  readonly value: Expression;
  /** Memory operands: each part or null. */
  readonly base: Expression | null;
  readonly index: Expression | null;
  readonly shift: number;
  readonly displacement: Expression | null;
  readonly segment: number;
}

export interface Form {
  readonly mnemonic: string;
  readonly operands: readonly FormOperand[];
  readonly operandSize: 2 | 4;
  readonly addressSize: 2 | 4;
  readonly repeat: Instruction["repeat"];
  /** Segment override, ES..GS, or -1. */
  readonly override: number;
  readonly invalid: boolean;
  /** What a family wants to know when the meaning is written: see VARIANTS. */
  readonly variant: string;
  /** Offsets of the instruction and of its end. */
  readonly start: Expression;
  readonly end: Expression;
  /** x87, MMX and SSE: how to run it; the three numbers as slots, and its memory operand. */
  readonly binding: Binding | null;
  readonly bindingNumbers: readonly Expression[];
  readonly bindingMemory: FormOperand | null;
}

export interface Shape {
  readonly key: string;
  /** Values of the slots from FIRST_SLOT on; `rel` values relative to the end of the instruction. */
  readonly slots: readonly number[];
  /** Positions in `slots` that hold a branch displacement. */
  readonly relative: number;
  readonly form: Form;
}

const NO_PARTS = { base: null, index: null, shift: 0, displacement: null, segment: 0 };
const NOTHING = constant(0);

function isZeroIdiom(instruction: Instruction): boolean {
  const [a, b] = instruction.operands;
  return a.kind === b.kind && (a.kind === "reg" || a.kind === "xmm") && a.register === b.register;
}

/** Immediate counts: 0 changes nothing, 1 defines OF, more than 8 or 16 bits are special. */
function countClass(instruction: Instruction): string {
  const operand = instruction.operands[instruction.operands.length - 1];
  if (operand.kind !== "imm") return "";
  const count = operand.value & 31;
  const bits = instruction.operands[0].size * 8;
  return count === 0 ? "zero" : count === 1 ? "one" : count < bits ? "some" : "many";
}

/**
 * Properties of single instructions that decide which meaning is written, by mnemonic. They become part
 * of the key.
 */
const VARIANTS: Record<string, (instruction: Instruction) => string> = {
  xor: (i) => isZeroIdiom(i) ? "zero" : "",
  sub: (i) => isZeroIdiom(i) ? "zero" : "",
  sbb: (i) => isZeroIdiom(i) ? "same" : "",
  test: (i) => isZeroIdiom(i) ? "same" : "",
  pop: (i) => i.operands[0].kind === "mem" && i.operands[0].base === 4 ? "esp" : "",
  int: (i) => ({ 3: "breakpoint", 4: "overflow" })[i.operands[0].value] ?? "",
  enter: (i) => String(i.operands[1].value & 31),
  aam: (i) => i.operands[0]?.value === 0 ? "zero" : "",
};
for (const mnemonic of ["pxor", "xorps", "xorpd"]) {
  VARIANTS[mnemonic] = (i) => isZeroIdiom(i) ? "same" : "";
}
for (const mnemonic of ["shl", "shr", "sar", "rol", "ror", "rcl", "rcr", "shld", "shrd"]) {
  VARIANTS[mnemonic] = countClass;
}

const operationNumbers = new Map<Operation, number>();

function operationNumber(operation: Operation): number {
  let number = operationNumbers.get(operation);
  if (number === undefined) operationNumbers.set(operation, number = operationNumbers.size);
  return number;
}

type Placer = (value: number) => Expression;

/** Splits an instruction into key, slot values and form. */
export function shapeOf(instruction: Instruction): Shape {
  const slots: number[] = [];
  const place = (value: number): Expression => {
    slots.push(value);
    return { op: "slot", slot: FIRST_SLOT + slots.length - 1 };
  };
  return analyse(
    instruction,
    slots,
    place,
    { op: "slot", slot: START_WORD },
    { op: "slot", slot: END_WORD },
  );
}

/** The form of one particular instruction at `offset` from the origin: every slot is its value. */
export function literalForm(instruction: Instruction, offset: number): Form {
  const end = constant(offset + instruction.length);
  return analyse(
    instruction,
    [],
    constant,
    constant(offset),
    end,
    end.op === "const" ? end.value : 0,
  )
    .form;
}

function analyse(
  instruction: Instruction,
  slots: number[],
  place: Placer,
  start: Expression,
  end: Expression,
  origin = 0,
): Shape {
  // Too many bytes are #GP, not #UD.
  const invalid = instruction.invalid && instruction.mnemonic !== "toolong";
  const variant = invalid ? "" : VARIANTS[instruction.mnemonic]?.(instruction) ?? "";
  const binding = invalid ? null : bindOperation(instruction);
  let key = invalid ? "#" : instruction.mnemonic;
  let relative = -1;
  const operands: FormOperand[] = [];
  let bindingMemory: FormOperand | null = null;
  const bindingNumbers: Expression[] = [];
  if (binding !== null) {
    key += `!${operationNumber(binding.operation)}`;
    for (const number of [binding.destination, binding.source, binding.immediate]) {
      const fixed = number === 0 || number === MEMORY_WORD;
      key += fixed ? `,${number}` : ",*";
      bindingNumbers.push(fixed ? constant(number) : place(number));
    }
    key += `:${binding.loads},${binding.stores}`;
    if (binding.memory !== null) {
      const [part, operand] = memoryOperand(binding.memory, instruction.addressSize, place);
      key += part;
      bindingMemory = operand;
    }
  } else if (!invalid) {
    for (const operand of instruction.operands) {
      if (operand.kind === "mem") {
        const [part, formOperand] = memoryOperand(operand, instruction.addressSize, place);
        key += part;
        operands.push(formOperand);
        continue;
      }
      key += ` ${operand.kind}${operand.size}`;
      // Each segment register has a meaning of its own.
      if (operand.kind === "seg") key += `=${operand.register}`;
      if (operand.kind === "rel") relative = slots.length;
      const isRegister = operand.kind === "reg";
      const hasValue = operand.kind === "imm" || operand.kind === "rel";
      operands.push({
        ...NO_PARTS,
        kind: operand.kind,
        size: operand.size,
        register: isRegister
          ? place(registerIndex(operand.register, operand.size))
          : constant(operand.register),
        value: hasValue
          ? place(operand.kind === "rel" ? operand.value + origin : signedImmediate(operand))
          : NOTHING,
      });
    }
  }
  if (variant !== "") key += ` ?${variant}`;
  if (instruction.repeat !== "") key += ` ${instruction.repeat}`;
  if (instruction.override === FS || instruction.override === GS) {
    key += ` @${instruction.override}`;
  }
  key += ` /${instruction.operandSize}${instruction.addressSize}`;
  if (slots.length > INSTRUCTION_WORDS - FIRST_SLOT) {
    throw new Error(
      `expected at most ${INSTRUCTION_WORDS - FIRST_SLOT} numbers in a form, got ${slots.length} ` +
        `for ${key}; enlarge INSTRUCTION_WORDS`,
    );
  }
  const { mnemonic, operandSize, addressSize, repeat, override } = instruction;
  return {
    key,
    slots,
    relative,
    form: {
      mnemonic,
      operands,
      operandSize,
      addressSize,
      repeat,
      override,
      invalid,
      variant,
      start,
      end,
      binding,
      bindingNumbers,
      bindingMemory,
    },
  };
}

/** The decoder gives immediates as unsigned; values of the IR are signed. */
function signedImmediate(operand: Operand): number {
  if (operand.size === 1) return operand.value << 24 >> 24;
  return operand.size === 2 ? operand.value << 16 >> 16 : operand.value;
}

/** The index of a register statement for register number `register` of `size` bytes. */
export function registerIndex(register: number, size: number): number {
  if (size === 4) return register;
  if (size === 2) return register * 2;
  return (register & 3) * 4 + (register >> 2);
}

function memoryOperand(
  operand: Operand,
  addressSize: number,
  place: Placer,
): [key: string, operand: FormOperand] {
  const base = operand.base === NO_REGISTER ? null : place(operand.base);
  const index = operand.index === NO_REGISTER ? null : place(operand.index);
  const displacement = operand.value === 0 && base !== null ? null : place(operand.value);
  const { segment } = operand;
  let key = ` m${operand.size}:`;
  if (addressSize === 2) key += "h";
  if (segment === CS || segment === FS || segment === GS) key += `@${segment}`;
  if (base !== null) key += "b";
  if (index !== null) key += `i${operand.shift}`;
  if (displacement !== null) key += "d";
  return [key, {
    kind: "mem",
    size: operand.size,
    register: NOTHING,
    value: NOTHING,
    base,
    index,
    shift: operand.shift,
    displacement,
    segment,
  }];
}
