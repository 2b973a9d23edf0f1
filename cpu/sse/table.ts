/** The forms of MMX, SSE, SSE2, SSE3 and SSSE3 instructions. The language of operands is in ../form.ts. */

import { type Form, form } from "../form.ts";
import type { Operation } from "../operation.ts";
import * as arithmetic from "./arithmetic.ts";
import * as compare from "./compare.ts";
import * as control from "./control.ts";
import * as convert from "./convert.ts";
import {
  alternatingDouble,
  alternatingSingle,
  horizontalDouble,
  horizontalSingle,
  type Lane,
  packedDouble,
  packedSingle,
  scalarDouble,
  scalarSingle,
} from "./lane.ts";
import { compareToFlags, INLINE_ARITHMETIC } from "./inline_arithmetic.ts";
import * as inlineConvert from "./inline_convert.ts";
import * as inlineMove from "./inline_move.ts";
import * as move from "./move.ts";
import * as quad from "./packed_quad.ts";
import * as word from "./packed_word.ts";
import * as shift from "./shift.ts";
import * as shuffle from "./shuffle.ts";
import * as vector from "./vector.ts";
import { emms, mmx, onMmx, onXmm, type WordFunction } from "./vector.ts";

const moveOf = (name: string) =>
  name.startsWith("movdq") ? inlineMove.moveWords : inlineMove.move16;

const moves: Form[] = [
  ...["movaps", "movapd", "movdqa"].flatMap((name) => [
    form(name, "x x/m16", move.move16, { inline: moveOf(name) }),
    form(name, "m16 x", move.move16, { inline: inlineMove.store16 }),
  ]),
  ...["movups", "movupd", "movdqu"].flatMap((name) => [
    form(name, "x x/m16u", move.move16, { inline: inlineMove.unaligned(moveOf(name)) }),
    form(name, "m16u x", move.move16, { inline: inlineMove.unaligned(inlineMove.store16) }),
  ]),
  form("lddqu", "x m16u", move.move16),
  ...["movntps", "movntpd", "movntdq"].map((name) => form(name, "m16 x", move.move16)),
  form("movss", "x x", move.move4, { inline: inlineMove.move4 }),
  form("movss", "x m4", move.move4Zero, { inline: inlineMove.move4Zero }),
  form("movss", "m4 x", move.move4, { inline: inlineMove.moveToRegister }),
  form("movsd", "x x", move.move8, { inline: inlineMove.moveLow }),
  form("movsd", "x m8", move.move8Zero, { inline: inlineMove.moveLowZero }),
  form("movsd", "m8 x", move.move8, { inline: inlineMove.storeLow }),
  ...["movlps", "movlpd"].flatMap((name) => [
    form(name, "x m8", move.move8, { inline: inlineMove.moveLow }),
    form(name, "m8 x", move.move8, { inline: inlineMove.storeLow }),
  ]),
  ...["movhps", "movhpd"].flatMap((name) => [
    form(name, "x m8", move.moveToHigh, { inline: inlineMove.moveToHigh }),
    form(name, "m8 x", move.moveFromHigh, { inline: inlineMove.storeHigh }),
  ]),
  form("movlhps", "x x", move.moveToHigh, { inline: inlineMove.moveToHigh }),
  form("movhlps", "x x", move.moveFromHigh, { inline: inlineMove.moveFromHigh }),
  form("movddup", "x x/m8", move.movddup),
  form("movsldup", "x x/m16", move.movsldup),
  form("movshdup", "x x/m16", move.movshdup),
  form("movd", "x r/m4", move.move4Zero, { inline: inlineMove.moveRegister }),
  form("movd", "r/m4 x", move.move4, { inline: inlineMove.moveToRegister }),
  form("movd", "mm r/m4", mmx(moveDoubleToMmx)),
  form("movd", "r/m4 mm", mmx(move.move4)),
  form("movq", "x x/m8", move.move8Zero, { inline: inlineMove.moveLowZero }),
  form("movq", "m8 x", move.move8, { inline: inlineMove.storeLow }),
  form("movq", "mm mm/m8", mmx(move.move8)),
  form("movq", "m8 mm", mmx(move.move8)),
  form("movntq", "m8 mm", mmx(move.move8)),
  form("movnti", "m4 r", move.move4),
  form("movq2dq", "x mm", mmx(move.move8Zero)),
  form("movdq2q", "mm x", mmx(move.move8)),
  form("maskmovdqu", "x x", move.maskmovdqu, { implicit: 16 }),
  form("maskmovq", "mm mm", mmx(move.maskmovq, false), { implicit: 8 }),
  form("movmskps", "r x", move.movmskps),
  form("movmskpd", "r x", move.movmskpd, { inline: inlineMove.signs }),
  form("pmovmskb", "r x", move.pmovmskb),
  form("pmovmskb", "r mm", mmx(move.pmovmskbMmx)),
];

