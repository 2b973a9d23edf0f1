import { assert, assertEquals } from "@std/assert";
import { hasTool } from "../../tests/tools.ts";
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

Deno.test({
  name: "bash completes with the script that is printed",
  ignore: !(await hasTool("bash", "runs the completion script")),
  fn: async () => {
    const main = new URL("../../main.ts", import.meta.url).pathname;
    const script = `
      denali() { ${Deno.execPath()} run -A --no-prompt --cached-only ${main} "$@"; }
      source <(denali completion bash)
      COMP_WORDS=(denali image ver) COMP_CWORD=2
      _denali
      echo "\${COMPREPLY[*]}"`;
    const { stdout } = await new Deno.Command("bash", { args: ["-c", script] }).output();
    assertEquals(new TextDecoder().decode(stdout), "verify\n");
  },
});

function isVerb(word: string): boolean {
  return COMMANDS.some(({ name }) => name === word);
}
