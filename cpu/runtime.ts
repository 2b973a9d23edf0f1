/**
 * What generated code refers to: the environment of one evaluator.
 *
 * Generated code takes the fast path of memory itself: an aligned access to a page whose table entry is
 * present. Everything else is a helper: guest_memory.ts, arithmetic.ts.
 *
 * Rules:
 * - A helper that cannot go on sets `fault` to EXIT_EXCEPTION or EXIT_WAIT and returns 0; its caller tests
 *   `fault` at once and leaves. The helper has then changed nothing.
 * - There is one environment for each evaluator. Its processor state is a working copy, loaded and saved by
 *   every run, so that generated code can refer to it by a constant.
 */

import { arithmeticHelpers } from "./arithmetic.ts";
import { type AddressSpace, EXIT_BUDGET, EXIT_EXCEPTION, type Pool } from "./engine.ts";
import * as flags from "./flags.ts";
import { memoryHelpers } from "./guest_memory.ts";
import { OPERATION_LATER } from "./operation.ts";
import type { FloatBound, HelperName } from "./ir.ts";
import { CpuState, EXIT_ADDRESS, EXIT_ERROR, EXIT_VECTOR } from "./state.ts";

/** What changes from run to run. */
export interface Run {
  space: AddressSpace;
  readTable: Int32Array;
  writeTable: Int32Array;
  /** The same, for what regions look up themselves; empty to make them call. */
  nearRead: Int32Array;
  nearWrite: Int32Array;
  /** 0, EXIT_EXCEPTION or EXIT_WAIT. */
  fault: number;
  /** STEP_LEAVE if the code of the current block may have been changed, else 0. */
  leave: number;
  /** Another number as soon as pages of the space may be mapped to other frames than before. */
  mapping: number;
  timestamp: () => number;
}

const NO_TABLE = new Int32Array(0);
const NO_SPACE: AddressSpace = {
  readTable: NO_TABLE,
  writeTable: NO_TABLE,
  resolve: () => 0,
  protectCode: () => {},
};

const FLOAT_BOUNDS: Record<FloatBound, number> = {
  LEAST32: 2 ** -126,
  MOST32: (2 - 2 ** -23) * 2 ** 127,
  LEAST64: 2 ** -1022,
  MOST64: Number.MAX_VALUE,
};

type Helper = (...values: number[]) => number | boolean | void;

export interface Environment extends Record<HelperName, Helper> {
  readonly C: CpuState;
  readonly R: Int32Array;
  readonly X: Run;
  readonly O: Int32Array;
  readonly [name: string]: unknown;
}

/** Makes the environment of one evaluator. `operandWords` = length of its operand array. */
export function createEnvironment(pool: Pool, operandWords: number): Environment {
  const C = new CpuState();
  const R = C.i32;
  const X: Run = {
    space: NO_SPACE,
    readTable: NO_TABLE,
    writeTable: NO_TABLE,
    nearRead: NO_TABLE,
    nearWrite: NO_TABLE,
    fault: 0,
    leave: 0,
    mapping: 0,
    timestamp: () => 0,
  };
  const raise = (vector: number, error: number): number => {
    if (vector === OPERATION_LATER) return EXIT_BUDGET;
    R[EXIT_VECTOR] = vector;
    R[EXIT_ERROR] = error;
    R[EXIT_ADDRESS] = 0;
    return EXIT_EXCEPTION;
  };
  const buffer = pool.i32.buffer;
  return {
    C,
    R,
    B: new Int8Array(R.buffer),
    W: new Int16Array(R.buffer),
    F: C.f32,
    D: C.f64,
    M8: new Int8Array(buffer),
    M16: new Int16Array(buffer),
    M32: pool.i32,
    V: pool.view,
    O: new Int32Array(operandWords),
    X,
    imul: Math.imul,
    clz32: Math.clz32,
    abs: Math.abs,
    sqrt: Math.sqrt,
    fround: Math.fround,
    ...FLOAT_BOUNDS,
    raise,
    ...memoryHelpers(pool, C, X),
    ...arithmeticHelpers(R, X, raise),
    getZero: flags.getZero,
    getSign: flags.getSign,
    getParity: flags.getParity,
    getOverflow: flags.getOverflow,
    getLess: flags.getLess,
    getBelowOrEqual: flags.getBelowOrEqual,
    getLessOrEqual: flags.getLessOrEqual,
    getCarry: flags.getCarry,
    carryOf: flags.carryOf,
  };
}
