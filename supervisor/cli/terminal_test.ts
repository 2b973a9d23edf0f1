/** The verbs on a terminal, and the shells that complete them. */

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { hasTool } from "../../tests/tools.ts";
import {
  type CliServer,
  DENO_ARGS,
  withCliServer,
  withFolder,
  withGuests,
} from "../testing/command_line.ts";
import { onTerminal, type Step } from "../testing/terminal.ts";

const ignore = !(await hasTool("python3", "gives the verbs a terminal"));

const SIGINT = 2;

function onServer(test: (server: CliServer, folder: string) => Promise<void>): Promise<void> {
  return withGuests((folder) => withCliServer([], (server) => test(server, folder)));
}

/** A verb on a terminal, as a client of `url`. */
function verb(url: string, words: readonly string[], steps: readonly Step[] = [], size = {}) {
  const command = [Deno.execPath(), ...DENO_ARGS, ...words];
  return onTerminal(command, steps, { env: { DENALI_HOST: url, NO_COLOR: "" }, ...size });
}

Deno.test({
  name: "on a terminal every key is the VM's, and Ctrl-] leaves the console",
  ignore,
  fn: () =>
    onServer(async ({ url, ok }, folder) => {
      await ok("create", "--name", "e", `${folder}/echo.elf`);
      const keys: Step[] = [["leaves", "ab\x03c"], ["ab\x03c", "\x1d"]];
      assertEquals((await verb(url, ["console", "e"], keys)).code, 0);
      const words = [Deno.execPath(), ...DENO_ARGS, "console", "--host", url, "e"].join(" ");
      const script = `trap : INT; ${words}; echo status $?; stty -a`;
      const { shown } = await onTerminal(["sh", "-c", script], [["leaves", SIGINT]]);
      assertMatch(shown, /ended by SIGINT\s+status 130\s[^]* icanon /);
      assertMatch(await ok("ps"), /e +echo +running/);
    }),
});

Deno.test({
  name: "on a terminal tables fit, states have colours, and top fills the screen until Ctrl-C",
  ignore,
  fn: () =>
    onServer(async ({ url, ok }, folder) => {
      const names = ["a-name-that-is-rather-long-for-a-table", "busy"];
      for (const name of names) await ok("create", "--name", name, `${folder}/spin.elf`);
      const { shown } = await verb(url, ["ps"], [], { columns: 60 });
      assertStringIncludes(shown, "\x1b[32mrunning\x1b[0m");
      // deno-lint-ignore no-control-regex -- what paints
      const plain = shown.replace(/\x1b\[\d*[a-zA-Z]/g, "").trimEnd().split("\r\n");
      assertEquals([plain.length, plain.every((line) => line.length <= 60)], [3, true], shown);
      assertStringIncludes(plain[1], "…");
      const many = ["create", "--count", "20", "--name", "m", "--no-start", `${folder}/five.elf`];
      const bar = await verb(url, many);
      assertMatch(bar.shown, /\rcreating \[#+\.*\] \d+\/20/);
      const steps: Step[] = [["INSTR/S", ""], ["\x1b[H\x1b[2J", "\x03"]];
      const top = await verb(url, ["top", "--interval", "0.1"], steps, { rows: 10 });
      assertEquals(top.code, 0);
      const screen = top.shown.split("\x1b[H\x1b[2J")[1];
      assertMatch(screen, /^22 VMs, 2 running/);
      assert(screen.split("\r\n").length <= 10, screen);
      const narrow = await verb(url, ["top", "--interval", "0.1"], steps, {
        rows: 10,
        columns: 30,
      });
      assertMatch(narrow.shown.split("\x1b[H\x1b[2J")[1], /^22 VMs, 2 running, .{10}…\r\n/);
    }),
});

const READY = "echo re''ady\n";
const HALF: Step = ["ready\r\n", "denali image veri\t"];
const DONE: Step = ["denali image verify", "\x15exit\n"];

for (
  const [shell, flags, load] of [
    ["bash", ["--norc", "--noprofile", "-i"], "source <(denali completion bash)"],
    [
      "zsh",
      ["-f", "-i"],
      "autoload -Uz compinit; compinit -u -D; source <(denali completion zsh)",
    ],
  ] as const
) {
  Deno.test({
    name: `${shell} completes verbs at the Tab key with the script that is printed for it`,
    ignore: ignore || !(await hasTool(shell, "runs the completion script")),
    fn: () =>
      withDenali(async (env) => {
        const steps: Step[] = [["", `${load}; ${READY}`], HALF, DONE];
        const { code } = await onTerminal([shell, ...flags], steps, { env });
        assertEquals(code, 0);
      }),
  });
}

Deno.test({
  name: "fish completes verbs with the script that is printed for it",
  ignore: !(await hasTool("fish", "runs the completion script")),
  fn: () =>
    withDenali(async (env) => {
      const script = 'denali completion fish | source; complete -C "denali image veri"';
      const { stdout } = await new Deno.Command("fish", { args: ["-N", "-c", script], env })
        .output();
      assertEquals(new TextDecoder().decode(stdout), "verify\n");
    }),
});

/** Calls `test` with an environment in which `denali` is this one. */
function withDenali(test: (env: Record<string, string>) => Promise<void>): Promise<void> {
  return withFolder(async (folder) => {
    const words = [Deno.execPath(), ...DENO_ARGS].map((word) => `'${word}'`).join(" ");
    await Deno.writeTextFile(`${folder}/denali`, `#!/bin/sh\nexec ${words} "$@"\n`);
    await Deno.chmod(`${folder}/denali`, 0o755);
    await test({ PATH: `${folder}:${Deno.env.get("PATH")}`, HISTFILE: "/dev/null" });
  });
}
