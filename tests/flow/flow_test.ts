/** Some of the programs that `deno task fuzz:flow` makes without end. */

import { assertEquals } from "@std/assert";
import type { EngineOptions } from "../../cpu/engine.ts";
import { Evaluator } from "../../cpu/evaluator.ts";
import { type Limits, Lockstep } from "./lockstep.ts";
import { describe } from "./report.ts";
import { SETTINGS } from "./settings.ts";

const PROGRAMS = 30;
const LIMITS: Limits = { pieces: 200, instructions: 10_000 };

for (const [name, create] of Object.entries(SETTINGS)) {
  Deno.test(`random programs do the same on the evaluator and on an engine that is: ${name}`, () => {
    for (let seed = 1; seed <= PROGRAMS; seed++) {
      const reference = (options: EngineOptions) => new Evaluator(options);
      const result = new Lockstep(seed, reference, create, name !== "inexact").run(LIMITS);
      assertEquals(describe(seed, result, LIMITS), "");
    }
  });
}
