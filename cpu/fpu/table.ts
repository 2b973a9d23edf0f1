/** The forms of the x87 instructions, and of the state images they share with SSE. See ../form.ts. */

import { type Form, form, type FormOptions } from "../form.ts";
import type { Operation } from "../operation.ts";
import * as arithmetic from "./arithmetic.ts";
import * as compare from "./compare.ts";
import * as control from "./control.ts";
import {
  fastDouble,
  fastInteger16,
  fastInteger32,
  fastInteger64,
  type FastLoad,
  fastMemory,
  type FastName,
  fastRoot,
  fastSingle,
  fastStack,
} from "./fast_arithmetic.ts";
import {
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
} from "./fast_move.ts";
import * as load from "./load.ts";
import * as remainder from "./remainder.ts";
import * as image from "./state_image.ts";
import * as store from "./store.ts";
import * as transcendental from "./transcendental.ts";

/** A form that updates the last instruction pointer. */
function fpu(mnemonic: string, operands: string, operation: Operation, options: FormOptions = {}) {
  return fast(mnemonic, operands, flushed(operation), options);
}

/** The same, of an operation that knows of pairs of doubles (pair.ts). */
function fast(mnemonic: string, operands: string, operation: Operation, options: FormOptions = {}) {
  return form(mnemonic, operands, operation, { exact: true, pointers: true, ...options });
}

const STORES = { stores: true };

/** FADD m32, m64, st/st(i), st(i)/st; FADDP; FIADD m16, m32. */
function arithmeticForms(name: string, operation: FastName, reverse: boolean): Form[] {
  const memory = (load: FastLoad, exact: arithmetic.Load) =>
    fastMemory(operation, reverse, load, arithmetic.memoryArithmetic(operation, reverse, exact));
  const stack = (pops: boolean) =>
    fastStack(operation, reverse, pops, arithmetic.stackArithmetic(operation, reverse, pops));
  return [
    fast("f" + name, "m4", memory(fastSingle, arithmetic.loadSingle)),
    fast("f" + name, "m8", memory(fastDouble, arithmetic.loadDouble)),
    fast("f" + name, "st st", stack(false)),
    fast("f" + name + "p", "st st", stack(true)),
    fast("fi" + name, "m2", memory(fastInteger16, arithmetic.loadInteger16)),
    fast("fi" + name, "m4", memory(fastInteger32, arithmetic.loadInteger32)),
  ];
}

const numeric: Form[] = [
  ...arithmeticForms("add", "add", false),
  ...arithmeticForms("sub", "sub", false),
  ...arithmeticForms("subr", "sub", true),
  ...arithmeticForms("mul", "mul", false),
  ...arithmeticForms("div", "div", false),
  ...arithmeticForms("divr", "div", true),
  fast("fsqrt", "", fastRoot(arithmetic.fsqrt)),
  fpu("frndint", "", arithmetic.frndint),
  fast("fabs", "", fastSign(true, arithmetic.fabs)),
  fast("fchs", "", fastSign(false, arithmetic.fchs)),
  fpu("fscale", "", arithmetic.fscale),
  fpu("fxtract", "", arithmetic.fxtract),
  fpu("fprem", "", remainder.fprem),
  fpu("fprem1", "", remainder.fprem1),
];

const transcendentals = Object.entries(transcendental)
  .map(([mnemonic, operation]) => fpu(mnemonic, "", operation));

/** FIST, FISTP, FISTTP of an integer that fits into a double. */
function storeInteger(name: string, bits: 16 | 32, pops: boolean, truncate: boolean): Form {
  const exact = store.storeInteger(bits, pops, truncate);
  return fast(name, `m${bits / 8}`, fastStoreInteger(bits, pops, truncate, exact), STORES);
}