function moveDoubleToMmx(...[cpu, d, s]: Parameters<Operation>): number {
  const w = cpu.i32;
  w[d] = w[s];
  w[d + 1] = 0;
  return 0;
}

/** ps, pd, ss and sd of an arithmetic operation. */
function arithmeticForms(name: string, single: Lane, double: Lane): Form[] {
  const { ps, pd, ss, sd } = INLINE_ARITHMETIC[name];
  return [
    form(name + "ps", "x x/m16", packedSingle(single), { inline: ps }),
    form(name + "pd", "x x/m16", packedDouble(double), { inline: pd }),
    form(name + "ss", "x x/m4", scalarSingle(single), { inline: ss }),
    form(name + "sd", "x x/m8", scalarDouble(double), { inline: sd }),
  ];
}

const { addSingle, addDouble, subtractSingle, subtractDouble } = arithmetic;

const COMPARES_SINGLE = { writesFlags: true, inline: compareToFlags(1) };
const COMPARES_DOUBLE = { writesFlags: true, inline: compareToFlags(2) };

const floats: Form[] = [
  ...arithmeticForms("add", addSingle, addDouble),
  ...arithmeticForms("sub", subtractSingle, subtractDouble),
  ...arithmeticForms("mul", arithmetic.multiplySingle, arithmetic.multiplyDouble),
  ...arithmeticForms("div", arithmetic.divideSingle, arithmetic.divideDouble),
  ...arithmeticForms("sqrt", arithmetic.squareRootSingle, arithmetic.squareRootDouble),
  ...arithmeticForms("min", compare.minSingle, compare.minDouble),
  ...arithmeticForms("max", compare.maxSingle, compare.maxDouble),
  form("addsubps", "x x/m16", alternatingSingle(subtractSingle, addSingle)),
  form("addsubpd", "x x/m16", alternatingDouble(subtractDouble, addDouble)),
  form("haddps", "x x/m16", horizontalSingle(addSingle)),
  form("haddpd", "x x/m16", horizontalDouble(addDouble)),
  form("hsubps", "x x/m16", horizontalSingle(subtractSingle)),
  form("hsubpd", "x x/m16", horizontalDouble(subtractDouble)),
  form("rcpps", "x x/m16", packedSingle(control.reciprocal)),
  form("rcpss", "x x/m4", scalarSingle(control.reciprocal)),
  form("rsqrtps", "x x/m16", packedSingle(control.reciprocalRoot)),
  form("rsqrtss", "x x/m4", scalarSingle(control.reciprocalRoot)),
  form("cmpps", "x x/m16 i", compare.cmpps),
  form("cmppd", "x x/m16 i", compare.cmppd),
  form("cmpss", "x x/m4 i", compare.cmpss),
  form("cmpsd", "x x/m8 i", compare.cmpsd),
  form("comiss", "x x/m4", compare.comiss, COMPARES_SINGLE),
  form("comisd", "x x/m8", compare.comisd, COMPARES_DOUBLE),
  form("ucomiss", "x x/m4", compare.ucomiss, COMPARES_SINGLE),
  form("ucomisd", "x x/m8", compare.ucomisd, COMPARES_DOUBLE),
  form("ldmxcsr", "m4", control.ldmxcsr),
  form("stmxcsr", "m4", control.stmxcsr, { stores: true }),
];

