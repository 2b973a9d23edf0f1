/**
 * The forms of the x87, MMX and SSE instructions: which operands a mnemonic takes, and which function
 * it then is. `cpu/sse/table.ts` and `cpu/fpu/table.ts` are lists of forms; nothing else knows mnemonics.
 *
 * Operands are written as words of a small language, destination first:
 *
 *     x  mm  r  i  st     XMM, MMX, general register, immediate, x87 stack register
 *     m8                  memory, 8 bytes
 *     m16                 memory, 16 bytes, aligned to 16
 *     m16u                memory, 16 bytes, any address
 *     m0                  an address that is not accessed (prefetch)
 *     x/m16               either
 *
 * Memory as the first of several operands is stored to, otherwise it is loaded from; options say so
 * where that is not it.
 */

import type { Inline } from "./inline.ts";
import { DS, type Instruction, NO_REGISTER, type Operand } from "./instruction.ts";
import { type Binding, MEMORY_WORD, MM_WORD, type Operation, XMM_WORD } from "./operation.ts";
import { EDI } from "./state.ts";

/** One operand of a form. */
interface Pattern {
  readonly kinds: readonly string[];
  /** Bytes of memory, or -1 if memory is not allowed. */
  readonly bytes: number;
  readonly aligned: boolean;
}

export interface FormOptions {
  /** The frequent cases in the IR. */
  readonly inline?: Inline;
  /** Memory is the only operand and is written (FSTP m64). */
  readonly stores?: boolean;
  /** The memory operand's size must match: it selects the form (FLD m32, m64). */
  readonly exact?: boolean;
  /** Memory goes through `stateImage`. */
  readonly image?: boolean;
  /** Alignment of memory, where the pattern does not say it. */
  readonly align?: number;
  /** Memory is DS:[EDI], this many bytes, read and written (MASKMOVQ). */
  readonly implicit?: number;
  readonly readsFlags?: boolean;
  readonly writesFlags?: boolean;
  readonly pointers?: boolean;
  /** How many bytes of the operand are written: the others must be writable but stay as they are. */
  readonly written?: number;
  /** By default what has pointers or an MMX operand. */
  readonly waits?: boolean;
  /** What to pass as the immediate when the instruction has none. */
  readonly immediate?: number;
}

export interface Form {
  readonly mnemonic: string;
  readonly patterns: readonly Pattern[];
  readonly operation: Operation;
  readonly options: FormOptions;
}

/** Builds a form; `operands` is in the language of the file head. */
export function form(
  mnemonic: string,
  operands: string,
  operation: Operation,
  options: FormOptions = {},
): Form {
  const patterns = operands === "" ? [] : operands.split(" ").map(parsePattern);
  return { mnemonic, patterns, operation, options };
}

function parsePattern(text: string): Pattern {
  const kinds: string[] = [];
  let bytes = -1, aligned = false;
  for (const word of text.split("/")) {
    const memory = /^m(\d+)(u?)$/.exec(word);
    if (memory !== null) {
      kinds.push("mem");
      bytes = Number(memory[1]);
      aligned = bytes === 16 && memory[2] === "";
    } else {
      const kind = { x: "xmm", mm: "mm", r: "reg", i: "imm", st: "st" }[word];
      if (kind === undefined) throw new Error(`operand pattern "${text}": unknown word "${word}"`);
      kinds.push(kind);
    }
  }
  return { kinds, bytes, aligned };
}

/** The binding of `instruction` by `form`, or null if its operands are not those of the form. */
export function matchForm(form: Form, instruction: Instruction): Binding | null {
  const { patterns, options } = form;
  const operands = instruction.operands;
  if (operands.length !== patterns.length) return null;
  for (let i = 0; i < operands.length; i++) {
    const operand = operands[i], pattern = patterns[i];
    if (!pattern.kinds.includes(operand.kind)) return null;
    if (options.exact && operand.kind === "mem" && operand.size !== pattern.bytes) return null;
  }

  const numbers = [0, 0, options.immediate ?? 0];
  let memory: Operand | null = null;
  let loads = 0, stores = 0, alignment = 0, readsGeneral = 0, writesGeneral = 0;
  for (let i = 0; i < operands.length; i++) {
    const operand = operands[i], pattern = patterns[i];
    // The only operand of an x87 instruction is its source, unless it is written.
    const place = operands.length > 1 || options.stores ? i : 1;
    if (operand.kind === "imm") {
      numbers[2] = operand.value;
      continue;
    }
    numbers[place] = operandNumber(operand);
    if (operand.kind === "mem") {
      if (pattern.bytes === 0) continue;
      memory = operand;
      if (place === 0) stores = pattern.bytes;
      else loads = pattern.bytes;
      alignment = options.align ?? (pattern.aligned ? 16 : 0);
    } else if (operand.kind === "reg") {
      const bit = 1 << operand.register;
      if (place === 0) writesGeneral |= bit;
      // A write of AX (FNSTSW) keeps the rest of EAX.
      if (place !== 0 || operand.size < 4) readsGeneral |= bit;
    }
  }
  if (options.implicit !== undefined) {
    memory = implicitMemory(options.implicit, instruction.override);
    loads = stores = options.implicit;
    readsGeneral |= 1 << EDI;
  }
  return {
    operation: form.operation,
    inline: options.inline ?? null,
    destination: numbers[0],
    source: numbers[1],
    immediate: numbers[2],
    memory,
    loads,
    stores: stores > 0 ? options.written ?? stores : 0,
    reserves: stores,
    alignment,
    image: options.image ?? false,
    readsFlags: options.readsFlags ?? false,
    writesFlags: options.writesFlags ?? false,
    readsGeneral,
    writesGeneral,
    waits: options.waits ??
      (options.pointers || patterns.some(({ kinds }) => kinds.includes("mm"))),
    pointers: options.pointers ?? false,
  };
}

function operandNumber(operand: Operand): number {
  switch (operand.kind) {
    case "xmm":
      return XMM_WORD + 4 * operand.register;
    case "mm":
      return MM_WORD + 4 * operand.register;
    case "mem":
      return MEMORY_WORD;
    default:
      return operand.register;
  }
}

function implicitMemory(size: number, override: number): Operand {
  const segment = override >= 0 ? override : DS;
  return {
    kind: "mem",
    size,
    register: 0,
    base: EDI,
    index: NO_REGISTER,
    shift: 0,
    segment,
    value: 0,
  };
}
