/** Every tier of the processor: each has to pass the differential test. */

import { Evaluator } from "../../cpu/evaluator.ts";
import { Translator } from "../../cpu/translator/translator.ts";
import type { EngineFactory } from "./differential.ts";

export const ENGINES: Record<string, EngineFactory> = {
  evaluator: (options) => new Evaluator(options),
  translator: (options) => new Translator({ ...options, translateAfter: 0 }),
  /** Goes over to translated code in the middle of things, and keeps one region. */
  "forgetful translator": (options) =>
    new Translator({ ...options, translateAfter: 1, codeBytes: 1 }),
};
