/** `denali start`, `stop`, `kill`, `restart`, `pause`, `resume` and `rm`: one request for each VM. */

import { type Client, CLIENT_EXIT_HELP, HOST_HELP, readClientWords, vmPath } from "./client.ts";
import { type Command, Failure, someWords, UsageError } from "./command.ts";
import { each } from "./each.ts";
import type { VmSummary } from "../vm/record.ts";

interface Verb {
  readonly name: string;
  readonly summary: string;
  /** What it does, for --help. */
  readonly text: string;
  /** Options besides those of every client verb. */
  readonly options?: readonly string[];
  /** Lines for --help. */
  readonly optionHelp?: string;
  readonly flags?: readonly string[];
  /** Returns the VM afterwards, if there still is one. */
  request(client: Client, vm: string, words: Choices): Promise<unknown>;
}

interface Choices {
  readonly text: Readonly<Record<string, string | undefined>>;
  readonly flag: Readonly<Record<string, boolean>>;
}

const GRACE_HELP =
  `  --grace S   ask the guest to end, and give it S seconds, 0 to 300 (default 0)\n`;

export const start = verb({
  name: "start",
  summary: "start VMs that were created or have ended",
  text: "Starts virtual machines that were created, or that have ended: those start afresh.",
  request: (client, vm) => client.post(vmPath(vm, "start")),
});

export const stop = verb({
  name: "stop",
  summary: "end VMs",
  text: "Ends virtual machines. They keep their console, and can be started again.",
  options: ["grace"],
  optionHelp: GRACE_HELP,
  request: (client, vm, { text }) => client.post(vmPath(vm, `stop?grace=${readGrace(text.grace)}`)),
});

export const kill = verb({
  name: "kill",
  summary: "end VMs at once",
  text: "Ends virtual machines without asking their guests.",
  request: (client, vm) => client.post(vmPath(vm, "kill")),
});

export const restart = verb({
  name: "restart",
  summary: "end VMs and start them afresh",
  text: "Ends virtual machines, if they run, and starts them afresh.",
  options: ["grace"],
  optionHelp: GRACE_HELP,
  request: (client, vm, { text }) =>
    client.post(vmPath(vm, `restart?grace=${readGrace(text.grace)}`)),
});

export const pause = verb({
  name: "pause",
  summary: "let VMs stand still",
  text: "Lets virtual machines stand still until they are resumed.",
  request: (client, vm) => client.post(vmPath(vm, "pause")),
});

export const resume = verb({
  name: "resume",
  summary: "let paused VMs go on",
  text: "Lets paused virtual machines go on.",
  request: (client, vm) => client.post(vmPath(vm, "resume")),
});

export const rm = verb({
  name: "rm",
  summary: "forget VMs",
  text: "Forgets virtual machines, their consoles and their ports. Their disks stay.",
  flags: ["force"],
  optionHelp: `  -f, --force  also those that run; nothing is said of those that do not exist\n`,
  request: async (client, vm, { flag }) => {
    if (!flag.force) await refuseRunning(client, vm);
    await client.delete(vmPath(vm));
  },
});

function verb({ name, summary, text, options = [], optionHelp = "", flags = [], request }: Verb) {
  const removes = name === "rm";
  const json = removes ? "" : `  --json      print each virtual machine afterwards as JSON\n`;
  const command: Command = {
    name,
    summary,
    help: `usage: denali ${name} [options] VM...

${text}
VM is a number or a name.

${optionHelp}${json}${HOST_HELP}

${CLIENT_EXIT_HELP}
`,
    async run(args) {
      const { read, client } = readClientWords(args, {
        text: options,
        flag: ["json", ...flags],
        alias: flags.includes("force") ? { f: "force" } : {},
      });
      return await each(someWords(read, "VM"), async (vm) => {
        const answer = await request(client, vm, read);
        console.log(read.flag.json && !removes ? JSON.stringify(answer, null, 2) : vm);
      }, read.flag.force);
    },
  };
  return command;
}

async function refuseRunning(client: Client, vm: string): Promise<void> {
  const { state } = await client.get<VmSummary>(vmPath(vm));
  if (state === "created" || state === "stopped" || state === "crashed") return;
  throw new Failure(`is ${state}; \`denali stop\` it first, or \`denali rm --force\` it`);
}

export function readGrace(text = "0"): number {
  if (/^\d{1,3}$/.test(text) && Number(text) <= 300) return Number(text);
  throw new UsageError(`--grace: expected seconds from 0 to 300, got "${text}"`);
}
