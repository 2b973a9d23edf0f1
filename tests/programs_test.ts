/**
 * The same C programs three times: compiled for Linux and run on the processor, compiled against Ilwaco
 * and run as an image on the processor (tests/native/runner.c), and the same image run by Denali. All
 * print the same and end with the same status.
 *
 * Needs gcc with 32-bit libraries (Debian: gcc-multilib), which `.ci/run` installs.
 */

import { assertEquals } from "@std/assert";
import { buildImage, type BuildOptions } from "../guests/build.ts";
import type { EngineSettings } from "../cpu/engine_settings.ts";
import { TEST_ENGINES } from "../kernel/testing/engine.ts";
import { fromRoot } from "../guests/paths.ts";
import { runGuest } from "./support/guest.ts";
import { type NativeResult, runNative, withNativeProgram, withRunner } from "./support/native.ts";

const PROGRAMS = [
  "arithmetic",
  "control",
  "epoll",
  "floating",
  "heap",
  "mathematics",
  "messages",
  "numbers",
  "printf",
  "selfmodify",
  "sockets",
  "strings",
  "threads",
];

/** The levels besides -O2: how code looks that other options make. */
const LEVELS = ["-O0", "-O1", "-O3", "-Os"] as const;

async function canRunNatively(): Promise<boolean> {
  try {
    await withRunner(() => Promise.resolve());
    return true;
  } catch (error) {
    console.error(`tests/programs_test.ts is left out: ${error}`);
    return false;
  }
}

const ignore = !await canRunNatively();

function sourceOf(program: string): string {
  return fromRoot(`guests/test/${program}.c`);
}

const expectations = new Map<string, Promise<NativeResult>>();

function expected(program: string): Promise<NativeResult> {
  let result = expectations.get(program);
  if (!result) {
    result = withNativeProgram(sourceOf(program), (path) => runNative(path));
    expectations.set(program, result);
  }
  return result;
}

async function checkOnKernel(
  program: string,
  options: BuildOptions = {},
  engine?: EngineSettings,
): Promise<void> {
  const image = await buildImage([sourceOf(program)], { flags: ["-w"], ...options });
  const { output, status, crash } = runGuest(await Deno.readFile(image), { engine });
  assertEquals(crash, undefined);
  assertSame({ output, status }, await expected(program));
}

/** Compares line by line, because a difference of whole outputs would be hundreds of lines. */
function assertSame(actual: NativeResult, wanted: NativeResult): void {
  const actualLines = actual.output.split("\n"), wantedLines = wanted.output.split("\n");
  const line = wantedLines.findIndex((text, index) => text !== actualLines[index]);
  if (line >= 0) assertEquals(actualLines[line], wantedLines[line], `line ${line + 1} differs`);
  assertEquals(actualLines.length, wantedLines.length, "number of lines");
  assertEquals(actual.status, wanted.status, "exit status");
}

for (const program of PROGRAMS) {
  Deno.test({
    name: `${program}.c prints in a VM what it prints on Linux`,
    ignore,
    fn: () => checkOnKernel(program),
  });
}

for (const program of PROGRAMS) {
  Deno.test({ name: `${program}.c does so at every level of optimisation`, ignore }, async (t) => {
    for (const optimisation of LEVELS) {
      await t.step(optimisation, () => checkOnKernel(program, { optimisation, flags: ["-w"] }));
    }
  });
}

for (const program of PROGRAMS) {
  Deno.test({ name: `${program}.c does so on every engine`, ignore }, async (t) => {
    for (const name of ["evaluator", "at-once", "forgetful"]) {
      // 200 million instructions are too many for an engine that begins again and again.
      if (name === "forgetful" && program === "printf") continue;
      // Nor is there time to translate a network stack that runs for a second.
      if (name === "at-once" && ["epoll", "messages", "sockets"].includes(program)) continue;
      await t.step(name, () => checkOnKernel(program, {}, TEST_ENGINES[name]));
    }
  });
}

Deno.test({ name: "the same images do the same on the real processor", ignore }, async (t) => {
  await withRunner(async (runner) => {
    for (const program of PROGRAMS) {
      await t.step(program, async () => {
        const image = await buildImage([sourceOf(program)], { flags: ["-w"] });
        assertSame(await runNative(runner, ["-m", "32", image]), await expected(program));
      });
    }
  });
});
