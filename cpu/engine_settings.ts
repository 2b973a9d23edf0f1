/** Which engine runs guests, and how it is set: the choice of the operator, as plain data. */

import type { Engine, EngineName, EngineOptions } from "./engine.ts";
import { Evaluator } from "./evaluator.ts";
import { Translator } from "./translator/translator.ts";

export const ENGINE_NAMES: readonly EngineName[] = ["evaluator", "translator"];

export interface EngineSettings {
  /** Default: DEFAULT_ENGINE. */
  readonly name?: EngineName;
  /** Times that the evaluator runs code before it is translated; 0: translate at once. */
  readonly translateAfter?: number;
  /** Characters of translated code that are kept. */
  readonly codeBytes?: number;
}

export const DEFAULT_ENGINE: EngineName = "translator";

export function createEngine(settings: EngineSettings, options: EngineOptions): Engine {
  const { name = DEFAULT_ENGINE, translateAfter, codeBytes } = settings;
  switch (name) {
    case "evaluator":
      return new Evaluator(options);
    case "translator":
      return new Translator({ ...options, translateAfter, codeBytes });
    default:
      throw new RangeError(`engine: expected ${ENGINE_NAMES.join(" or ")}, got ${name}`);
  }
}
