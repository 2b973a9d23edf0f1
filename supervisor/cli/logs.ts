/** `denali logs`: what a VM wrote to its console. */

import { type Client, CLIENT_EXIT_HELP, HOST_HELP, readClientWords, vmPath } from "./client.ts";
import { type Command, EXIT, oneWord, writeAll } from "./command.ts";

const HELP = `usage: denali logs [-f] [--host URL] VM

Prints the last 64 KiB that a virtual machine wrote to its console.

  -f, --follow  go on with what it writes, until it ends
${HOST_HELP}

${CLIENT_EXIT_HELP}
`;

export const logs: Command = {
  name: "logs",
  summary: "print the console of a VM",
  help: HELP,
  async run(args) {
    const { read, client } = readClientWords(args, { flag: ["follow"], alias: { f: "follow" } });
    await printConsole(client, oneWord(read, "VM"), read.flag.follow);
    return EXIT.OK;
  },
};

/** Copies a VM's console to stdout; with `follow`, until the VM ends. */
export async function printConsole(client: Client, vm: string, follow: boolean): Promise<void> {
  const response = await client.send("GET", vmPath(vm, `console?follow=${follow ? 1 : 0}`));
  for await (const bytes of client.bytes(response)) await writeAll(Deno.stdout, bytes);
}
