/**
 * The engine of tests that do not choose one: as in production, or what the environment names.
 *
 *     DENALI_TEST_ENGINE=forgetful deno test -A kernel
 */

import { type EngineSettings } from "../../cpu/engine_settings.ts";

export const TEST_ENGINES: Readonly<Record<string, EngineSettings>> = {
  default: {},
  evaluator: { name: "evaluator" },
  /** Everything is translated before it runs. */
  "at-once": { name: "translator", translateAfter: 0 },
  soon: { name: "translator", translateAfter: 2 },
  /** The code cache is emptied all the time. */
  forgetful: { name: "translator", translateAfter: 50, codeBytes: 30_000 },
};

export const TEST_ENGINE: EngineSettings = chosen(Deno.env.get("DENALI_TEST_ENGINE") ?? "default");

function chosen(name: string): EngineSettings {
  const settings = TEST_ENGINES[name];
  if (settings !== undefined) return settings;
  throw new Error(
    `DENALI_TEST_ENGINE: expected one of ${Object.keys(TEST_ENGINES).join(", ")}, got "${name}"`,
  );
}
