/** The stack: PUSH, POP, PUSHA, POPA, PUSHF, POPF, ENTER, LEAVE (Intel SDM vol. 1, 7.3.1.4 and 6.6). */

import type { Builder, Meaning } from "../builder.ts";
import { add, and, constant, or, sub, zext16 } from "../expression.ts";
import type { Expression } from "../ir.ts";
import type { Form } from "../shape.ts";
import { EAX, EBP, EDI, ESP, FLAGS_CONTROL } from "../state.ts";
import { ARITHMETIC_FLAGS, IF, USER_CONTROL_FLAGS } from "../flags.ts";
import { readSegment, writeSegment } from "./system.ts";

function push(b: Builder, form: Form): void {
  const [operand] = form.operands;
  const value = operand.kind === "seg" ? readSegment(b, operand) : b.read(operand);
  b.push(b.operandWidth(), value);
}

function pop(b: Builder, form: Form): void {
  const [operand] = form.operands;
  const width = b.operandWidth();
  const value = b.top(width);
  if (operand.kind === "mem") {
    // The address is computed with ESP already incremented.
    let address = b.writableAddress(operand);
    if (form.variant === "esp") address = add(address, constant(width / 8));
    b.store(width, address, value);
    b.release(width / 8);
  } else if (operand.kind === "seg") {
    writeSegment(b, operand, value);
    b.release(width / 8);
  } else {
    b.release(width / 8);
    b.write(operand, value);
  }
}

function pushAll(b: Builder): void {
  const width = b.operandWidth(), size = width / 8;
  const top = b.let(sub(b.register(ESP), 8 * size));
  // In the order of the pushes: the first that faults is reported.
  for (let i = 7; i >= 0; i--) {
    b.perform("reserveRange", add(top, constant(i * size)), constant(size));
  }
  for (let register = EAX; register <= EDI; register++) {
    b.storeReserved(
      width,
      add(top, constant((EDI - register) * size)),
      b.register(register, width),
    );
  }
  b.setRegister(ESP, top);
}

/** The stored ESP is skipped. */
function popAll(b: Builder): void {
  const width = b.operandWidth(), size = width / 8;
  const top = b.register(ESP);
  const values = [];
  for (let i = 0; i < 8; i++) values.push(b.load(width, add(top, constant(i * size))));
  for (let i = 0; i < 8; i++) {
    if (EDI - i !== ESP) b.setRegister(EDI - i, values[i], width);
  }
  b.setRegister(ESP, add(top, constant(8 * size)));
}

function pushFlags(b: Builder): void {
  const control = b.word(FLAGS_CONTROL);
  b.push(b.operandWidth(), or(or(b.call("getFlags"), control), constant(IF | 2)));
}

function popFlags(b: Builder): void {
  const width = b.operandWidth();
  const value = b.top(width);
  b.release(width / 8);
  const writable = width === 16 ? USER_CONTROL_FLAGS & 0xffff : USER_CONTROL_FLAGS;
  const kept = and(b.word(FLAGS_CONTROL), constant(~writable));
  b.setWord(FLAGS_CONTROL, or(kept, and(value, constant(writable))));
  b.perform("setFlagsWord", and(value, constant(ARITHMETIC_FLAGS)));
}

/** ENTER: the nesting level is the form's variant. */
function enter(b: Builder, form: Form): void {
  const level = Number(form.variant);
  const width = b.operandWidth(), size = width / 8;
  const stack = b.register(ESP);
  const frame = b.let(sub(stack, size));
  const base = b.register(EBP);
  const bottom = b.let(sub(stack, (level === 0 ? 1 : level + 1) * size));
  // In the order of the accesses: the first that faults is reported.
  b.perform("reserveRange", frame, constant(size));
  for (let i = 1; i < level; i++) {
    b.perform("checkRange", sub(base, i * size), constant(size));
    b.perform("reserveRange", sub(frame, i * size), constant(size));
  }
  if (level > 0) b.perform("reserveRange", bottom, constant(size));
  // The processor probes a write at the final top of the stack (Intel SDM vol. 2, ENTER, exceptions).
  const final = b.let(sub(bottom, zext16(b.read(form.operands[0]))));
  b.perform("reserveRange", final, constant(size));
  b.storeReserved(width, frame, base);
  let top: Expression = frame;
  for (let i = 1; i < level; i++) {
    top = b.let(sub(top, size));
    b.storeReserved(width, top, b.loadReserved(width, sub(base, i * size)));
  }
  if (level > 0) b.storeReserved(width, bottom, frame);
  b.setRegister(EBP, frame, width);
  b.setRegister(ESP, final);
}

function leave(b: Builder): void {
  const width = b.operandWidth();
  const frame = b.register(EBP);
  const value = b.load(width, frame);
  b.setRegister(ESP, add(frame, constant(width / 8)));
  b.setRegister(EBP, value, width);
}

export const STACK: Record<string, Meaning> = {
  push,
  pop,
  pusha: pushAll,
  popa: popAll,
  pushf: pushFlags,
  popf: popFlags,
  enter,
  leave,
};