const conversions: Form[] = [
  form("cvtsi2sd", "x r/m4", convert.cvtsi2sd, { inline: inlineConvert.doubleFromInteger }),
  form("cvtsi2ss", "x r/m4", convert.cvtsi2ss, { inline: inlineConvert.singleFromInteger }),
  form("cvtsd2si", "r x/m8", convert.cvtsd2si),
  form("cvttsd2si", "r x/m8", convert.cvttsd2si, { inline: inlineConvert.truncateDouble }),
  form("cvtss2si", "r x/m4", convert.cvtss2si),
  form("cvttss2si", "r x/m4", convert.cvttss2si, { inline: inlineConvert.truncateSingle }),
  form("cvtss2sd", "x x/m4", convert.cvtss2sd, { inline: inlineConvert.doubleFromSingle }),
  form("cvtsd2ss", "x x/m8", convert.cvtsd2ss, { inline: inlineConvert.singleFromDouble }),
  form("cvtps2pd", "x x/m8", convert.cvtps2pd, { inline: inlineConvert.doublesFromSingles }),
  form("cvtpd2ps", "x x/m16", convert.cvtpd2ps, { inline: inlineConvert.singlesFromDoubles }),
  form("cvtdq2pd", "x x/m8", convert.cvtdq2pd, { inline: inlineConvert.doublesFromIntegers }),
  form("cvtdq2ps", "x x/m16", convert.cvtdq2ps),
  form("cvtps2dq", "x x/m16", convert.cvtps2dq),
  form("cvttps2dq", "x x/m16", convert.cvttps2dq),
  form("cvtpd2dq", "x x/m16", convert.cvtpd2dq),
  form("cvttpd2dq", "x x/m16", convert.cvttpd2dq),
  // From memory these two leave the x87 registers alone.
  form("cvtpi2ps", "x mm", mmx(convert.cvtpi2ps)),
  form("cvtpi2ps", "x m8", convert.cvtpi2ps),
  form("cvtpi2pd", "x mm", mmx(convert.cvtdq2pd)),
  form("cvtpi2pd", "x m8", convert.cvtdq2pd),
  form("cvtps2pi", "mm x/m8", mmx(convert.cvtps2pi)),
  form("cvttps2pi", "mm x/m8", mmx(convert.cvttps2pi)),
  form("cvtpd2pi", "mm x/m16", mmx(convert.cvtpd2pi)),
  form("cvttpd2pi", "mm x/m16", mmx(convert.cvttpd2pi)),
];

/** The MMX and the XMM form of a packed instruction. */
function packed(name: string, mm: Operation, xmm: Operation): Form[] {
  return [form(name, "mm mm/m8", mmx(mm)), form(name, "x x/m16", xmm)];
}

function onWords(name: string, f: WordFunction): Form[] {
  const mm = form(name, "mm mm/m8", onMmx(f));
  return LOGIC.has(f)
    ? [mm]
    : [mm, form(name, "x x/m16", onXmm(f), { inline: inlineMove.INLINE_WORDS[name] })];
}

/** These have a form of their own for XMM registers. */
const LOGIC = new Set<WordFunction>([word.pand, word.pandn, word.por, word.pxor]);

const integers: Form[] = [
  // The exports of packed_word.ts are named for their mnemonics.
  ...Object.entries(word).flatMap(([name, f]) => onWords(name, f)),
  ...["pand", "andps", "andpd"].map((name) =>
    form(name, "x x/m16", vector.and16, { inline: inlineMove.bitwiseAnd })
  ),
  ...["pandn", "andnps", "andnpd"].map((name) =>
    form(name, "x x/m16", vector.andNot16, { inline: inlineMove.bitwiseAndNot })
  ),
  ...["por", "orps", "orpd"].map((name) =>
    form(name, "x x/m16", vector.or16, { inline: inlineMove.bitwiseOr })
  ),
  ...["pxor", "xorps", "xorpd"].map((name) =>
    form(name, "x x/m16", vector.xor16, { inline: inlineMove.exclusiveOr })
  ),
  ...packed("paddq", quad.paddq64, quad.onQuads(quad.paddq64)),
  ...packed("psubq", quad.psubq64, quad.onQuads(quad.psubq64)),
  ...packed("pmuludq", quad.pmuludq64, quad.onQuads(quad.pmuludq64)),
  ...packed("psadbw", quad.psadbw64, quad.onQuads(quad.psadbw64)),
  ...packed("phaddw", quad.phaddw.mmx, quad.phaddw.xmm),
  ...packed("phaddd", quad.phaddd.mmx, quad.phaddd.xmm),
  ...packed("phaddsw", quad.phaddsw.mmx, quad.phaddsw.xmm),
  ...packed("phsubw", quad.phsubw.mmx, quad.phsubw.xmm),
  ...packed("phsubd", quad.phsubd.mmx, quad.phsubd.xmm),
  ...packed("phsubsw", quad.phsubsw.mmx, quad.phsubsw.xmm),
];

function shifts(name: string, s: typeof shift.shiftWordsLeft): Form[] {
  return [
    form(name, "mm mm/m8", mmx(s.mmx)),
    form(name, "mm i", mmx(s.mmxImmediate)),
    form(name, "x x/m16", s.xmm),
    form(name, "x i", s.xmmImmediate, { inline: inlineMove.INLINE_SHIFTS[name] }),
  ];
}

