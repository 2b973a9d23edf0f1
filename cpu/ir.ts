/**
 * The intermediate representation: what an instruction does, as data.
 *
 * A semantic function (cpu/semantics/) writes one instruction's meaning through a `Builder`; printers turn
 * it into JavaScript. Nothing else in Denali knows what an instruction means.
 *
 * Rules:
 * - Expressions have no effect and depend only on constants, operand slots and temporaries. Whatever
 *   reads the state (registers, memory, flags) is a statement that defines a temporary, so the order
 *   of effects is the order of statements.
 * - An i32 is a signed 32-bit integer. A value of 8 or 16 bits is kept sign-extended.
 * - A fault is a way out of the program: every statement that can fault stands before the first one
 *   that changes registers, flags or memory (`checkProgram` in cpu/ir_check.ts holds semantics to it).
 * - A `slot` is a number that differs between instructions of one form: a register, a displacement, an
 *   immediate. A printer writes it as an array read (one function for all instructions of a form) or
 *   as the integer itself (code for one particular instruction).
 */

import type { Operation } from "./operation.ts";

export type Type = "i32" | "bool" | "f64";
export type Width = 8 | 16 | 32;
/** What memory statements move; 64 bits are a double, so they are an f64. */
export type MemoryWidth = Width | 64;
/** How a part of the state outside of the general registers is seen: an i32, or a float32 or float64 as f64. */
export type View = "word" | "single" | "double";

export type BinaryOperator =
  | "add"
  | "sub"
  | "mul"
  | "and"
  | "or"
  | "xor"
  | "shl"
  | "shr"
  | "sar"
  | "divs"
  | "divu"
  | "fadd"
  | "fsub"
  | "fmul"
  | "fdiv";
/**
 * `fabs`, `fsqrt` and `fround` (to float32) give an f64; `float` makes an f64 of an i32, exactly; `truncate`
 * makes an i32 of an f64 in range.
 */
export type UnaryOperator =
  | "sext8"
  | "sext16"
  | "zext8"
  | "zext16"
  | "clz"
  | "fabs"
  | "fsqrt"
  | "fround"
  | "float"
  | "truncate";
/** Bounds of a format: the least normal number, the greatest finite one. */
export type FloatBound = "LEAST32" | "MOST32" | "LEAST64" | "MOST64";
/** `ltu` compares as unsigned. The others compare doubles too; with a NaN only `ne` holds. */
export type Relation = "eq" | "ne" | "lt" | "ge" | "ltu" | "geu";

export type Expression =
  | { readonly op: "const"; readonly value: number }
  | { readonly op: "slot"; readonly slot: number }
  | { readonly op: "temp"; readonly id: number; readonly type: Type }
  | { readonly op: "unary"; readonly operator: UnaryOperator; readonly a: Expression }
  | {
    readonly op: "binary";
    readonly operator: BinaryOperator;
    readonly a: Expression;
    readonly b: Expression;
  }
  | {
    readonly op: "compare";
    readonly relation: Relation;
    readonly a: Expression;
    readonly b: Expression;
  }
  | { readonly op: "not"; readonly a: Expression }
  /** Of bools; `b` is not evaluated if `a` decides. */
  | { readonly op: "both" | "either"; readonly a: Expression; readonly b: Expression }
  | { readonly op: "bound"; readonly bound: FloatBound }
  | {
    readonly op: "select";
    readonly condition: Expression;
    readonly a: Expression;
    readonly b: Expression;
  };

export type Temp = Extract<Expression, { op: "temp" }>;

/**
 * How the flags follow from the operands: see cpu/flags.ts. `order` compares doubles: CF if `a` is less than
 * `b`, ZF if equal, both and PF if one is a NaN; the others are 0.
 */
export type FlagKind =
  | "explicit"
  | "partial"
  | "add"
  | "adc"
  | "sub"
  | "sbb"
  | "inc"
  | "dec"
  | "order";

/**
 * Places of the state outside of the general registers, as an int32 index into it (cpu/state.ts).
 * General registers are addressed by register statements, because a slot can name them.
 */
export type StateWord = number;

