/**
 * The README, followed by the letter as a new user would: its service is built, run, published, reached,
 * given a disk, stopped, started with its data still there, and removed; and its program that embeds a
 * supervisor runs.
 */

import { assertEquals, assertMatch, fail } from "@std/assert";
import { buildGuests } from "../guests/build.ts";
import { denali, release, runDenali, withFolder } from "../supervisor/testing/command_line.ts";
import { freePort } from "./support/free_port.ts";
import { hasTool } from "./tools.ts";

const ROOT = new URL("../", import.meta.url).pathname;

/** The blocks of code of one section, in their order. */
async function blocks(heading: string): Promise<{ language: string; text: string }[]> {
  const readme = await Deno.readTextFile(`${ROOT}README.md`);
  const section = readme.split(/^## /m).find((text) => text.startsWith(`${heading}\n`))!;
  return [...section.matchAll(/^```(\w*)\n(.*?)^```$/gms)]
    .map(([, language, text]) => ({ language, text }));
}

/** Commands with what the README says that they print, if it says so. */
function commands(text: string): { words: string[]; prints?: string }[] {
  return text.trimEnd().split("\n").map((line) => {
    const [command, prints] = line.split(/ +# /);
    return { words: command.split(" "), prints };
  });
}

async function run(command: string, args: string[], cwd: string): Promise<string> {
  const options = { args, cwd, stdout: "piped", stderr: "piped" } as const;
  const { success, stdout, stderr } = await new Deno.Command(command, options).output();
  const text = new TextDecoder().decode(stdout);
  assertEquals([success, success || new TextDecoder().decode(stderr)], [true, true], text);
  return text;
}

Deno.test({
  name: "who follows the README has a service with a disk of its own",
  ignore: !(await hasTool("curl", "the README reaches its service with it")),
  fn: () =>
    withFolder(async (folder) => {
      const [source, server, client] = await blocks("Run a service of your own");
      assertEquals([source.language, server.language, client.language], ["c", "sh", "sh"]);
      const [build, up] = commands(server.text).map(({ words }) => words);
      assertEquals(build, "deno task guests build visits.c -o visits.elf".split(" "));
      assertEquals(up.slice(0, 4), "deno task denali up".split(" "));
      await Deno.writeTextFile(`${folder}/visits.c`, source.text);
      const builder = ["run", "-A", `${ROOT}guests/build.ts`, ...build.slice(3)];
      await run(Deno.execPath(), builder, folder);

      // Other ports than the README's, which may be in use: 8080 and 8000.
      const child = denali(["up", "--listen", "127.0.0.1:0", "--data", `${folder}/data`]).spawn();
      const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
      let said = "", url: string | undefined;
      while (url === undefined) {
        said += (await reader.read()).value ?? fail(said);
        url = /(http:\S+)\n/.exec(said)?.[1];
      }
      const ports = new Map([["8080", new URL(url).port], ["8000", String(freePort())]]);
      const local = (word: string) =>
        word.replace(/\b8(?:08|00)0\b/, (port) => ports.get(port)!)
          .replace(/^\.\//, `${folder}/`);
      try {
        for (const { words, prints } of commands(client.text)) {
          if (words[0] === "curl") {
            assertEquals(
              await run("curl", ["-s", ...words.slice(1).map(local)], folder),
              `${prints}\n`,
            );
            continue;
          }
          assertEquals(words.slice(0, 3), ["deno", "task", "denali"]);
          const args = words.slice(3).map(local);
          const { code, stderr } = await runDenali(args, "", { DENALI_HOST: url });
          assertEquals([code, stderr], [0, ""], words.join(" "));
        }
        const { stdout } = await runDenali(["ps", "-q"], "", { DENALI_HOST: url });
        assertEquals(stdout, "");
        assertMatch(
          (await runDenali(["disk", "ls"], "", { DENALI_HOST: url })).stdout,
          /^NAME.*\n$/,
        );
      } finally {
        await release(child, reader);
      }
    }),
});

Deno.test("who follows the README has a program of their own with virtual machines in it", () =>
  withFolder(async (folder) => {
    await buildGuests(["hello"]);
    const [config] = await blocks("Embed it");
    await Deno.writeTextFile(`${folder}/deno.json`, config.text.replace("../denali", ROOT));
    const module = await Deno.readTextFile(`${ROOT}mod.ts`);
    const [, example] = /```ts\n(.*?)```/s.exec(module.replaceAll(/^ \* ?/gm, ""))!;
    await Deno.writeTextFile(`${folder}/main.ts`, example);
    const output = await run(Deno.execPath(), ["run", "-A", "--cached-only", "main.ts"], folder);
    assertMatch(output, /^Hello from greeter, .* memory\.\n 0\n$/);
  }));
