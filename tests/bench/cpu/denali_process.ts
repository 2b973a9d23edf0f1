/**
 * A process that answers lines with what a program gives on one of Denali's engines.
 *
 *     deno run --allow-read denali_process.ts evaluator|translator FILE
 */

import { Evaluator } from "../../../cpu/evaluator.ts";
import { Translator } from "../../../cpu/translator/translator.ts";
import { call, load } from "../../support/compile.ts";

const [engine, path] = Deno.args;
const file = Deno.readFileSync(path);
const machine = load(
  file,
  (options) => engine === "evaluator" ? new Evaluator(options) : new Translator(options),
);

const encoder = new TextEncoder(), input = new Uint8Array(64);

function answer(text: string): void {
  Deno.stdout.writeSync(encoder.encode(`${text}\n`));
}

answer("ready");
for (;;) {
  const length = Deno.stdin.readSync(input);
  if (length === null) break;
  const argument = Number(new TextDecoder().decode(input.subarray(0, length)));
  answer((call(machine, argument) >>> 0).toString(16).padStart(8, "0"));
}
