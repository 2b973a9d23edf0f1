/** No verb of the command line is without a test that runs it as a user does: in a process of its own. */

import { assertEquals } from "@std/assert";
import { verbsIn } from "./completion.ts";
import { COMMANDS } from "./main.ts";

const FOLDERS = ["./", "../../tests/"];
/** How tests run `denali`: see testing/command_line.ts. */
const RUNS = /\b(?:ok|run|fails|as|verb|denali|runDenali|withDenali)\(/;

Deno.test("every verb of the command line is run by a test", async () => {
  const tests = (await Promise.all(FOLDERS.map(testsIn))).flat().filter((text) => RUNS.test(text));
  const untested = COMMANDS.flatMap((command) => {
    const verbs = verbsIn(command);
    return verbs.length === 0 ? [[command.name]] : verbs.map((verb) => [command.name, verb]);
  }).filter((words) => !tests.some((text) => says(text, words)));
  assertEquals(untested.map((words) => words.join(" ")), []);
});

/** The source of every test of a folder. */
async function testsIn(folder: string): Promise<string[]> {
  const url = new URL(folder, import.meta.url);
  const texts: string[] = [];
  for await (const { name } of Deno.readDir(url)) {
    if (!name.endsWith("_test.ts") || import.meta.url.endsWith(name)) continue;
    texts.push(...(await Deno.readTextFile(new URL(name, url))).split("\nDeno.test(").slice(1));
  }
  return texts;
}

/** The words as literals one behind the other, of which one may also be an item of a list; or in a shell. */
function says(text: string, words: readonly string[]): boolean {
  const literals = words.map((word) => `"${word}"`).join(",\\s*");
  return text.includes(`denali ${words.join(" ")}`) || new RegExp(literals).test(text);
}
