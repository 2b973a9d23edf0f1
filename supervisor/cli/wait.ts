/** `denali wait`: until VMs have ended. */

import { type Client, CLIENT_EXIT_HELP, HOST_HELP, readClientWords, vmPath } from "./client.ts";
import { type Command, Failure, someWords } from "./command.ts";
import { each } from "./each.ts";
import { readNumber } from "./number.ts";
import type { VmSummary } from "../vm/record.ts";

const HELP = `usage: denali wait [--timeout S] [--json] [--host URL] VM...

Waits until virtual machines have ended, one after the other, and prints the code that each ended
with.

  --timeout S  give up after S seconds (default: never)
  --json      print each virtual machine as JSON
${HOST_HELP}

${CLIENT_EXIT_HELP}
`;

/** The server answers after this at the latest, and is asked again. */
const TURN_SECONDS = 30;
/** Request Timeout (RFC 9110, 15.5.9). */
const TIMED_OUT = 408;

export const wait: Command = {
  name: "wait",
  summary: "wait until VMs have ended",
  help: HELP,
  async run(args) {
    const { read, client } = readClientWords(args, { text: ["timeout"], flag: ["json"] });
    const timeout = readNumber("timeout", read.text.timeout ?? "1e9", 0, 1e9);
    const deadline = performance.now() + timeout * 1000;
    return await each(someWords(read, "VM"), async (word) => {
      const vm = await ended(client, word, deadline);
      if (vm === undefined) throw new Failure(`has not ended in ${timeout} s`);
      console.log(read.flag.json ? JSON.stringify(vm, null, 2) : vm.exitCode ?? vm.state);
    });
  },
};

/** Undefined: not until then. */
async function ended(
  client: Client,
  vm: string,
  deadline: number,
): Promise<VmSummary | undefined> {
  for (;;) {
    const left = (deadline - performance.now()) / 1000;
    const seconds = Math.ceil(Math.max(0, Math.min(TURN_SECONDS, left)));
    try {
      return await client.get<VmSummary>(vmPath(vm, `wait?timeout=${seconds}`));
    } catch (error) {
      if (!(error instanceof Failure) || error.status !== TIMED_OUT) throw error;
      if (left <= 0) return undefined;
    }
  }
}
