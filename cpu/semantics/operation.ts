/** x87, MMX and SSE: runs a `Binding` by the recipe in cpu/operation.ts. */

import type { Builder } from "../builder.ts";
import { and, constant, type Expression, ge, ne, ZERO } from "../ir.ts";
import type { Form } from "../shape.ts";
import { FPU_DP, FPU_IP, SCRATCH } from "../state.ts";
import { CF, PF, ZF } from "../flags.ts";
import { CS } from "../instruction.ts";
import { X86_GP } from "../engine.ts";
import type { Binding } from "../operation.ts";

export function runOperation(b: Builder, form: Form, binding: Binding): void {
  const memory = form.bindingMemory;
  const image = constant(binding.image ? 1 : 0);
  let offset: Expression = ZERO, address: Expression = ZERO;
  if (memory !== null) {
    if (binding.stores > 0 && memory.segment === CS) b.protected();
    offset = b.let(b.effectiveAddress(memory));
    address = b.let(b.linear(memory.segment, offset));
    if (binding.alignment !== 0) {
      b.if(ne(and(address, constant(binding.alignment - 1)), 0), () => b.fault(X86_GP));
    }
    if (binding.loads > 0) b.perform("loadScratch", address, constant(binding.loads), image);
    if (binding.stores > 0) b.perform("reserveRange", address, constant(binding.stores));
  }
  if (binding.readsFlags) b.setScratch(SCRATCH, b.call("getFlags"));
  const result = b.operation(binding.operation, form.bindingNumbers);
  if (binding.stores > 0) {
    const store = () => b.perform("storeScratch", address, constant(binding.stores), image);
    if (form.mnemonic.startsWith("f")) b.if(ge(result, 0), store);
    else store();
  }
  if (binding.pointers) {
    b.setWord(FPU_IP, b.eip());
    if (memory !== null) b.setWord(FPU_DP, offset);
  }
  if (binding.writesFlags) {
    b.perform("setFlagsWord", and(b.word(SCRATCH), constant(CF | PF | ZF)));
  }
}