const moves: Form[] = [
  fast("fld", "m4", fastPush(fastSingle, load.loadAs(arithmetic.loadSingle))),
  fast("fld", "m8", fastPush(fastDouble, load.loadDouble)),
  fpu("fld", "m10", load.loadExtended),
  fast("fld", "st", fastLoadRegister(load.loadRegister)),
  fast("fild", "m2", fastPush(fastInteger16, load.loadAs(arithmetic.loadInteger16))),
  fast("fild", "m4", fastPush(fastInteger32, load.loadAs(arithmetic.loadInteger32))),
  fast("fild", "m8", fastPush(fastInteger64, load.loadAs(load.loadInteger64))),
  fpu("fbld", "m10", load.loadAs(load.loadDecimal)),
  fast("fld1", "", fastConstant(1, load.fld1)),
  fpu("fldl2t", "", load.fldl2t),
  fpu("fldl2e", "", load.fldl2e),
  fpu("fldpi", "", load.fldpi),
  fpu("fldlg2", "", load.fldlg2),
  fpu("fldln2", "", load.fldln2),
  fast("fldz", "", fastConstant(0, load.fldz)),
  fast("fst", "m4", fastStoreSingle(false, store.fstSingle), STORES),
  fast("fst", "m8", fastStoreDouble(false, store.fstDouble), STORES),
  fast("fst", "st", fastStoreRegister(false, store.fstRegister)),
  fast("fstp", "m4", fastStoreSingle(true, store.fstpSingle), STORES),
  fast("fstp", "m8", fastStoreDouble(true, store.fstpDouble), STORES),
  fpu("fstp", "m10", store.fstpExtended, STORES),
  fast("fstp", "st", fastStoreRegister(true, store.fstpRegister)),
  fpu("fstpnce", "st", store.fstpnce),
  storeInteger("fist", 16, false, false),
  storeInteger("fist", 32, false, false),
  storeInteger("fistp", 16, true, false),
  storeInteger("fistp", 32, true, false),
  fpu("fistp", "m8", store.storeInteger(64, true), STORES),
  storeInteger("fisttp", 16, true, true),
  storeInteger("fisttp", 32, true, true),
  fpu("fisttp", "m8", store.storeInteger(64, true, true), STORES),
  fpu("fbstp", "m10", store.fbstp, STORES),
  fast("fxch", "st", fastExchange(load.fxch)),
];

/** EFLAGS bits. */
const CF = 1, PF = 4, ZF = 0x40;

function conditionalMoves(condition: string, mask: number): Form[] {
  const options = { readsFlags: true };
  const move = (negate: boolean) => fastConditional(mask, negate, load.fcmov(mask, negate));
  return [
    fast("fcmov" + condition, "st st", move(false), options),
    fast("fcmovn" + condition, "st st", move(true), options),
  ];
}

function compareMemory(load: FastLoad, exact: arithmetic.Load, pops: number): Operation {
  return fastCompareMemory(load, pops, compare.compareMemory(exact, pops));
}

function compareStack(quiet: boolean, pops: number): Operation {
  return fastCompareStack(pops, compare.compareStack(quiet, pops));
}

function compareToFlags(quiet: boolean, pops: number): Operation {
  return fastCompareToFlags(pops, compare.compareToFlags(quiet, pops));
}

const comparisons: Form[] = [
  ...conditionalMoves("b", CF),
  ...conditionalMoves("e", ZF),
  ...conditionalMoves("be", CF | ZF),
  ...conditionalMoves("u", PF),
  ...["fcom", "fcomp"].flatMap((name, pops) => [
    fast(name, "m4", compareMemory(fastSingle, arithmetic.loadSingle, pops)),
    fast(name, "m8", compareMemory(fastDouble, arithmetic.loadDouble, pops)),
    fast(name, "st", compareStack(false, pops)),
  ]),
  ...["ficom", "ficomp"].flatMap((name, pops) => [
    fast(name, "m2", compareMemory(fastInteger16, arithmetic.loadInteger16, pops)),
    fast(name, "m4", compareMemory(fastInteger32, arithmetic.loadInteger32, pops)),
  ]),
  fast("fcompp", "", (cpu) => compareSecond(cpu, 0, 1, 0)),
  fast("fucom", "st", compareStack(true, 0)),
  fast("fucomp", "st", compareStack(true, 1)),
  fast("fucompp", "", (cpu) => quietCompareSecond(cpu, 0, 1, 0)),
  fast("fcomi", "st st", compareToFlags(false, 0), { writesFlags: true }),
  fast("fcomip", "st st", compareToFlags(false, 1), { writesFlags: true }),
  fast("fucomi", "st st", compareToFlags(true, 0), { writesFlags: true }),
  fast("fucomip", "st st", compareToFlags(true, 1), { writesFlags: true }),
  fast("ftst", "", fastTest(compare.ftst)),
  fpu("fxam", "", compare.fxam),
];

/** FCOMPP and FUCOMPP compare with st(1). */
const compareSecond = compareStack(false, 2);
const quietCompareSecond = compareStack(true, 2);

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
    form(name, `m${narrow}`, flushed(make(false)), options),
    form(name, `m${wide}`, flushed(make(true)), options),
  ];
}

const images: Form[] = [
  ...environment("fnstenv", 14, 28, true),
  ...environment("fldenv", 14, 28, false),
  ...environment("fnsave", 94, 108, true),
  ...environment("frstor", 94, 108, false),
  form("fxsave", "m512", flushed(image.fxsave), {
    image: true,
    stores: true,
    written: image.FXSAVE_BYTES,
    align: 16,
  }),
  form("fxrstor", "m512", flushed(image.fxrstor), { image: true, align: 16 }),
];

export const FPU_FORMS: readonly Form[] = [
  ...numeric,
  ...transcendentals,
  ...moves,
  ...comparisons,
  ...controls,
  ...images,
];
