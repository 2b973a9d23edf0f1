/** The translator in every way that it is tested: how soon it translates, and how much it keeps. */

import { Evaluator } from "../../cpu/evaluator.ts";
import { Translator } from "../../cpu/translator/translator.ts";
import type { EngineFactory } from "./machine.ts";

export const SETTINGS: Readonly<Record<string, EngineFactory>> = {
  /** Everything is translated before it runs. */
  "at-once": (options) => new Translator({ ...options, translateAfter: 0 }),
  /** From the evaluator to the translator in the middle of things. */
  soon: (options) => new Translator({ ...options, translateAfter: 1 }),
  later: (options) => new Translator({ ...options, translateAfter: 8 }),
  /** Nothing is kept for long. */
  forgetful: (options) => new Translator({ ...options, translateAfter: 0, codeBytes: 2000 }),
  /** As in production: a budget is about time, and what takes long uses up more of it (cpu/effort.ts). */
  inexact: (options) => new Translator({ ...options, translateAfter: 0, exact: false }),
  /** The reference with little room. */
  "small-evaluator": (options) =>
    new Evaluator({ ...options, codeWords: 1024, handlersMaximum: 60 }),
};
