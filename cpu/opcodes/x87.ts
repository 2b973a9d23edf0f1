/**
 * The x87 escapes D8..DF (Intel SDM vol. 2, tables ). Notation: see notation.ts.
 *
 * Undocumented encodings that every processor executes as an alias carry the mnemonic of what they do
 * (FSTPNCE is not quite FSTP: see cpu/fpu/store.ts);
 * the 8087 and 80287 control instructions that are no-operations since keep their names.
 */
export const X87 = `
D8 /0m: fadd Md | fmul Md | fcom Md | fcomp Md | fsub Md | fsubr Md | fdiv Md | fdivr Md
D8 /0r: fadd ST,STi | fmul ST,STi | fcom STi | fcomp STi
D8 /4r: fsub ST,STi | fsubr ST,STi | fdiv ST,STi | fdivr ST,STi

D9 /0m: fld Md | - | fst Md | fstp Md | fldenv Menv | fldcw Mw | fnstenv Menv | fnstcw Mw
D9 /0r: fld STi | fxch STi | - | fstpnce STi
D9 /2.0: fnop
D9 /4.0: fchs | fabs | - | - | ftst | fxam
D9 /5.0: fld1 | fldl2t | fldl2e | fldpi | fldlg2 | fldln2 | fldz
D9 /6.0: f2xm1 | fyl2x | fptan | fpatan | fxtract | fprem1 | fdecstp | fincstp
D9 /7.0: fprem | fyl2xp1 | fsqrt | fsincos | frndint | fscale | fsin | fcos

DA /0m: fiadd Md | fimul Md | ficom Md | ficomp Md | fisub Md | fisubr Md | fidiv Md | fidivr Md
DA /0r: fcmovb ST,STi | fcmove ST,STi | fcmovbe ST,STi | fcmovu ST,STi
DA /5.1: fucompp

DB /0m: fild Md | fisttp Md | fist Md | fistp Md | - | fld Mt | - | fstp Mt
DB /0r: fcmovnb ST,STi | fcmovne ST,STi | fcmovnbe ST,STi
DB /3r: fcmovnu ST,STi | - | fucomi ST,STi | fcomi ST,STi
DB /4.0: fneni | fndisi | fnclex | fninit | fnsetpm

DC /0m: fadd Mq | fmul Mq | fcom Mq | fcomp Mq | fsub Mq | fsubr Mq | fdiv Mq | fdivr Mq
DC /0r: fadd STi,ST | fmul STi,ST | fcom STi | fcomp STi
DC /4r: fsubr STi,ST | fsub STi,ST | fdivr STi,ST | fdiv STi,ST

DD /0m: fld Mq | fisttp Mq | fst Mq | fstp Mq | frstor Mstate | - | fnsave Mstate | fnstsw Mw
DD /0r: ffree STi | fxch STi | fst STi | fstp STi | fucom STi | fucomp STi

DE /0m: fiadd Mw | fimul Mw | ficom Mw | ficomp Mw | fisub Mw | fisubr Mw | fidiv Mw | fidivr Mw
DE /0r: faddp STi,ST | fmulp STi,ST | fcomp STi | -
DE /4r: fsubrp STi,ST | fsubp STi,ST | fdivrp STi,ST | fdivp STi,ST
DE /3.1: fcompp

DF /0m: fild Mw | fisttp Mw | fist Mw | fistp Mw | fbld Mt | fild Mq | fbstp Mt | fistp Mq
DF /0r: ffreep STi | fxch STi | fstp STi | fstp STi | - | fucomip ST,STi | fcomip ST,STi
DF /4.0: fnstsw AX
`;
