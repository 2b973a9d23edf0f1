/** Data movement: MOV, XCHG, CMPXCHG, conversions, conditional moves (Intel SDM vol. 1, 7.3.1). */

import { type Builder, fit, type Meaning } from "../builder.ts";
import {
  add,
  and,
  constant,
  eq,
  or,
  sar,
  select,
  sext16,
  sext8,
  shl,
  shr,
  sub,
  zext,
  zext16,
  zext8,
} from "../expression.ts";
import type { Expression, Width } from "../ir.ts";
import type { Form } from "../shape.ts";
import { EAX, EBX, ECX, EDX } from "../state.ts";
import { CF, ZF } from "../flags.ts";
import { CONDITIONS } from "./conditions.ts";
import { moveFromSegment, moveToSegment } from "./system.ts";

function move(b: Builder, form: Form): void {
  const [target, source] = form.operands;
  if (source.kind === "seg") return moveFromSegment(b, form);
  if (target.kind === "seg") return moveToSegment(b, form);
  // Control and debug registers are privileged.
  if (source.kind === "cr" || source.kind === "dr") return b.protected();
  if (target.kind === "cr" || target.kind === "dr") return b.protected();
  b.write(target, b.read(source));
}

function moveZeroExtended(b: Builder, form: Form): void {
  const [target, source] = form.operands;
  b.write(target, zext(b.width(source), b.read(source)));
}

function moveSignExtended(b: Builder, form: Form): void {
  const [target, source] = form.operands;
  b.write(target, b.read(source));
}

function loadEffectiveAddress(b: Builder, form: Form): void {
  const [target, source] = form.operands;
  if (source.kind !== "mem") return b.undefined();
  b.write(target, b.effectiveAddress(source));
}

function exchange(b: Builder, form: Form): void {
  const memory = form.operands.findIndex((operand) => operand.kind === "mem");
  const [left, right] = memory === 1 ? [form.operands[1], form.operands[0]] : form.operands;
  const target = b.target(left);
  const value = b.read(right);
  b.write(right, target.value);
  target.write(value);
}

/** CMPXCHG writes its destination in every case: the old value if the comparison fails. */
function compareExchange(b: Builder, form: Form): void {
  const [left, right] = form.operands;
  const width = b.width(left);
  const target = b.target(left);
  const accumulator = b.register(EAX, width);
  const source = b.read(right);
  const result = b.let(fit(left, sub(accumulator, target.value)));
  b.if(eq(accumulator, target.value), () => target.write(source), () => {
    if (left.kind === "mem") target.write(target.value);
    b.setRegister(EAX, target.value, width);
  });
  b.setFlags("sub", accumulator, target.value, result);
}

function compareExchange8Bytes(b: Builder, form: Form): void {
  const [memory] = form.operands;
  const address = b.let(b.writableAddress(memory));
  b.perform("reserveRange", address, constant(8));
  const low = b.load(32, address), high = b.load(32, add(address, constant(4)));
  const equal = b.let(and(
    select(eq(low, b.register(EAX)), 1, 0),
    select(eq(high, b.register(EDX)), 1, 0),
  ));
  const flags = b.call("getFlags");
  const cleared = b.let(and(flags, constant(~ZF)));
  b.if(eq(equal, 1), () => {
    const newLow = b.register(EBX), newHigh = b.register(ECX);
    b.storeReserved(32, address, newLow);
    b.storeReserved(32, add(address, constant(4)), newHigh);
    b.perform("setFlagsWord", or(cleared, constant(ZF)));
  }, () => {
    b.setRegister(EAX, low);
    b.setRegister(EDX, high);
    b.perform("setFlagsWord", cleared);
  });
}

function swapBytes(b: Builder, form: Form): void {
  const [operand] = form.operands;
  const target = b.target(operand);
  const value = target.value;
  // BSWAP of a 16-bit register is undefined; processors give 0.
  if (operand.size === 2) return target.write(constant(0));
  const outer = or(shl(value, 24), shr(value, 24));
  const inner = or(and(shl(value, 8), constant(0xff0000)), and(shr(value, 8), constant(0xff00)));
  target.write(or(outer, inner));
}

/** The source is read, and can fault, even if the condition does not hold. */
function conditionalMove(code: number): Meaning {
  return (b, form) => {
    const [target, source] = form.operands;
    const value = b.read(source);
    b.if(b.condition(code), () => b.write(target, value));
  };
}

function conditionalSet(code: number): Meaning {
  return (b, form) => b.write(form.operands[0], select(b.condition(code), 1, 0));
}

/** CBW, CWDE, CWD, CDQ. */
function widen(
  from: number,
  fromWidth: Width,
  to: number,
  toWidth: Width,
  value: (source: Expression) => Expression,
): Meaning {
  return (b) => b.setRegister(to, value(b.register(from, fromWidth)), toWidth);
}

function translateByte(b: Builder, form: Form): void {
  const offset = add(b.register(EBX), zext8(b.register(EAX, 8)));
  const segment = form.override < 0 ? 3 : form.override;
  const address = b.linear(segment, form.addressSize === 2 ? zext16(offset) : offset);
  b.setRegister(EAX, b.load(8, address), 8);
}

/** SALC, undocumented: AL = CF ? FF : 00. */
function setFromCarry(b: Builder): void {
  b.setRegister(EAX, sub(constant(0), and(b.call("getFlags"), constant(CF))), 8);
}

/** MOVBE is not there; MOVNTI is a plain store. */
export const MOVE: Record<string, Meaning> = {
  mov: move,
  movnti: move,
  movzx: moveZeroExtended,
  movsx: moveSignExtended,
  lea: loadEffectiveAddress,
  xchg: exchange,
  cmpxchg: compareExchange,
  cmpxchg8b: compareExchange8Bytes,
  bswap: swapBytes,
  cbw: widen(EAX, 8, EAX, 16, sext8),
  cwde: widen(EAX, 16, EAX, 32, sext16),
  cwd: widen(EAX, 16, EDX, 16, (value) => sar(value, 15)),
  cdq: widen(EAX, 32, EDX, 32, (value) => sar(value, 31)),
  xlat: translateByte,
  salc: setFromCarry,
};

for (const [code, name] of CONDITIONS.entries()) {
  MOVE[`cmov${name}`] = conditionalMove(code);
  MOVE[`set${name}`] = conditionalSet(code);
}
