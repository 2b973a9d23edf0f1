/** The forms of the x87 instructions, and of the state images they share with SSE. See ../form.ts. */

import { type Form, form, type FormOptions } from "../form.ts";
import type { Operation } from "../operation.ts";
import * as arithmetic from "./arithmetic.ts";
import * as compare from "./compare.ts";
import * as control from "./control.ts";
import * as load from "./load.ts";
import * as remainder from "./remainder.ts";
import * as image from "./state_image.ts";
import * as store from "./store.ts";
import * as transcendental from "./transcendental.ts";

/** A form that updates the last instruction pointer. */
function fpu(mnemonic: string, operands: string, operation: Operation, options: FormOptions = {}) {
  return form(mnemonic, operands, operation, { exact: true, pointers: true, ...options });
}

const STORES = { stores: true };

/** FADD m32, m64, st/st(i), st(i)/st; FADDP; FIADD m16, m32. */
function arithmeticForms(name: string, operation: string, reverse: boolean): Form[] {
  const { memoryArithmetic, stackArithmetic } = arithmetic;
  return [
    fpu("f" + name, "m4", memoryArithmetic(operation, reverse, arithmetic.loadSingle)),
    fpu("f" + name, "m8", memoryArithmetic(operation, reverse, arithmetic.loadDouble)),
    fpu("f" + name, "st st", stackArithmetic(operation, reverse, false)),
    fpu("f" + name + "p", "st st", stackArithmetic(operation, reverse, true)),
    fpu("fi" + name, "m2", memoryArithmetic(operation, reverse, arithmetic.loadInteger16)),
    fpu("fi" + name, "m4", memoryArithmetic(operation, reverse, arithmetic.loadInteger32)),
  ];
}

const numeric: Form[] = [
  ...arithmeticForms("add", "add", false),
  ...arithmeticForms("sub", "sub", false),
  ...arithmeticForms("subr", "sub", true),
  ...arithmeticForms("mul", "mul", false),
  ...arithmeticForms("div", "div", false),
  ...arithmeticForms("divr", "div", true),
  fpu("fsqrt", "", arithmetic.fsqrt),
  fpu("frndint", "", arithmetic.frndint),
  fpu("fabs", "", arithmetic.fabs),
  fpu("fchs", "", arithmetic.fchs),
  fpu("fscale", "", arithmetic.fscale),
  fpu("fxtract", "", arithmetic.fxtract),
  fpu("fprem", "", remainder.fprem),
  fpu("fprem1", "", remainder.fprem1),
];

const transcendentals = Object.entries(transcendental)
  .map(([mnemonic, operation]) => fpu(mnemonic, "", operation));

const moves: Form[] = [
  fpu("fld", "m4", load.loadAs(arithmetic.loadSingle)),
  fpu("fld", "m8", load.loadDouble),
  fpu("fld", "m10", load.loadExtended),
  fpu("fld", "st", load.loadRegister),
  fpu("fild", "m2", load.loadAs(arithmetic.loadInteger16)),
  fpu("fild", "m4", load.loadAs(arithmetic.loadInteger32)),
  fpu("fild", "m8", load.loadAs(load.loadInteger64)),
  fpu("fbld", "m10", load.loadAs(load.loadDecimal)),
  fpu("fld1", "", load.fld1),
  fpu("fldl2t", "", load.fldl2t),
  fpu("fldl2e", "", load.fldl2e),
  fpu("fldpi", "", load.fldpi),
  fpu("fldlg2", "", load.fldlg2),
  fpu("fldln2", "", load.fldln2),
  fpu("fldz", "", load.fldz),
  fpu("fst", "m4", store.fstSingle, STORES),
  fpu("fst", "m8", store.fstDouble, STORES),
  fpu("fst", "st", store.fstRegister),
  fpu("fstp", "m4", store.fstpSingle, STORES),
  fpu("fstp", "m8", store.fstpDouble, STORES),
  fpu("fstp", "m10", store.fstpExtended, STORES),
  fpu("fstp", "st", store.fstpRegister),
  fpu("fstpnce", "st", store.fstpnce),
  fpu("fist", "m2", store.storeInteger(16, false), STORES),
  fpu("fist", "m4", store.storeInteger(32, false), STORES),
  fpu("fistp", "m2", store.storeInteger(16, true), STORES),
  fpu("fistp", "m4", store.storeInteger(32, true), STORES),
  fpu("fistp", "m8", store.storeInteger(64, true), STORES),
  fpu("fisttp", "m2", store.storeInteger(16, true, true), STORES),
  fpu("fisttp", "m4", store.storeInteger(32, true, true), STORES),
  fpu("fisttp", "m8", store.storeInteger(64, true, true), STORES),
  fpu("fbstp", "m10", store.fbstp, STORES),
  fpu("fxch", "st", load.fxch),
];