const shuffles: Form[] = [
  ...shifts("psllw", shift.shiftWordsLeft),
  ...shifts("psrlw", shift.shiftWordsRight),
  ...shifts("psraw", shift.shiftWordsSigned),
  ...shifts("pslld", shift.shiftDoublesLeft),
  ...shifts("psrld", shift.shiftDoublesRight),
  ...shifts("psrad", shift.shiftDoublesSigned),
  ...shifts("psllq", shift.shiftQuadsLeft),
  ...shifts("psrlq", shift.shiftQuadsRight),
  form("pslldq", "x i", shift.pslldq),
  form("psrldq", "x i", shift.psrldq),
  form("pshufd", "x x/m16 i", shuffle.pshufd, { inline: inlineMove.pshufd }),
  form("pshuflw", "x x/m16 i", shuffle.pshuflw),
  form("pshufhw", "x x/m16 i", shuffle.pshufhw),
  form("pshufw", "mm mm/m8 i", mmx(shuffle.pshufw)),
  form("shufps", "x x/m16 i", shuffle.shufps, { inline: inlineMove.shufps }),
  form("shufpd", "x x/m16 i", shuffle.shufpd),
  ...packed("pshufb", shuffle.pshufbMmx, shuffle.pshufbXmm),
  form("palignr", "mm mm/m8 i", mmx(shuffle.palignrMmx)),
  form("palignr", "x x/m16 i", shuffle.palignrXmm),
  form("pextrw", "r x i", shuffle.pextrwXmm),
  form("pextrw", "r mm i", mmx(shuffle.pextrwMmx)),
  form("pinsrw", "x r/m2 i", shuffle.pinsrwXmm),
  form("pinsrw", "mm r/m2 i", mmx(shuffle.pinsrwMmx)),
  form("punpcklbw", "mm mm/m4", mmx(shuffle.punpcklbwMmx)),
  form("punpcklwd", "mm mm/m4", mmx(shuffle.punpcklwdMmx)),
  form("punpckldq", "mm mm/m4", mmx(shuffle.punpckldqMmx)),
  form("punpckhbw", "mm mm/m8", mmx(shuffle.punpckhbwMmx)),
  form("punpckhwd", "mm mm/m8", mmx(shuffle.punpckhwdMmx)),
  form("punpckhdq", "mm mm/m8", mmx(shuffle.punpckhdqMmx)),
  form("punpcklbw", "x x/m16", shuffle.punpcklbwXmm),
  form("punpcklwd", "x x/m16", shuffle.punpcklwdXmm),
  form("punpckhbw", "x x/m16", shuffle.punpckhbwXmm),
  form("punpckhwd", "x x/m16", shuffle.punpckhwdXmm),
  ...["punpckldq", "unpcklps"].map((name) =>
    form(name, "x x/m16", shuffle.unpackLow4, { inline: inlineMove.unpackLow4 })
  ),
  ...["punpckhdq", "unpckhps"].map((name) =>
    form(name, "x x/m16", shuffle.unpackHigh4, { inline: inlineMove.unpackHigh4 })
  ),
  ...["punpcklqdq", "unpcklpd"].map((name) =>
    form(name, "x x/m16", shuffle.unpackLow8, { inline: inlineMove.moveToHigh })
  ),
  ...["punpckhqdq", "unpckhpd"].map((name) =>
    form(name, "x x/m16", shuffle.unpackHigh8, { inline: inlineMove.unpackHigh })
  ),
  ...packed("packsswb", shuffle.packsswbMmx, shuffle.packsswbXmm),
  ...packed("packuswb", shuffle.packuswbMmx, shuffle.packuswbXmm),
  ...packed("packssdw", shuffle.packssdwMmx, shuffle.packssdwXmm),
];

const hints: Form[] = [
  ...["sfence", "lfence", "mfence", "pause"].map((name) => form(name, "", move.nothing)),
  ...["prefetchnta", "prefetcht0", "prefetcht1", "prefetcht2", "prefetch", "prefetchw"]
    .map((name) => form(name, "m0", move.nothing)),
  form("clflush", "m1", move.nothing),
  form("emms", "", emms),
];

export const SSE_FORMS: readonly Form[] = [
  ...moves,
  ...floats,
  ...conversions,
  ...integers,
  ...shuffles,
  ...hints,
];
