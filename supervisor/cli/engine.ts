/** `--engine` and what belongs to it: options of the verbs that run VMs themselves. */

import { DEFAULT_ENGINE, ENGINE_NAMES, type EngineSettings } from "../../cpu/engine_settings.ts";
import { parseSize, SIZE_EXPECTED } from "../size.ts";
import { oneOf, UsageError } from "./command.ts";

export const ENGINE_OPTIONS = ["engine", "translate-after", "code-cache"] as const;

/** Lines for --help, whose texts begin in the given column. */
export function engineHelp(column: number): string {
  const lines: readonly (readonly [string, string])[] = [
    ["--engine NAME", `what runs the guests' code: ${ENGINE_NAMES.join(" or ")}`],
    ["", `(default ${DEFAULT_ENGINE}); guests notice nothing of it but the speed`],
    ["--translate-after N", "times that code is evaluated before it is translated (default 4000)"],
    ["--code-cache SIZE", "translated code that each cell keeps, in characters (default 32M)"],
  ];
  return lines.map(([option, text]) => {
    const start = `  ${option}`;
    return start.length < column
      ? start.padEnd(column) + text
      : `${start}\n${" ".repeat(column)}${text}`;
  }).join("\n");
}

const TRANSLATE_AFTER_MAXIMUM = 1e9;
const CODE_MINIMUM = 2 ** 16, CODE_MAXIMUM = 2 ** 30;

/** Throws a UsageError that tells what was expected. */
export function readEngine(text: Readonly<Record<string, string | undefined>>): EngineSettings {
  const settings = {
    name: readName(text.engine),
    translateAfter: readTranslateAfter(text["translate-after"]),
    codeBytes: readCodeCache(text["code-cache"]),
  };
  for (const option of ["translate-after", "code-cache"]) {
    if (text[option] !== undefined && settings.name === "evaluator") {
      throw new UsageError(`--${option}: expected --engine translator, the evaluator has none`);
    }
  }
  return settings;
}

function readName(text: string | undefined): EngineSettings["name"] {
  return text === undefined ? DEFAULT_ENGINE : oneOf("--engine", text, ENGINE_NAMES);
}

function readTranslateAfter(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const times = /^\d+$/.test(text) ? Number(text) : NaN;
  if (times <= TRANSLATE_AFTER_MAXIMUM) return times;
  throw new UsageError(
    `--translate-after: expected a whole number from 0 to ${TRANSLATE_AFTER_MAXIMUM}, got "${text}"`,
  );
}

function readCodeCache(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const size = parseSize(text);
  if (size !== undefined && size >= CODE_MINIMUM && size <= CODE_MAXIMUM) return size;
  throw new UsageError(`--code-cache: expected ${SIZE_EXPECTED}, from 64K to 1G, got "${text}"`);
}