/** EFLAGS bits. */
const CF = 1, PF = 4, ZF = 0x40;

function conditionalMoves(condition: string, mask: number): Form[] {
  const options = { readsFlags: true };
  return [
    fpu("fcmov" + condition, "st st", load.fcmov(mask, false), options),
    fpu("fcmovn" + condition, "st st", load.fcmov(mask, true), options),
  ];
}

const comparisons: Form[] = [
  ...conditionalMoves("b", CF),
  ...conditionalMoves("e", ZF),
  ...conditionalMoves("be", CF | ZF),
  ...conditionalMoves("u", PF),
  ...["fcom", "fcomp"].flatMap((name, pops) => [
    fpu(name, "m4", compare.compareMemory(arithmetic.loadSingle, pops)),
    fpu(name, "m8", compare.compareMemory(arithmetic.loadDouble, pops)),
    fpu(name, "st", compare.compareStack(false, pops)),
  ]),
  ...["ficom", "ficomp"].flatMap((name, pops) => [
    fpu(name, "m2", compare.compareMemory(arithmetic.loadInteger16, pops)),
    fpu(name, "m4", compare.compareMemory(arithmetic.loadInteger32, pops)),
  ]),
  fpu("fcompp", "", (cpu) => compareSecond(cpu, 0, 1, 0)),
  fpu("fucom", "st", compare.compareStack(true, 0)),
  fpu("fucomp", "st", compare.compareStack(true, 1)),
  fpu("fucompp", "", (cpu) => quietCompareSecond(cpu, 0, 1, 0)),
  fpu("fcomi", "st st", compare.compareToFlags(false, 0), { writesFlags: true }),
  fpu("fcomip", "st st", compare.compareToFlags(false, 1), { writesFlags: true }),
  fpu("fucomi", "st st", compare.compareToFlags(true, 0), { writesFlags: true }),
  fpu("fucomip", "st st", compare.compareToFlags(true, 1), { writesFlags: true }),
  fpu("ftst", "", compare.ftst),
  fpu("fxam", "", compare.fxam),
];

/** FCOMPP and FUCOMPP compare with st(1). */
const compareSecond = compare.compareStack(false, 2);
const quietCompareSecond = compare.compareStack(true, 2);

const controls: Form[] = [
  form("fldcw", "m2", control.fldcw, { waits: true }),
  form("fnstcw", "m2", control.fnstcw, STORES),
  form("fnstsw", "m2", control.fnstsw, STORES),
  form("fnstsw", "r", control.fnstswAx, STORES),
  form("fnclex", "", control.fnclex),
  form("fninit", "", control.fninit),
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
    form(name, `m${narrow}`, make(false), options),
    form(name, `m${wide}`, make(true), options),
  ];
}

const images: Form[] = [
  ...environment("fnstenv", 14, 28, true),
  ...environment("fldenv", 14, 28, false),
  ...environment("fnsave", 94, 108, true),
  ...environment("frstor", 94, 108, false),
  form("fxsave", "m512", image.fxsave, {
    image: true,
    stores: true,
    written: image.FXSAVE_BYTES,
    align: 16,
  }),
  form("fxrstor", "m512", image.fxrstor, { image: true, align: 16 }),
];

export const FPU_FORMS: readonly Form[] = [
  ...numeric,
  ...transcendentals,
  ...moves,
  ...comparisons,
  ...controls,
  ...images,
];
