/**
 * `denali completion`: what a shell needs to complete command lines.
 *
 * The scripts know nothing by heart: they hand the words typed so far to `denali completion words`,
 * which finds verbs and options in the help texts, and names of VMs at the server.
 */

import { Client } from "./client.ts";
import { type Command, EXIT, oneOf, oneWord, readWords } from "./command.ts";
import type { VmSummary } from "../vm/record.ts";

const HELP = `usage: denali completion bash|zsh|fish

Prints a script that makes the shell complete verbs, options, and the names of virtual machines.

  bash   denali completion bash > ~/.local/share/bash-completion/completions/denali
  zsh    denali completion zsh > "\${fpath[1]}/_denali"
  fish   denali completion fish > ~/.config/fish/completions/denali.fish

Exit status: 0 done, 127 bad command line.
`;

const SCRIPTS: Readonly<Record<string, string>> = {
  bash: `_denali() {
  local words
  mapfile -t words < <(denali completion words -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
  mapfile -t COMPREPLY < <(compgen -W "\${words[*]}" -- "\${COMP_WORDS[COMP_CWORD]}")
}
complete -o default -F _denali denali
`,
  zsh: `#compdef denali
_denali() {
  local -a found
  found=(\${(f)"$(denali completion words -- "\${(@)words[2,CURRENT]}" 2>/dev/null)"})
  if (( \${#found} )); then compadd -a found; else _files; fi
}
if [ "$funcstack[1]" = _denali ]; then _denali "$@"; else compdef _denali denali; fi
`,
  fish: `function __denali_words
  set -l typed (commandline -opc) (commandline -ct)
  denali completion words -- $typed[2..-1] 2>/dev/null
end
complete -c denali -a '(__denali_words)'
`,
};

/** `commands` is only asked when the verb runs: it is one of them. */
export function completionOf(commands: () => readonly Command[]): Command {
  return {
    name: "completion",
    summary: "print a script that completes command lines",
    help: HELP,
    async run(args) {
      const read = readWords(args, {});
      const what = oneWord(read, "shell: bash, zsh or fish");
      if (what === "words") {
        for (const word of await complete(commands(), read.rest)) console.log(word);
        return EXIT.OK;
      }
      console.log(SCRIPTS[oneOf("completion", what, Object.keys(SCRIPTS))].trimEnd());
      return EXIT.OK;
    },
  };
}

/** What may stand in place of the last of `typed`, the words behind `denali`. */
export async function complete(
  commands: readonly Command[],
  typed: readonly string[],
): Promise<string[]> {
  const last = typed.at(-1) ?? "";
  if (typed.length <= 1) return begin(last, commands.map(({ name }) => name));
  const command = commands.find(({ name }) => name === typed[0]);
  if (command === undefined || typed.slice(0, -1).includes("--")) return [];
  if (last.startsWith("-")) return begin(last, optionsIn(command.help));
  const verbs = verbsIn(command);
  if (verbs.length > 0 && typed.length === 2) return begin(last, verbs);
  return /\bVM\b/.test(usageOf(command)) ? begin(last, await vmNames()) : [];
}

/** The options that a help text tells of. */
export function optionsIn(help: string): string[] {
  const lines = help.matchAll(/^ {2}(?:-\w, )?(--[a-z][a-z-]*)/gm);
  return [...new Set([...lines].map(([, option]) => option)), "--help"];
}

/** The verbs of a command that has several: `denali image verify ...` in the usage, `verify`. */
export function verbsIn(command: Command): string[] {
  const verbs = usageOf(command).matchAll(new RegExp(`denali ${command.name} ([a-z|]+)`, "g"));
  return [...verbs].flatMap(([, words]) => words.split("|"));
}

function usageOf({ help }: Command): string {
  return help.slice(0, help.indexOf("\n\n"));
}

function begin(start: string, words: readonly string[]): string[] {
  return [...new Set(words)].filter((word) => word.startsWith(start));
}

/** Of the server that a verb would talk to; none if it cannot be reached. */
async function vmNames(): Promise<string[]> {
  try {
    return (await new Client({}).get<VmSummary[]>("/v1/vms")).map(({ name }) => name);
  } catch {
    return [];
  }
}
