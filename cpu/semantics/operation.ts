/**
 * x87, MMX and SSE: runs a `Binding` by the recipe in cpu/operation.ts, or writes what its inline has for the
 * frequent cases (cpu/inline.ts).
 */

import type { Builder } from "../builder.ts";
import { add, and, constant, eq, ge, ne, ZERO } from "../expression.ts";
import type { Expression } from "../ir.ts";
import type { Form } from "../shape.ts";
import { FPU_DP, FPU_IP, FPU_STATUS, SCRATCH } from "../state.ts";
import { CF, PF, ZF } from "../flags.ts";
import { CS } from "../instruction.ts";
import { X86_GP, X86_MF } from "../engine.ts";
import { ERROR_SUMMARY } from "../fpu/stack.ts";
import { type Binding, MEMORY_WORD } from "../operation.ts";

/** Operands of whole words go through inline code, the others (2, 10, 28, 108, 512 bytes) through helpers. */
function wordCount(bytes: number, binding: Binding): number {
  return binding.image || bytes > 16 || bytes % 4 !== 0 ? 0 : bytes / 4;
}

/**
 * An x87 operand of 8 bytes is a double most of the time; two words that are read as a double right after they
 * were written would stall the processor below us.
 */
function isDouble(form: Form, bytes: number): boolean {
  return bytes === 8 && form.mnemonic.startsWith("f") && !form.mnemonic.startsWith("fi");
}

function loadDouble(b: Builder, address: Expression): void {
  const value = b.load(64, address);
  b.if(
    eq(value, value),
    () => b.setScratchPart("double", MEMORY_WORD >> 1, value),
    () => b.perform("reloadScratch", address, constant(8)),
  );
}

function reserveDouble(b: Builder, address: Expression): () => void {
  const write = b.reserve(64, address);
  return () => {
    const value = b.part("double", constant(MEMORY_WORD >> 1));
    const words = () => b.perform("storeScratch", address, constant(8), ZERO);
    b.if(eq(value, value), () => write(value), words);
  };
}

function load(b: Builder, form: Form, address: Expression, binding: Binding): void {
  if (isDouble(form, binding.loads)) return loadDouble(b, address);
  const words = wordCount(binding.loads, binding);
  for (let i = 0; i < words; i++) {
    b.setScratch(MEMORY_WORD + i, b.load(32, add(address, constant(4 * i))));
  }
  if (words === 0) {
    b.perform("loadScratch", address, constant(binding.loads), constant(binding.image ? 1 : 0));
  }
}

/** Makes sure that the result can be stored; returns what stores it. */
function reserve(b: Builder, form: Form, address: Expression, binding: Binding): () => void {
  if (isDouble(form, binding.stores)) return reserveDouble(b, address);
  const words = wordCount(binding.stores, binding);
  if (words === 0) {
    const bytes = constant(binding.stores);
    b.perform("reserveRange", address, constant(binding.reserves));
    return () => b.perform("storeScratch", address, bytes, constant(binding.image ? 1 : 0));
  }
  const writes = Array.from(
    { length: words },
    (_, i) => b.reserve(32, add(address, constant(4 * i))),
  );
  return () => writes.forEach((write, i) => write(b.word(MEMORY_WORD + i)));
}

/** The call, compact: it is off the frequent path. */
function exact(
  b: Builder,
  form: Form,
  binding: Binding,
  address: Expression,
  offset: Expression,
  unread: boolean,
): void {
  if (binding.stores > 0) b.perform("reserveRange", address, constant(binding.reserves));
  const bytes = constant(binding.loads);
  if (binding.loads > 0 && unread) b.perform("loadScratch", address, bytes, ZERO);
  else if (binding.loads > 0) b.perform("reloadScratch", address, bytes);
  const result = b.operation(binding.operation, form.bindingNumbers);
  if (binding.stores > 0) {
    const store = () => b.perform("storeScratch", address, constant(binding.stores), ZERO);
    if (binding.pointers) b.if(ge(result, 0), store);
    else store();
  }
  setPointers(b, binding, offset);
}

function setPointers(b: Builder, binding: Binding, offset: Expression): void {
  if (!binding.pointers) return;
  b.setWord(FPU_IP, b.eip());
  if (binding.memory !== null) b.setWord(FPU_DP, offset);
}

export function runOperation(b: Builder, form: Form, binding: Binding): void {
  const memory = form.bindingMemory;
  let offset: Expression = ZERO, address: Expression = ZERO;
  if (memory !== null) {
    offset = b.let(b.effectiveAddress(memory));
    address = b.let(b.linear(memory.segment, offset));
    if (binding.waits) {
      const pending = and(b.word(FPU_STATUS), constant(ERROR_SUMMARY));
      b.if(ne(pending, 0), () => b.fault(X86_MF));
    }
    if (binding.stores > 0 && memory.segment === CS) b.protected();
    if (binding.alignment !== 0) {
      b.if(ne(and(address, constant(binding.alignment - 1)), 0), () => b.fault(X86_GP));
    }
  }
  if (binding.inline !== null) {
    const [destination, source, immediate] = form.bindingNumbers;
    return binding.inline(b, {
      destination,
      source,
      immediate,
      address: memory === null ? null : b.let(address),
      same: form.variant === "same",
      exact: (unread = false) => exact(b, form, binding, address, offset, unread),
    });
  }
  // What is written faults as a write, even if it is read first (MASKMOVQ).
  const store = binding.stores > 0 ? reserve(b, form, address, binding) : null;
  if (binding.loads > 0) load(b, form, address, binding);
  if (binding.readsFlags) b.setScratch(SCRATCH, b.call("getFlags"));
  const result = b.operation(binding.operation, form.bindingNumbers);
  if (store !== null) b.if(ge(result, 0), store);
  setPointers(b, binding, offset);
  if (binding.writesFlags) {
    b.perform("setFlagsWord", and(b.word(SCRATCH), constant(CF | PF | ZF)));
  }
}
