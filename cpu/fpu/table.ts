/** The forms of the x87 instructions, and of the state images they share with SSE. See ../form.ts. */

import { lengthy } from "../effort.ts";
import { type Form, form, type FormOptions } from "../form.ts";
import type { Operation } from "../operation.ts";
import * as arithmetic from "./arithmetic.ts";
import * as compare from "./compare.ts";
import * as control from "./control.ts";
import {
  DOUBLE,
  fastMemory,
  type FastName,
  fastRoot,
  fastStack,
  INTEGER16,
  INTEGER32,
  INTEGER64,
  memoryCode,
  SINGLE,
  stackCode,
} from "./fast_arithmetic.ts";
import {
  compareMemoryCode,
  compareStackCode,
  compareToFlagsCode,
  fastCompareMemory,
  fastCompareStack,
  fastCompareToFlags,
  fastConditional,
  fastConstant,
  fastExchange,
  fastLoadRegister,
  fastPush,
  fastSign,
  fastStoreDouble,
  fastStoreInteger,
  fastStoreRegister,
  fastStoreSingle,
  fastTest,
  flushed,
  LOADS,
  storeIntegerCode,
} from "./fast_move.ts";
import * as load from "./load.ts";
import * as remainder from "./remainder.ts";
import * as image from "./state_image.ts";
import * as store from "./store.ts";
import * as transcendental from "./transcendental.ts";

/** Of some 10 ns: BigInt series of 5 to 20 µs, single operations on a BigInt, and the state in memory. */
const TRANSCENDENTAL_WORK = 1500, REMAINDER_WORK = 100, DECIMAL_WORK = 300, IMAGE_WORK = 100;

/** A form that updates the last instruction pointer. */
function fpu(mnemonic: string, operands: string, operation: Operation, options: FormOptions = {}) {
  return fast(mnemonic, operands, flushed(operation), 0, options);
}

/** The same, of an operation that takes as long as so many others. */
function long(
  mnemonic: string,
  operands: string,
  operation: Operation,
  work: number,
  options: FormOptions = {},
) {
  return fast(mnemonic, operands, lengthy(work, flushed(operation)), 0, options);
}

/** The same, of an operation that knows of pairs of doubles (pair.ts). */
function fast(
  mnemonic: string,
  operands: string,
  operation: Operation,
  immediate = 0,
  options: FormOptions = {},
) {
  return form(mnemonic, operands, operation, {
    exact: true,
    pointers: true,
    immediate,
    ...options,
  });
}

const STORES = { stores: true };

/** FADD m32, m64, st/st(i), st(i)/st; FADDP; FIADD m16, m32. */
function arithmeticForms(name: string, operation: FastName, reverse: boolean): Form[] {
  const memory = (kind: number) => {
    const exact = arithmetic.memoryArithmetic(operation, reverse, LOADS[kind]);
    return memoryCode(operation, reverse, kind, exact);
  };
  const stack = (pops: boolean) => {
    const exact = arithmetic.stackArithmetic(operation, reverse, pops);
    return stackCode(operation, reverse, pops, exact);
  };
  return [
    fast("f" + name, "m4", fastMemory, memory(SINGLE)),
    fast("f" + name, "m8", fastMemory, memory(DOUBLE)),
    fast("f" + name, "st st", fastStack, stack(false)),
    fast("f" + name + "p", "st st", fastStack, stack(true)),
    fast("fi" + name, "m2", fastMemory, memory(INTEGER16)),
    fast("fi" + name, "m4", fastMemory, memory(INTEGER32)),
  ];
}

const numeric: Form[] = [
  ...arithmeticForms("add", "add", false),
  ...arithmeticForms("sub", "sub", false),
  ...arithmeticForms("subr", "sub", true),
  ...arithmeticForms("mul", "mul", false),
  ...arithmeticForms("div", "div", false),
  ...arithmeticForms("divr", "div", true),
  fast("fsqrt", "", fastRoot),
  fpu("frndint", "", arithmetic.frndint),
  fast("fabs", "", fastSign, 1),
  fast("fchs", "", fastSign, 0),
  fpu("fscale", "", arithmetic.fscale),
  fpu("fxtract", "", arithmetic.fxtract),
  long("fprem", "", remainder.fprem, REMAINDER_WORK),
  long("fprem1", "", remainder.fprem1, REMAINDER_WORK),
];

const transcendentals = Object.entries(transcendental)
  .map(([mnemonic, operation]) => long(mnemonic, "", operation, TRANSCENDENTAL_WORK));

/** FIST, FISTP, FISTTP of an integer that fits into a double. */
function storeInteger(name: string, bits: 16 | 32, pops: boolean, truncate: boolean): Form {
  const code = storeIntegerCode(bits, pops, truncate);
  return fast(name, `m${bits / 8}`, fastStoreInteger, code, STORES);
}

