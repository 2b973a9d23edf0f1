/** Every tier of the processor: each has to pass the differential test. */

import { Evaluator } from "../../cpu/evaluator.ts";
import type { EngineFactory } from "./differential.ts";

export const ENGINES: Record<string, EngineFactory> = {
  evaluator: (options) => new Evaluator(options),
};
