/** `denali start`, `stop`, `pause`, `resume` and `rm`: one request for each VM that is named. */

import { Client, CLIENT_EXIT_HELP, HOST_HELP, vmPath } from "./client.ts";
import { type Command, EXIT, Failure, readWords, UsageError } from "./command.ts";

type Request = (client: Client, vm: string, grace: number) => Promise<unknown>;

const JSON_LINE = `  --json      print each virtual machine afterwards as JSON\n`;
const GRACE_LINE =
  `  --grace S   ask the guest to end, and give it S seconds, 0 to 300 (default 0)\n`;

export const start = verb(
  "start",
  "start VMs that were created or have ended",
  "Starts virtual machines that were created, or that have ended: those start afresh.",
  (client, vm) => client.post(vmPath(vm, "start")),
);

export const stop = verb(
  "stop",
  "end VMs",
  "Ends virtual machines. They keep their console, and can be started again.",
  (client, vm, grace) => client.post(vmPath(vm, `stop?grace=${grace}`)),
  true,
);

export const pause = verb(
  "pause",
  "let VMs stand still",
  "Lets virtual machines stand still until they are resumed.",
  (client, vm) => client.post(vmPath(vm, "pause")),
);

export const resume = verb(
  "resume",
  "let paused VMs go on",
  "Lets paused virtual machines go on.",
  (client, vm) => client.post(vmPath(vm, "resume")),
);

export const rm = verb(
  "rm",
  "end and forget VMs",
  "Ends virtual machines and forgets them, their consoles and their ports.",
  (client, vm) => client.send("DELETE", vmPath(vm)),
);

function verb(
  name: string,
  summary: string,
  text: string,
  request: Request,
  hasGrace = false,
): Command {
  const grace = hasGrace ? GRACE_LINE : "";
  const json = name === "rm" ? "" : JSON_LINE;
  return {
    name,
    summary,
    help: `usage: denali ${name} [options] VM...

${text}
VM is a number or a name.

${grace}${json}${HOST_HELP}

${CLIENT_EXIT_HELP}
`,
    async run(args) {
      const { text, flag, words } = readWords(args, {
        text: hasGrace ? ["host", "grace"] : ["host"],
        flag: ["json"],
      });
      if (words.length === 0) throw new UsageError("expected at least one VM, got none");
      return await each(new Client(text.host), words, async (client, vm) => {
        const answer = await request(client, vm, readGrace(text.grace));
        console.log(flag.json && name !== "rm" ? JSON.stringify(answer, null, 2) : vm);
      });
    },
  };
}

function readGrace(text = "0"): number {
  if (/^\d{1,3}$/.test(text) && Number(text) <= 300) return Number(text);
  throw new UsageError(`--grace: expected seconds from 0 to 300, got "${text}"`);
}

/** Goes on after a refusal, so that `rm a b c` removes what it can. */
export async function each(
  client: Client,
  vms: readonly string[],
  act: (client: Client, vm: string) => Promise<void>,
): Promise<number> {
  let result: number = EXIT.OK;
  for (const vm of vms) {
    try {
      await act(client, vm);
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      console.error(`denali: ${vm}: ${error.message}`);
      result = EXIT.FAILED;
    }
  }
  return result;
}