export type Statement =
  | { readonly op: "let"; readonly temp: Temp; readonly value: Expression }
  /** The only way to change a temporary: variables of loops and of both sides of an `if`. */
  | { readonly op: "assign"; readonly temp: Temp; readonly value: Expression }
  /**
   * `index` is a constant or a slot: the register's number for 32 bits, twice that for 16 bits, and for
   * 8 bits the byte's offset in the state (AL 0, AH 1, CL 4 ...).
   */
  | {
    readonly op: "getRegister";
    readonly temp: Temp;
    readonly width: Width;
    readonly index: Expression;
  }
  | {
    readonly op: "setRegister";
    readonly width: Width;
    readonly index: Expression;
    readonly value: Expression;
  }
  | { readonly op: "getWord"; readonly temp: Temp; readonly word: StateWord }
  | {
    readonly op: "setWord";
    readonly word: StateWord;
    readonly value: Expression;
    /** A word that only the engine looks at: no change of the architectural state. */
    readonly scratch: boolean;
  }
  /**
   * A part of an x87 or XMM register; `index` counts words, singles or doubles in the state. A NaN that goes
   * through an f64 may lose its bits: who sets a part has made sure that the value is none.
   */
  | {
    readonly op: "getPart";
    readonly temp: Temp;
    readonly view: View;
    readonly index: Expression;
  }
  | {
    readonly op: "setPart";
    readonly view: View;
    readonly index: Expression;
    readonly value: Expression;
    /** As of setWord: the buffer of operations. */
    readonly scratch: boolean;
  }
  /** Memory; may fault. */
  | {
    readonly op: "load";
    readonly temp: Temp;
    readonly width: MemoryWidth;
    readonly address: Expression;
    /** An earlier checkRange covers it: it cannot fault. */
    readonly reserved: boolean;
  }
  | {
    readonly op: "store";
    readonly width: MemoryWidth;
    readonly address: Expression;
    readonly value: Expression;
    /** An earlier reserveRange covers it: it cannot fault. */
    readonly reserved: boolean;
  }
  /** May fault. Afterwards memory can be read and written at `place` without a fault. */
  | {
    readonly op: "reserve";
    readonly place: number;
    readonly width: MemoryWidth;
    readonly address: Temp;
  }
  | {
    readonly op: "getPlace";
    readonly temp: Temp;
    readonly place: number;
    readonly width: MemoryWidth;
    readonly address: Temp;
  }
  | {
    readonly op: "setPlace";
    readonly place: number;
    readonly width: MemoryWidth;
    readonly address: Temp;
    readonly value: Expression;
  }
  /** The arithmetic flags, as `kind` of `a`, `b` and `result`; `carry` for inc and dec. */
  | {
    readonly op: "setFlags";
    readonly kind: FlagKind;
    readonly a: Expression;
    readonly b: Expression;
    readonly result: Expression;
    readonly carry: Expression;
  }
  /** A condition code 0..15 of Jcc, SETcc, CMOVcc (Intel SDM vol. 1, appendix B), as bool. */
  | { readonly op: "getCondition"; readonly temp: Temp; readonly code: number }
  /** Calls a helper of cpu/runtime.ts. */
  | {
    readonly op: "call";
    readonly temp: Temp | null;
    readonly helper: HelperName;
    readonly values: readonly Expression[];
  }
  /** An x87, MMX or SSE operation with its three numbers; see cpu/operation.ts. */
  | {
    readonly op: "operation";
    readonly temp: Temp;
    readonly operation: Operation;
    readonly values: readonly Expression[];
  }
  | {
    readonly op: "if";
    readonly condition: Expression;
    readonly then: readonly Statement[];
    readonly else: readonly Statement[];
  }
  | { readonly op: "loop"; readonly body: readonly Statement[] }
  | { readonly op: "break" }
  /** EIP becomes `target`; the instruction is complete. */
  | { readonly op: "jump"; readonly target: Expression }
  /** The address of this instruction plus `slot`, as a temporary: the next EIP, a branch target. */
  | { readonly op: "getEip"; readonly temp: Temp; readonly offset: Expression }
  /** An exception. A fault leaves EIP at the instruction, a trap behind it. */
  | {
    readonly op: "raise";
    readonly vector: Expression;
    readonly error: Expression;
    readonly trap: boolean;
  }
  /** Engine.run returns `reason` (EXIT_*); with `after` the instruction is complete. */
  | { readonly op: "exit"; readonly reason: number; readonly after: boolean };

/** One instruction's meaning. */
export interface Program {
  readonly body: readonly Statement[];
  /** Control does not simply go on to the next instruction. */
  readonly terminator: boolean;
}

/** What a helper of the run-time support does apart from computing its result. */
export interface HelperEffects {
  /** It can end the instruction with a fault, before it has changed anything. */
  readonly faults: boolean;
  /** It makes memory writable or writes it, and so may change the code that is running. */
  readonly touchesCode: boolean;
  /** It changes registers, flags or memory. */
  readonly changes: boolean;
}

const PURE: HelperEffects = { faults: false, touchesCode: false, changes: false };
const STATE: HelperEffects = { faults: false, touchesCode: false, changes: true };
const MEMORY: HelperEffects = { faults: false, touchesCode: true, changes: true };

/** Every helper that the IR can call. Their meanings stand at their definitions in cpu/runtime.ts. */
export const HELPERS = {
  getFlags: PURE,
  setFlagsWord: STATE,
  getCarryBit: PURE,
  multiplyHighSigned: PURE,
  multiplyHighUnsigned: PURE,
  divideBytes: PURE,
  divideUnsigned: { faults: true, touchesCode: false, changes: true },
  divideSigned: { faults: true, touchesCode: false, changes: true },
  timestamp: STATE,
  identify: STATE,
  // A result of 0 says that nothing has changed; their callers fault only then.
  bulkMove: { faults: false, touchesCode: true, changes: false },
  bulkFill: { faults: false, touchesCode: true, changes: false },
  reserveRange: { faults: true, touchesCode: true, changes: false },
  checkRange: { faults: true, touchesCode: false, changes: false },
  // As loadScratch, of memory that has been read already.
  reloadScratch: PURE,
  loadScratch: { faults: true, touchesCode: false, changes: false },
  storeScratch: MEMORY,
} as const satisfies Record<string, HelperEffects>;

export type HelperName = keyof typeof HELPERS;