const moves: Form[] = [
  fast("fld", "m4", fastPush, SINGLE),
  fast("fld", "m8", fastPush, DOUBLE),
  fpu("fld", "m10", load.loadExtended),
  fast("fld", "st", fastLoadRegister),
  fast("fild", "m2", fastPush, INTEGER16),
  fast("fild", "m4", fastPush, INTEGER32),
  fast("fild", "m8", fastPush, INTEGER64),
  long("fbld", "m10", load.loadAs(load.loadDecimal), DECIMAL_WORK),
  fast("fld1", "", fastConstant, 1),
  fpu("fldl2t", "", load.fldl2t),
  fpu("fldl2e", "", load.fldl2e),
  fpu("fldpi", "", load.fldpi),
  fpu("fldlg2", "", load.fldlg2),
  fpu("fldln2", "", load.fldln2),
  fast("fldz", "", fastConstant, 0),
  fast("fst", "m4", fastStoreSingle, 0, STORES),
  fast("fst", "m8", fastStoreDouble, 0, STORES),
  fast("fst", "st", fastStoreRegister, 0),
  fast("fstp", "m4", fastStoreSingle, 1, STORES),
  fast("fstp", "m8", fastStoreDouble, 1, STORES),
  fpu("fstp", "m10", store.fstpExtended, STORES),
  fast("fstp", "st", fastStoreRegister, 1),
  fpu("fstpnce", "st", store.fstpnce),
  storeInteger("fist", 16, false, false),
  storeInteger("fist", 32, false, false),
  storeInteger("fistp", 16, true, false),
  storeInteger("fistp", 32, true, false),
  fpu("fistp", "m8", store.storeInteger(64, true), STORES),
  storeInteger("fisttp", 16, true, true),
  storeInteger("fisttp", 32, true, true),
  fpu("fisttp", "m8", store.storeInteger(64, true, true), STORES),
  long("fbstp", "m10", store.fbstp, DECIMAL_WORK, STORES),
  fast("fxch", "st", fastExchange),
];

/** EFLAGS bits. */
const CF = 1, PF = 4, ZF = 0x40;

function conditionalMoves(condition: string, mask: number): Form[] {
  const options = { readsFlags: true };
  const move = (negate: boolean) => fastConditional(mask, negate, load.fcmov(mask, negate));
  return [
    fast("fcmov" + condition, "st st", move(false), 0, options),
    fast("fcmovn" + condition, "st st", move(true), 0, options),
  ];
}

function compareMemory(name: string, operands: string, kind: number, pops: number): Form {
  return fast(name, operands, fastCompareMemory, compareMemoryCode(kind, pops));
}

function compareToFlags(name: string, quiet: boolean, pops: number): Form {
  const options = { writesFlags: true };
  return fast(name, "st st", fastCompareToFlags, compareToFlagsCode(quiet, pops), options);
}

const comparisons: Form[] = [
  ...conditionalMoves("b", CF),
  ...conditionalMoves("e", ZF),
  ...conditionalMoves("be", CF | ZF),
  ...conditionalMoves("u", PF),
  ...["fcom", "fcomp"].flatMap((name, pops) => [
    compareMemory(name, "m4", SINGLE, pops),
    compareMemory(name, "m8", DOUBLE, pops),
    fast(name, "st", fastCompareStack, compareStackCode(false, pops)),
  ]),
  ...["ficom", "ficomp"].flatMap((name, pops) => [
    compareMemory(name, "m2", INTEGER16, pops),
    compareMemory(name, "m4", INTEGER32, pops),
  ]),
  fast("fcompp", "", compareSecond, compareStackCode(false, 2)),
  fast("fucom", "st", fastCompareStack, compareStackCode(true, 0)),
  fast("fucomp", "st", fastCompareStack, compareStackCode(true, 1)),
  fast("fucompp", "", compareSecond, compareStackCode(true, 2)),
  compareToFlags("fcomi", false, 0),
  compareToFlags("fcomip", false, 1),
  compareToFlags("fucomi", true, 0),
  compareToFlags("fucomip", true, 1),
  fast("ftst", "", fastTest),
  fpu("fxam", "", compare.fxam),
];

/** FCOMPP and FUCOMPP compare with st(1). */
function compareSecond(...[cpu, d, _s, code]: Parameters<Operation>): number {
  return fastCompareStack(cpu, d, 1, code);
}

const controls: Form[] = [
  form("fldcw", "m2", control.fldcw, { waits: true }),
  form("fnstcw", "m2", control.fnstcw, STORES),
  form("fnstsw", "m2", control.fnstsw, STORES),
  form("fnstsw", "r", control.fnstswAx, STORES),
  form("fnclex", "", control.fnclex),
  form("fninit", "", flushed(control.fninit)),
  fpu("fincstp", "", control.fincstp),
  fpu("fdecstp", "", control.fdecstp),
  fpu("ffree", "st", control.ffree),
  fpu("ffreep", "st", control.ffreep),
  fpu("fnop", "", control.wait),
  form("fwait", "", control.wait),
  ...["fneni", "fndisi", "fnsetpm"].map((name) => form(name, "", () => 0)),
];

/** The four that come in a 16-bit and a 32-bit format. */
function environment(name: string, narrow: number, wide: number, stores: boolean): Form[] {
  const make = image[name as "fnsave" | "frstor" | "fnstenv" | "fldenv"];
  const options = { exact: true, image: true, stores, waits: !stores };
  return [
    form(name, `m${narrow}`, lengthy(IMAGE_WORK, flushed(make(false))), options),
    form(name, `m${wide}`, lengthy(IMAGE_WORK, flushed(make(true))), options),
  ];
}

const images: Form[] = [
  ...environment("fnstenv", 14, 28, true),
  ...environment("fldenv", 14, 28, false),
  ...environment("fnsave", 94, 108, true),
  ...environment("frstor", 94, 108, false),
  form("fxsave", "m512", lengthy(IMAGE_WORK, flushed(image.fxsave)), {
    image: true,
    stores: true,
    written: image.FXSAVE_BYTES,
    align: 16,
  }),
  form("fxrstor", "m512", lengthy(IMAGE_WORK, flushed(image.fxrstor)), { image: true, align: 16 }),
];

export const FPU_FORMS: readonly Form[] = [
  ...numeric,
  ...transcendentals,
  ...moves,
  ...comparisons,
  ...controls,
  ...images,
];
