import { assert, assertEquals } from "@std/assert";
import { complete, optionsIn } from "./completion.ts";
import { COMMANDS } from "./main.ts";

Deno.test("verbs, their verbs and their options are completed", async () => {
  assertEquals(await complete(COMMANDS, ["res"]), ["restart", "resume"].filter(isVerb));
  assertEquals(await complete(COMMANDS, ["image", "v"]), ["verify"]);
  assertEquals(await complete(COMMANDS, ["run", "--memo"]), ["--memory"]);
  assertEquals(await complete(COMMANDS, ["run", "hello", "--", "--memo"]), []);
  assert((await complete(COMMANDS, [""])).includes("completion"));
});

Deno.test("every option that a help text tells of is one that its verb knows", async () => {
  for (
    const { name, help, run } of COMMANDS.filter(({ help }) => !/^usage: .* [a-z]+\|/.test(help))
  ) {
    for (const option of optionsIn(help).filter((option) => option !== "--help")) {
      // Twice, and without a value: a known option complains of that, an unknown one of its name.
      const words = [`${option}=`, `${option}=`];
      const message = await run(words).then(() => "", (error: Error) => error.message);
      assert(!message.includes("unknown option"), `${name} ${option}: ${message}`);
    }
  }
});

function isVerb(word: string): boolean {
  return COMMANDS.some(({ name }) => name === word);
}
