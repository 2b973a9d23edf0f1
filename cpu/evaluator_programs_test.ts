import { assertEquals } from "@std/assert";
import { Evaluator } from "./evaluator.ts";
import { call, compile, load, runNatively } from "../tests/support/compile.ts";
import { PROGRAMS, programSource } from "../tests/support/programs.ts";
import { hasLibc32 } from "../tests/tools.ts";

const ignore = !await hasLibc32("programs compiled for 32-bit Linux are compared with");

for (const [name, { test: argument }] of Object.entries(PROGRAMS)) {
  for (const optimisation of ["-O0", "-O1", "-O2", "-O3", "-Os"]) {
    Deno.test(
      `${name} compiled with ${optimisation} gives what it gives on silicon`,
      { ignore },
      async () => {
        const source = await programSource(name);
        const expected = await runNatively(source, optimisation, argument);
        const file = await compile(source, optimisation);
        const machine = load(file, (options) => new Evaluator(options));
        assertEquals(call(machine, argument), expected);
      },
    );
  }
}

Deno.test("a run cut into pieces of 1, 2, 3 ... instructions gives the same result and count", {
  ignore,
}, async () => {
  const source = await programSource("sha256");
  const file = await compile(source, "-O2");
  const whole = load(file, (options) => new Evaluator(options));
  const result = call(whole, 2);
  for (let quantum = 1; quantum < 20; quantum++) {
    const pieces = load(file, (options) => new Evaluator(options));
    assertEquals(call(pieces, 2, quantum), result);
    assertEquals(pieces.cpu.retired, whole.cpu.retired);
  }
});

Deno.test(
  "8-bit arithmetic gives what it gives on silicon for every operand and carry",
  { ignore },
  async () => {
    const source = await programSource("alu8");
    const machine = load(await compile(source, "-O2"), (options) => new Evaluator(options));
    let operation = 0;
    for (; call(machine, operation) !== -1; operation++) {
      const expected = await runNatively(source, "-O2", operation);
      assertEquals(call(machine, operation), expected, `operation ${operation} of alu8.c`);
    }
    assertEquals(operation, 27);
  },
);
